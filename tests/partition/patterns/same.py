"""Whether two patterns are the same: structure, names, and which parts they share."""

from __future__ import annotations

import re

from byoc.partition.patterns.ast import Alternatives, Item, Number, Op, Pattern, Tuple, Wildcard
from byoc.partition.patterns.walk import children

GENERATED = re.compile(r"v\d+")


def same(ones: tuple[Pattern, ...], others: tuple[Pattern, ...]) -> bool:
    """Names that the printer made up for parts without one (`v1`) count as no name."""
    pairs: dict[Pattern, Pattern] = {}
    return len(ones) == len(others) and all(
        _same(one, other, pairs) for one, other in zip(ones, others, strict=True)
    )


def _same(one: Pattern, other: Pattern, pairs: dict[Pattern, Pattern]) -> bool:
    if one in pairs or other in pairs.values():
        return pairs.get(one) is other
    if type(one) is not type(other) or _data(one) != _data(other) or not _named(one, other):
        return False
    if not isinstance(one, Number):
        pairs[one] = other
    inside, beside = children(one), children(other)
    return len(inside) == len(beside) and all(
        _same(each, its, pairs) for each, its in zip(inside, beside, strict=True)
    )


def _named(one: Pattern, other: Pattern) -> bool:
    if isinstance(one, Number) or isinstance(other, Number):
        return True
    own, its = (each.name for each in (one, other))  # type: ignore[union-attr]
    return own == its or (not own and GENERATED.fullmatch(its) is not None)


def _data(pattern: Pattern) -> object:
    match pattern:
        case Wildcard(constant=constant):
            return constant
        case Number(value=value):
            return value
        case Op(ops=ops, args=args, rest=rest, attrs=attrs):
            return ops, rest or args is None, dict(attrs)
        case Tuple(fields=fields):
            return fields is None
        case Item(index=index):
            return index
        case Alternatives():
            return None
    raise AssertionError(pattern)
