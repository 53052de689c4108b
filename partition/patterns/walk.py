"""Questions about a pattern's structure: its nodes, its size, the ops at its root, the names it gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from byoc.partition.patterns.ast import (
    Alternatives,
    Item,
    Number,
    Op,
    Pattern,
    Tuple,
    Where,
)


def children(pattern: Pattern) -> tuple[Pattern, ...]:
    """Return the patterns directly inside `pattern`, in the order written."""
    if isinstance(pattern, Op):
        return pattern.args or ()
    if isinstance(pattern, Alternatives):
        return pattern.options
    if isinstance(pattern, Tuple):
        return pattern.fields or ()
    if isinstance(pattern, Item):
        return (pattern.tuple,)
    return (pattern.pattern,) if isinstance(pattern, Where) else ()


def nodes(outputs: Iterable[Pattern]) -> list[Pattern]:
    """Return every node once, operands before their users, in the order written."""
    found: dict[Pattern, None] = {}

    def visit(pattern: Pattern) -> None:
        if pattern in found:
            return
        for child in children(pattern):
            visit(child)
        found[pattern] = None

    for output in outputs:
        visit(output)
    return list(found)


@lru_cache(maxsize=1024)
def size(*outputs: Pattern) -> int:
    """Return the most ops that the pattern can match; a shared op counts once."""
    largest: dict[Pattern, frozenset[Pattern]] = {}
    for pattern in nodes(outputs):
        inside = [largest[child] for child in children(pattern)]
        if isinstance(pattern, Alternatives):
            largest[pattern] = max(inside, key=len, default=frozenset())
            continue
        own = frozenset([pattern] if isinstance(pattern, Op) else [])
        largest[pattern] = own.union(*inside)
    return len(frozenset().union(*[largest[output] for output in outputs]))


def roots(pattern: Pattern) -> frozenset[str] | None:
    """Return the ops that can stand at the pattern's output; None when it can match a value that no op computes.

    An item of a tuple has the roots of the tuple.
    """
    if isinstance(pattern, Op):
        return frozenset(pattern.ops)
    if isinstance(pattern, Item):
        return roots(pattern.tuple)
    if isinstance(pattern, Where):
        return roots(pattern.pattern)
    if not isinstance(pattern, Alternatives):
        return None
    found: list[frozenset[str]] = []
    for option in pattern.options:
        each = roots(option)
        if each is None:
            return None
        found.append(each)
    return frozenset().union(*found)


def names(*outputs: Pattern) -> tuple[str, ...]:
    """Return the names that rules may use (wildcards and named values), in the order of evaluation."""
    found: dict[str, None] = {}
    for pattern in nodes(outputs):
        found.update(dict.fromkeys(own_name(pattern)))
    return tuple(found)


def stray(outputs: Sequence[Pattern]) -> int | None:
    """Return the place of the first output that shares no part with those before it in matching, None for none.

    Matching starts at the first output that no other contains, and looks for the others from what it matched.
    """
    parts = [frozenset(nodes((each,))) for each in outputs]
    inside = {part for each, own in zip(outputs, parts, strict=True) for part in own - {each}}
    first = next((place for place, each in enumerate(outputs) if each not in inside), 0)
    known = parts[first] if parts else frozenset()
    for place, own in enumerate(parts):
        if known.isdisjoint(own):
            return place
        known |= own
    return None


def own_name(pattern: Pattern) -> tuple[str, ...]:
    """Return the name of this very node, if it has one."""
    if isinstance(pattern, Number | Where) or not pattern.name:
        return ()
    return (pattern.name,)


def is_optional(pattern: Pattern) -> bool:
    """Whether the pattern is `op?(x, ...)`: an op around its first operand, or that operand alone."""
    if not isinstance(pattern, Alternatives) or len(pattern.options) != 2:
        return False
    outer, inner = pattern.options
    return isinstance(outer, Op) and bool(outer.args) and outer.args[0] is inner  # type: ignore[index]
