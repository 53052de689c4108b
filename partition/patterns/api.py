"""The Python form of patterns, in the style of TVM's `relax.dpl`: what `byoc.patterns` offers.

    from byoc import patterns as p

    conv = p.is_op("nn.conv2d")(p.wildcard("x"), p.is_const("w"))
    act = conv.optional(p.is_op("nn.relu"))
    rows = [p.row("mychip", "conv2d_relu", act, priority=10)]

Using one pattern object twice means the same node of the graph, as in `dpl`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from byoc.errors import PatternError, nearest
from byoc.partition.patterns import walk
from byoc.partition.patterns.ast import Item, Number, Op, Pattern, Row, Tuple, Wildcard
from byoc.partition.patterns.calls import arity_mistake, attribute_mistake
from byoc.partition.patterns.fluent import Fluent, operand
from byoc.support.ops import is_foreign, known_ops


def wildcard(name: str = "") -> Wildcard:
    """Match any value; rules speak of it by `name`."""
    return Wildcard(name)


def is_const(name: str = "") -> Wildcard:
    """Match a value whose data is known at partition time."""
    return Wildcard(name, constant=True)


def is_number(value: float) -> Number:
    """Match a constant whose every element is `value`, within 1e-5 relative or its dtype's precision."""
    return Number(float(value))


def is_op(*ops: str) -> Op:
    """Match a call of one of `ops`; call the result with the operands.

    `is_op("nn.relu")(x)`; `is_op("add", "multiply")(x, y)` matches either. `add`, `multiply`, `maximum` and
    `minimum` match their operands in either order. Uncalled it matches any operands. An ONNX operator is named
    `onnx.LSTM`, or `domain.Op`. Raises PatternError for an unknown op, with the nearest known name.
    """
    found = []
    for op in ops:
        name = op.removeprefix("relax.")
        if name not in known_ops() and not is_foreign(name):
            raise PatternError(f"unknown op {op!r}{nearest(name, known_ops())}")
        found.append(name)
    if not found:
        raise PatternError('is_op() names no op; expected at least one: is_op("nn.relu")')
    return Op(tuple(found))


def is_tuple(*fields: Any, name: str = "") -> Tuple:
    """Match a tuple of exactly these fields (patterns, numbers, tuples); `is_tuple()` is the empty one."""
    return Tuple(tuple([operand(each) for each in fields]), name)


def any_tuple(name: str = "") -> Tuple:
    """Match a tuple of any length, which rules see as one input; written `(*name)` in text."""
    return Tuple(None, name)


def is_tuple_get_item(value: Pattern, index: int | None = None) -> Item:
    """Match item `index` of a tuple; None is any item. The same as `value[index]`."""
    return value[index]


def optional(pattern: Pattern, build: Callable[[Pattern], Pattern]) -> Pattern:
    """Match `build(pattern)`, else `pattern` alone. The same as `pattern.optional(build)`."""
    return pattern.optional(build)


def outputs(*patterns: Pattern) -> tuple[Pattern, ...]:
    """Make a pattern with several outputs, which share nodes; each of them may be used outside the match."""
    return patterns


def row(
    vendor: str,
    name: str,
    pattern: Pattern | tuple[Pattern, ...],
    *,
    priority: int = 0,
    check: Callable[..., Any] | None = None,
    qdq: bool = False,
    annotations: Mapping[str, Pattern] | None = None,
) -> Row:
    """Make a row of a pattern table, for `byoc_pattern_table`.

    The composite is called `VENDOR.NAME`. `pattern` is one pattern or several `outputs`. `check` is asked in a
    worker process about each match, given as a `Region`, and answers with a bool or a Refusal. `annotations` name
    parts of the pattern. Raises PatternError when an output can match a value that no op computes or shares none
    with the others, when a call has operands or attributes that its op has not, and when two different parts have
    one name.
    """
    if isinstance(priority, bool) or not isinstance(priority, int):
        what = (
            f"the priority is {priority!r}; expected a whole number, larger for rows to try first"
        )
        raise PatternError(what, where=f"{vendor}.{name}")
    if check is not None and not callable(check):
        what = f"the check is {check!r}; expected a function of a Region, or None"
        raise PatternError(what, where=f"{vendor}.{name}")
    found = pattern if isinstance(pattern, tuple) else (pattern,)
    if not all(isinstance(each, Fluent) for each in found):
        what = f"the pattern is {pattern!r}; expected a pattern of byoc.patterns (parse(text) for a text)"
        raise PatternError(what, where=f"{vendor}.{name}")
    full = name if name.startswith(f"{vendor}.") else f"{vendor}.{name}"
    validate(found, full)
    _validate_calls(found, full)
    return Row(
        vendor, full, found, priority, check=check, annotations=dict(annotations or {}), qdq=qdq
    )


def validate(patterns: tuple[Pattern, ...], where: str) -> None:
    """Hold a pattern to what matching needs; raises PatternError."""
    if not patterns:
        raise PatternError("the pattern has no output; expected at least one", where=where)
    for index, output in enumerate(patterns):
        if walk.roots(output) is None:
            what = f"output {index} can match a value that no op computes; its root must be an op"
            raise PatternError(what, where=where)
        if output in patterns[:index]:
            raise PatternError(f"output {index} is listed twice", where=where)
    apart = walk.stray(patterns)
    if apart is not None:
        what = f"output {apart} shares no value with the others; give it a row of its own"
        raise PatternError(what, where=where)
    owners: dict[str, Pattern] = {}
    for pattern in walk.nodes(patterns):
        for name in walk.own_name(pattern):
            if owners.setdefault(name, pattern) is not pattern:
                what = f"two parts are named {name!r}; use one pattern object for one node"
                raise PatternError(what, where=where)


def _validate_calls(patterns: tuple[Pattern, ...], where: str) -> None:
    for each in walk.nodes(patterns):
        if not isinstance(each, Op):
            continue
        wrong = [attribute_mistake(each.ops, name) for name in each.attrs]
        if each.args is not None:
            wrong += [arity_mistake(op, len(each.args), rest=each.rest) for op in each.ops]
        for words in filter(None, wrong):
            raise PatternError(words, where=where)
