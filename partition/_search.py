"""Search: the ways in which a pattern matches at a node, one after the other.

A pattern is held against the graph by plain recursion. Where there is a choice (alternatives, the two orders of a
commutative op, where a further output stands) the walk asks its trail which to take; when a way fails, or the
caller wants another, the last choice moves on and the walk starts again. This visits the ways in the order of
backtracking, and what nearly always happens, that the first choice is right, costs no more than the recursion.
A pattern object that was met before must match the same thing again.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from byoc.partition._forms import ARITHMETIC, reach
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

# An enum's member costs ten times a global's name to look up, and every node asks.
_CALL, _CONSTANT = Kind.CALL, Kind.CONSTANT

_FLOATS: Final = frozenset({"float16", "bfloat16", "float32", "float64"})


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
    """One search from the node `start`. `env` is the match so far, read after each way is yielded.

    In a `quantised` search every tensor input must come from a `dequantize` with constant parameters, but for
    constants of floats (`:const`) that are added, subtracted, multiplied with or divided by. Ops that are `taken`
    already do not match. `trail` has the choices of this walk, each as the place taken and how many there are;
    `depth` counts those that the walk has come to.
    """

    graph: Graph
    places: Places
    start: int
    quantised: bool = False
    taken: Container[int] = ()
    env: dict[Pattern, Value] = field(default_factory=dict)
    trail: list[tuple[int, int]] = field(default_factory=list)
    depth: int = 0

    def ways(self, first: Pattern, others: Sequence[Pattern] = ()) -> Iterator[None]:
        """Yield once for each way in which `first` matches at the start and `others` among what it leads to."""
        while True:
            self.env.clear()
            self.depth = 0
            if self._holds(first, self.start) and all(map(self._stands, others)):
                yield
            if not self._move_on():
                return

    def _choose(self, count: int) -> int:
        """Which of `count` ways this walk takes."""
        if self.depth == len(self.trail):
            self.trail.append((0, count))
        self.depth += 1
        return self.trail[self.depth - 1][0]

    def _move_on(self) -> bool:
        """Let the last choice that has another way take it; whether there is one."""
        trail = self.trail
        while trail:
            place, count = trail.pop()
            if place + 1 < count:
                trail.append((place + 1, count))
                return True
        return False

    def _stands(self, output: Pattern) -> bool:
        """Match a further output of a row somewhere among what its matched parts lead to."""
        if output in self.env:
            return True
        nodes = list(reach(output, self.env, self.graph))
        return bool(nodes) and self._holds(output, nodes[self._choose(len(nodes))])

    def _holds(self, pattern: Pattern, given: Value) -> bool:
        """Whether `pattern` matches `given` with the choices of this walk."""
        if self.places.at:
            given = self._as_group(pattern, given)
        env = self.env
        if pattern in env:
            return self._same(env[pattern], given)
        env[pattern] = given
        if type(pattern) is Op:
            return self._op(pattern, given)
        if type(pattern) is Wildcard:
            return self._wild(pattern, given)
        return self._other(pattern, given)

    def _other(self, pattern: Pattern, given: Value) -> bool:
        match pattern:
            case Number():
                return self._number(pattern, given)
            case Alternatives():
                return self._holds(pattern.options[self._choose(len(pattern.options))], given)
            case Tuple():
                return self._tuple(pattern, given)
            case Item():
                return self._item(pattern, given)
            case Where():
                return (
                    isinstance(given, int)
                    and pattern.holds(self.graph, given)
                    and self._holds(pattern.pattern, given)
                )
        return False

    def _all(self, patterns: Sequence[Pattern], given: Sequence[Value]) -> bool:
        # A loop: this runs for every op of a match, and a generator doubles its time.
        for pattern, each in zip(patterns, given, strict=False):  # noqa: SIM110  # see above
            if not self._holds(pattern, each):
                return False
        return True

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

    def _wild(self, pattern: Wildcard, given: Value) -> bool:
        if isinstance(given, int):
            if self.quantised and not self._border(given):
                return pattern.constant and self._term(given)
            if not pattern.constant:
                return True
            source = self._stored(given)
            return self.graph.kinds[source] is _CONSTANT
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

    def _term(self, node: int) -> bool:
        """Whether `node` is a constant of floats that arithmetic alone reads, as a bias that nobody quantised."""
        graph = self.graph
        return (
            graph.kinds[node] is _CONSTANT
            and tensor(graph, node).dtype in _FLOATS
            and all(graph.ops[user] in ARITHMETIC for user in graph.users[node])
        )

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

    def _op(self, pattern: Op, given: Value) -> bool:
        graph = self.graph
        if isinstance(given, Group):
            return (
                given.op in pattern.ops
                and hold(pattern.attrs, given.attrs, None)
                and self._arguments(pattern, _positional(given), given.op)
            )
        if not isinstance(given, int) or graph.kinds[given] is not _CALL:
            return False
        op = graph.ops[given]
        if op not in pattern.ops or given in graph.impure or given in self.taken:
            return False
        if pattern.attrs and not hold(pattern.attrs, attributes(graph, given), self._rank(given)):
            return False
        return self._arguments(pattern, graph.operands[given], op)

    def _rank(self, node: int) -> int | None:
        """The rank in which the axes of a call count, where it is known."""
        for operand in self.graph.operands[node][:1]:
            shape = tensor(self.graph, operand).shape
            return None if shape is None else len(shape)
        return None

    def _arguments(self, pattern: Op, given: tuple[Value, ...], op: str) -> bool:
        args = pattern.args
        count = 0 if args is None else len(args)
        if count > len(given):
            return False
        further = given[count:]
        if further and self.quantised and not all(map(self._free, further)):
            return False
        if args is None:
            return True
        if further and not pattern.rest and not all(map(self._holds_nothing, further)):
            return False
        is_free = count == 2 and op in COMMUTATIVE and not self._same(given[0], given[1])
        if is_free and self._choose(2):
            return self._holds(args[0], given[1]) and self._holds(args[1], given[0])
        return self._all(args, given)

    def _free(self, given: Value) -> bool:
        return given is None or (isinstance(given, int) and self._border(given))

    def _holds_nothing(self, given: Value) -> bool:
        return given is None or (isinstance(given, int) and value(self.graph, given) is None)

    def _tuple(self, pattern: Tuple, given: Value) -> bool:
        fields = self._fields(given)
        if pattern.fields is None:
            whole = fields is not None or isinstance(value(self.graph, given), tuple)
            return whole and (not self.quantised or all(map(self._free, fields or (given,))))
        return (
            fields is not None
            and len(fields) == len(pattern.fields)
            and self._all(pattern.fields, fields)
        )

    def _fields(self, given: Value) -> tuple[Value, ...] | None:
        if isinstance(given, tuple):
            return given
        if isinstance(given, int) and self.graph.kinds[given] is Kind.TUPLE:
            return self.graph.operands[given]
        return None

    def _item(self, pattern: Item, given: Value) -> bool:
        if not isinstance(given, int):
            return False
        sources = self._sources(pattern, given)
        return bool(sources) and self._holds(pattern.tuple, sources[self._choose(len(sources))])

    def _sources(self, pattern: Item, given: int) -> list[Value]:
        """What `given` may be an item of: the group that has it as an output, the tuple that it is taken from."""
        graph, sources = self.graph, list[Value]()
        if given in self.places.at:
            group, position = self.places.at[given]
            if pattern.index in (None, position):
                sources.append(group)
        if graph.kinds[given] is Kind.ITEM and pattern.index in (None, graph.items[given]):
            sources.append(graph.operands[given][0])
        return sources


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
