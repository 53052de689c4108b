"""Search: the ways in which a pattern matches at a node, one after the other.

Backtracking over goals (a pattern, what it must match). A pattern object that was met before must match the same
thing again; alternatives and the two orders of commutative ops are the points the search comes back to.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from byoc.partition.facts import attributes, quant, tensor, value
from byoc.partition.graph import Graph, Group, Kind
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
from byoc.partition.patterns.numbers import TOLERANCE, agrees, uniform

Value: TypeAlias = Any
"""What a pattern matched: a node id, a Group, the data or the tuple of values that a group holds as an input."""

Goals: TypeAlias = "tuple[Pattern, Value, Goals] | None"
Way: TypeAlias = "tuple[tuple[Pattern, Value], ...]"


@dataclass(slots=True)
class Places:
    """Where a graph's groups give their outputs: node -> the group and the output's position."""

    at: Mapping[int, tuple[Group, int]]

    @classmethod
    def of(cls, graph: Graph) -> Places:
        """The places of all groups of `graph`."""
        return cls(
            {
                node: (group, position)
                for group in graph.groups
                for position, node in enumerate(group.outputs)
                if node >= 0
            }
        )


@dataclass(slots=True)
class Search:
    """One search from the node `start`. `env` is the match so far, read after each `solve` yields.

    In a `quantised` search every tensor input must come from a `dequantize` with constant parameters. Ops that
    are `taken` already do not match.
    """

    graph: Graph
    places: Places
    start: int
    quantised: bool = False
    taken: Container[int] = ()
    env: dict[Pattern, Value] = field(default_factory=dict)

    def solve(self, goals: Goals) -> Iterator[None]:
        """Yield once for each way in which all `goals` hold."""
        if goals is None:
            yield
            return
        pattern, given, rest = goals
        if self.places.at:
            given = self._as_group(pattern, given)
        env = self.env
        if pattern in env:
            if self._same(env[pattern], given):
                yield from self.solve(rest)
            return
        env[pattern] = given
        for way in self._ways(pattern, given):
            chain = rest
            for subpattern, each in reversed(way):
                chain = (subpattern, each, chain)
            yield from self.solve(chain)
        del env[pattern]

    def _as_group(self, pattern: Pattern, given: Value) -> Value:
        """The group whose first output `given` is (any output, where the search starts), if `pattern` names it."""
        if isinstance(pattern, Op) and isinstance(given, int) and given in self.places.at:
            group, position = self.places.at[given]
            if group.op in pattern.ops and (position == 0 or given == self.start):
                return group
        return given

    def _same(self, one: Value, other: Value) -> bool:
        if one is other:
            return True
        if not isinstance(one, int) or not isinstance(other, int):
            return False
        return one == other or (self.quantised and self._same_stored(one, other))

    def _same_stored(self, one: int, other: int) -> bool:
        """Whether two `dequantize` calls read the same tensor: each consumer has its own."""
        graph = self.graph
        return (
            graph.ops[one] == graph.ops[other] == "dequantize"
            and graph.operands[one][0] == graph.operands[other][0]
            and quant(graph, one) == quant(graph, other)
        )

    def _ways(self, pattern: Pattern, given: Value) -> Iterator[Way]:
        match pattern:
            case Wildcard():
                if self._wild(pattern, given):
                    yield ()
            case Op():
                yield from self._op(pattern, given)
            case Number():
                if self._number(pattern, given):
                    yield ()
            case Alternatives():
                for option in pattern.options:
                    yield ((option, given),)
            case Tuple():
                yield from self._tuple(pattern, given)
            case Item():
                yield from self._item(pattern, given)
            case Where():
                if isinstance(given, int) and pattern.holds(self.graph, given):
                    yield ((pattern.pattern, given),)

    def _wild(self, pattern: Wildcard, given: Value) -> bool:
        if isinstance(given, int):
            if self.quantised and not self._border(given):
                return False
            if not pattern.constant:
                return True
            source = self._stored(given)
            return self.graph.kinds[source] is Kind.CONSTANT
        if given is None:  # an optional input of a group that is absent
            return not pattern.constant
        return not isinstance(given, Group | tuple) and not self.quantised

    def _border(self, node: int) -> bool:
        """Whether `node` may enter a quantised form: a `dequantize`, or no tensor at all."""
        graph = self.graph
        if graph.ops[node] == "dequantize":
            return quant(graph, node) is not None
        if graph.kinds[node] is Kind.TUPLE:
            return all(self._border(each) for each in graph.operands[node])
        return value(graph, node) is None

    def _stored(self, node: int) -> int:
        is_border = self.quantised and self.graph.ops[node] == "dequantize"
        return self.graph.operands[node][0] if is_border else node

    def _number(self, pattern: Number, given: Value) -> bool:
        if isinstance(given, int):
            graph, name = self.graph, ("number", given)
            if graph.kinds[given] not in (Kind.CONSTANT, Kind.LITERAL):
                return False
            if name not in graph.memo:
                graph.memo[name] = _uniform(graph, given)
            found = graph.memo[name]
        else:
            found = None if isinstance(given, Group | tuple) else uniform(given)
        return found is not None and agrees(found[0], pattern.value, found[1])

    def _op(self, pattern: Op, given: Value) -> Iterator[Way]:
        graph = self.graph
        if isinstance(given, Group):
            if given.op in pattern.ops and hold(pattern.attrs, given.attrs, None):
                yield from self._arguments(pattern, _positional(given), given.op)
            return
        if not isinstance(given, int) or graph.kinds[given] is not Kind.CALL:
            return
        if graph.ops[given] not in pattern.ops or given in graph.impure or given in self.taken:
            return
        if pattern.attrs and not hold(pattern.attrs, attributes(graph, given), self._rank(given)):
            return
        yield from self._arguments(pattern, graph.operands[given], graph.ops[given])

    def _rank(self, node: int) -> int | None:
        """The rank in which the axes of a call count, where it is known."""
        for operand in self.graph.operands[node][:1]:
            shape = tensor(self.graph, operand).shape
            return None if shape is None else len(shape)
        return None

    def _arguments(self, pattern: Op, given: tuple[Value, ...], op: str) -> Iterator[Way]:
        args = pattern.args
        count = 0 if args is None else len(args)
        further = given[count:]
        if count > len(given) or (self.quantised and not all(map(self._free, further))):
            return
        if args is None:
            yield ()
            return
        if not pattern.rest and not all(map(self._holds_nothing, further)):
            return
        yield tuple(zip(args, given, strict=False))
        if count == 2 and op in COMMUTATIVE and not self._same(given[0], given[1]):
            yield (args[0], given[1]), (args[1], given[0])

    def _free(self, given: Value) -> bool:
        return given is None or (isinstance(given, int) and self._border(given))

    def _holds_nothing(self, given: Value) -> bool:
        return given is None or (isinstance(given, int) and value(self.graph, given) is None)

    def _tuple(self, pattern: Tuple, given: Value) -> Iterator[Way]:
        fields = self._fields(given)
        if pattern.fields is None:
            whole = fields is not None or isinstance(value(self.graph, given), tuple)
            if whole and (not self.quantised or all(map(self._free, fields or (given,)))):
                yield ()
        elif fields is not None and len(fields) == len(pattern.fields):
            yield tuple(zip(pattern.fields, fields, strict=True))

    def _fields(self, given: Value) -> tuple[Value, ...] | None:
        if isinstance(given, tuple):
            return given
        if isinstance(given, int) and self.graph.kinds[given] is Kind.TUPLE:
            return self.graph.operands[given]
        return None

    def _item(self, pattern: Item, given: Value) -> Iterator[Way]:
        if not isinstance(given, int):
            return
        if given in self.places.at:
            group, position = self.places.at[given]
            if pattern.index in (None, position):
                yield ((pattern.tuple, group),)
        graph = self.graph
        if graph.kinds[given] is Kind.ITEM and pattern.index in (None, graph.items[given]):
            yield ((pattern.tuple, graph.operands[given][0]),)


def _positional(group: Group) -> tuple[Value, ...]:
    """A group's inputs in ONNX's order, a variadic one's values in their places, absent last ones left out."""
    found: list[Value] = []
    for each in group.inputs.values():
        found += each if isinstance(each, tuple) else (each,)
    while found and found[-1] is None:
        found.pop()
    return tuple(found)


def _uniform(graph: Graph, node: int) -> tuple[float, float] | None:
    """The one number that a constant or literal holds everywhere and its tolerance, else None."""
    if graph.kinds[node] is Kind.LITERAL:
        held = getattr(graph.exprs[node], "value", None)
        return (float(held), TOLERANCE) if isinstance(held, int | float) else None
    read = tensor(graph, node).value
    return None if read is None else uniform(read())
