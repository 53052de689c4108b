"""Whether a pattern fits at a node, all by itself: what TVM's AndPattern and NotPattern ask.

Nothing here looks at users or overlaps; matching whole rows is the work of `byoc.partition.match`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from byoc.partition.facts import attributes, tensor
from byoc.partition.graph import Graph, Kind
from byoc.partition.patterns.ast import (
    COMMUTATIVE,
    Alternatives,
    Item,
    Number,
    Op,
    Pattern,
    Tuple,
    Where,
    Wildcard,
)
from byoc.partition.patterns.attributes import hold
from byoc.partition.patterns.numbers import agrees, uniform

Bound = Mapping[Pattern, int]

_MOST_TRIES = 256
"""Ways to fit one operand that are followed up, as in matching."""


def fits(pattern: Pattern, graph: Graph, node: int) -> bool:
    """Whether `pattern` can be laid over the graph with its output at `node`."""
    return next(_fit(pattern, graph, node, {}), None) is not None


def laid(pattern: Pattern, graph: Graph, node: int, bound: Bound) -> Bound | None:
    """What the parts of `pattern` stand for with its output at `node`, given what some do; None for nothing."""
    return next(_fit(pattern, graph, node, bound), None)


def _fit(pattern: Pattern, graph: Graph, node: int, bound: Bound) -> Iterator[Bound]:
    """Every way to fit, each as the nodes that the pattern's parts stand for."""
    if pattern in bound:
        if bound[pattern] == node:
            yield bound
        return
    for found in islice(_inside(pattern, graph, node, bound), _MOST_TRIES):
        yield {**found, pattern: node}


def _inside(pattern: Pattern, graph: Graph, node: int, bound: Bound) -> Iterator[Bound]:
    if isinstance(pattern, Wildcard):
        if not pattern.constant or graph.kinds[node] is Kind.CONSTANT:
            yield bound
    elif isinstance(pattern, Number):
        if _is_number(pattern.value, graph, node):
            yield bound
    elif isinstance(pattern, Alternatives):
        for option in pattern.options:
            yield from _fit(option, graph, node, bound)
    elif isinstance(pattern, Where):
        if pattern.holds(graph, node):
            yield from _fit(pattern.pattern, graph, node, bound)
    elif isinstance(pattern, Item):
        if graph.kinds[node] is Kind.ITEM and pattern.index in (None, graph.items[node]):
            yield from _fit(pattern.tuple, graph, graph.operands[node][0], bound)
    elif isinstance(pattern, Tuple):
        if graph.kinds[node] is Kind.TUPLE:
            yield from _fields(pattern, graph, node, bound)
    else:
        yield from _op(pattern, graph, node, bound)


def _fields(pattern: Tuple, graph: Graph, node: int, bound: Bound) -> Iterator[Bound]:
    given = graph.operands[node]
    if pattern.fields is None:
        yield bound
    elif len(given) == len(pattern.fields):
        yield from _all(pattern.fields, graph, given, bound)


def _op(pattern: Op, graph: Graph, node: int, bound: Bound) -> Iterator[Bound]:
    if graph.kinds[node] is not Kind.CALL or graph.ops[node] not in pattern.ops:
        return
    given = graph.operands[node]
    if pattern.attrs:
        shape = tensor(graph, given[0]).shape if given else None
        rank = None if shape is None else len(shape)
        if not hold(pattern.attrs, attributes(graph, node), rank):
            return
    if pattern.args is None:
        yield bound
        return
    beyond = given[len(pattern.args) :]
    literal = all(graph.kinds[each] is Kind.LITERAL for each in beyond)
    if len(given) < len(pattern.args) or not (pattern.rest or literal):
        return
    yield from _all(pattern.args, graph, given, bound)
    if graph.ops[node] in COMMUTATIVE and len(pattern.args) == 2:
        yield from _all(pattern.args, graph, given[::-1], bound)


def _all(
    patterns: Sequence[Pattern], graph: Graph, given: Sequence[int], bound: Bound
) -> Iterator[Bound]:
    """Fit each pattern to its operand, coming back for other ways when a later one does not fit."""
    if not patterns:
        yield bound
        return
    for found in _fit(patterns[0], graph, given[0], bound):
        yield from _all(patterns[1:], graph, given[1:], found)


def _is_number(wanted: float, graph: Graph, node: int) -> bool:
    read = tensor(graph, node).value
    held = None if read is None else uniform(read())
    return held is not None and agrees(held[0], wanted, held[1])
