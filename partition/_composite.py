"""Composite: one way in which a form matched, and what the vendor's own rules say of it."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import islice
from typing import Final

from byoc.partition._alike import Outcomes
from byoc.partition._extent import candidate, members, read_outside
from byoc.partition._forms import Form
from byoc.partition._search import Places, Search, Value
from byoc.partition.facts import group_facts, match_facts, op_facts, quant, tensor
from byoc.partition.graph import Graph, Group, Kind
from byoc.partition.patterns.ast import Item, Op, Pattern, Spread, Tuple, Wildcard
from byoc.partition.plan import Candidate
from byoc.partition.vendor import OpRule, Vendor
from byoc.support.facts import Facts, Tensor
from byoc.support.refusal import Refusal

PROGRESS: Final = ("dtype", "rank", "layout", "shape", "dynamic", "constant", "attribute", "when")
"""The order in which a row's demands are held: of several rows that refuse, the one that got furthest speaks."""

MOST_WAYS: Final = 256
"""How many ways of one form at one node are looked at before it counts as refused."""


@dataclass(eq=False)
class Composite:
    """One match. `env` says what each part of the pattern matched; `outputs` are its results, in the row's order.

    In a quantised form `outputs` are the `quantize` calls. `nodes` is everything the composite takes, ascending.
    `candidate` is the match as the later stages know it. Nothing changes once it is made.
    """

    graph: Graph
    form: Form
    env: dict[Pattern, Value]
    outputs: tuple[int, ...]
    nodes: tuple[int, ...] = field(init=False)
    candidate: Candidate = field(init=False)

    def __post_init__(self) -> None:
        self.nodes = self._nodes()
        self.candidate = self._candidate()

    @cached_property
    def matched(self) -> tuple[int | Group, ...]:
        """The ops that parts of the pattern matched, in evaluation order; calls inside a matched group not."""
        ops = [each for pattern, each in self.env.items() if isinstance(pattern, Op)]
        places = {each.nodes[-1] if isinstance(each, Group) else each: each for each in ops}
        return tuple([places[place] for place in sorted(places)])

    @cached_property
    def borders(self) -> tuple[int, ...]:
        """The `dequantize` calls before a quantised form."""
        graph, found = self.graph, dict[int, None]()
        stack = [each for op in self.matched for each in _operands(graph, op)]
        while stack:
            node = stack.pop()
            if graph.kinds[node] is Kind.TUPLE:
                stack += graph.operands[node]
            elif graph.ops[node] == "dequantize" and node not in self.matched:
                found[node] = None
        return tuple(sorted(found))

    def _nodes(self) -> tuple[int, ...]:
        taken = list(self.outputs)
        if self.form.quantised:
            taken += self.borders
        for pattern, each in self.env.items():
            kind = type(pattern)
            if kind is Wildcard:
                continue
            if isinstance(each, Group):
                taken += each.nodes
            elif kind is Spread:
                taken += pattern.takes(self.graph, each) or ()  # type: ignore[union-attr]  # a Spread
            elif isinstance(each, int) and (kind is Op or self._belongs(pattern, each)):
                taken.append(each)
        return members(self.graph, taken)

    def _belongs(self, pattern: Pattern, node: int) -> bool:
        kind = self.graph.kinds[node]
        if isinstance(pattern, Tuple):
            # A tuple of any length that others read as well is an input like any other.
            free = pattern.fields is None and read_outside(self.graph, node, _readers(self.env))
            return kind is Kind.TUPLE and not free
        return isinstance(pattern, Item) and kind is Kind.ITEM

    @property
    def root(self) -> int:
        """The result that is bound last."""
        return max(self.outputs)

    def _candidate(self) -> Candidate:
        row = self.form.row
        # Only a check asks what the pattern's names stand for.
        found = {} if row.check is None else self.named
        if row.annotations:
            env = self.env
            parts = row.annotations.items()
            found = {**found, **{name: env[part] for name, part in parts if part in env}}
        at = [(name, _node(each)) for name, each in found.items()]
        named = tuple([(name, node) for name, node in at if node is not None])
        return candidate(
            self.graph,
            row.vendor,
            self.form.name,
            self.nodes,
            joined=row.joined,
            row=row.rule,
            named=named,
        )

    @cached_property
    def named(self) -> dict[str, Value]:
        """What each of the row's names stands for; only rules and checks ask."""
        found: dict[str, Value] = dict.fromkeys(self.form.names)
        names = self.form.named_parts
        for pattern, each in self.env.items() if names else ():
            name = names.get(pattern)
            if name is not None:
                found[name] = _node(each) if isinstance(each, Group) else each
        return found

    def leak(self) -> str:
        """Words about a value inside that is read outside, "" when there is none."""
        if self.candidate.outputs == self.outputs:
            return ""
        graph, inside = self.graph, set(self.nodes)
        given = {*self.outputs, *self._group_outputs()}
        for node in self.nodes:
            if node in given or not read_outside(graph, node, inside):
                continue
            user = next((user for user in graph.users[node] if user not in inside), None)
            whose = f"the result of {describe(graph, node)} is also "
            if user is None:
                return whose + f"used outside this block of {graph.function}"
            return whose + f"used by {describe(graph, user)}"
        return ""

    def _group_outputs(self) -> tuple[int, ...]:
        """All outputs of a group that is the whole pattern: ONNX operators may have several."""
        root = self.env[self.form.start]
        return root.outputs if isinstance(root, Group) else ()

    @cached_property
    def stored(self) -> dict[int, Tensor]:
        """In a quantised form, the integer tensors in place of the values that they stand for."""
        graph = self.graph
        if not self.form.quantised:
            return {}
        found = {node: _stored(graph, graph.operands[node][0], node) for node in self.borders}
        for node in self.outputs:
            found[graph.operands[node][0]] = _stored(graph, node, node)
        return found

    def judge(self, vendor: Vendor, outcomes: Outcomes) -> Refusal | None:
        """Hold the match to the vendor's op rows and the row's own rules."""
        for each in self.matched if vendor.ops else ():
            rows = vendor.ops.get(_op(self.graph, each), ())
            ask = partial(self._inside, rows, each)
            refusal = outcomes.of(self._kind_of(each, outcomes), ask) if rows else None
            if refusal is not None:
                words = f"{self.form.name}: {describe(self.graph, _node(each))}: {refusal.message}"
                return replace(refusal, message=words)
        test = self.form.row.test
        if test is None:
            return None
        refused: Refusal | None = outcomes.of(self._kind(outcomes), lambda: test(self.facts()))
        return refused

    def _inside(self, rows: Sequence[OpRule], op: int | Group) -> Refusal | None:
        """None when one of an op's rows takes it inside a pattern, else what the closest row says."""
        facts, refusals = self.part(op), list[Refusal]()
        for row in rows:
            refusal = row.test(facts, fused=True)
            if refusal is None:
                return None
            refusals.append(refusal)
        return closest(refusals)

    def _kind_of(self, op: int | Group, outcomes: Outcomes) -> Hashable:
        """What rules can tell of one matched op short of constants' data; None where only its facts say it."""
        return None if isinstance(op, Group) or self.form.quantised else outcomes.call(op)

    def _kind(self, outcomes: Outcomes) -> Hashable:
        """The same of the match."""
        ops = tuple([self._kind_of(each, outcomes) for each in self.matched])
        named = tuple(self.named.values())
        if None in ops or not all(each is None or isinstance(each, int) for each in named):
            return None
        return (
            id(self.form.row),
            ops,
            tuple(map(outcomes.value, (*named, *self.outputs))),
            tuple(self._inner()),
        )

    def _inner(self) -> list[str]:
        """The names that stand for values inside."""
        borders = self.borders if self.form.quantised else ()
        inside = set(self.nodes).difference(borders)
        return [name for name, each in self.named.items() if _node(each) in inside]

    def part(self, op: int | Group) -> Facts:
        """What rules see of one matched op."""
        if isinstance(op, Group):
            return group_facts(self.graph, op, self.stored)
        return op_facts(self.graph, op, self.stored)

    def facts(self) -> Facts:
        """What the row's rules see of the match."""
        parts = [self.part(each) for each in self.matched]
        outputs = [node for node in self._group_outputs() if node >= 0] or list(self.outputs)
        if self.form.quantised:
            outputs = [self.graph.operands[node][0] for node in self.outputs]
        return match_facts(
            self.graph, self.form.name, self.named, parts, outputs, self._inner(), self.stored
        )


def composites(
    graph: Graph, places: Places, form: Form, node: int, taken: Container[int] = ()
) -> Iterator[Composite]:
    """The ways in which `form` matches at `node` with ops that are not `taken`, in the order of trying."""
    start = node
    if form.quantised:
        if quant(graph, node) is None:
            return
        start = graph.operands[node][0]
    search = Search(graph, places, start, form.quantised, taken)
    for _ in islice(search.ways(form.start, form.further), MOST_WAYS):
        outputs = _outputs(search, form)
        if outputs:
            yield Composite(graph, form, dict(search.env), outputs)


def describe(graph: Graph, node: int | None) -> str:
    """A node in words: `nn.conv2d (conv1)`, by the source node's name where it is known."""
    if node is None:
        return "an absent value"
    name = graph.names[node]
    source = graph.origins.get(name, ())
    return f"{graph.ops[node]} ({' + '.join(source) or name})" if name else graph.ops[node]


def _outputs(search: Search, form: Form) -> tuple[int, ...]:
    """The nodes that hold the results; none when a result of a quantised form is not quantised at once."""
    found: list[int] = []
    for pattern in form.row.outputs:
        node = search.start if pattern is form.start else _node(search.env[pattern])
        if node is None:
            return ()
        if form.quantised:
            users = search.graph.users[node]
            if len(users) != 1 or search.graph.ops[users[0]] != "quantize":
                return ()
            node = users[0]
            if quant(search.graph, node) is None:
                return ()
        found.append(node)
    return tuple(found)


def closest(refusals: Iterable[Refusal]) -> Refusal | None:
    """The refusal of the row whose demands held longest, the first of several."""

    def progress(refusal: Refusal) -> int:
        return PROGRESS.index(refusal.code) if refusal.code in PROGRESS else len(PROGRESS)

    return max(refusals, key=progress, default=None)


def _op(graph: Graph, op: int | Group) -> str:
    return op.op if isinstance(op, Group) else graph.ops[op]


def _stored(graph: Graph, holder: int, node: int) -> Tensor:
    return replace(tensor(graph, holder), quant=quant(graph, node))


def _readers(env: dict[Pattern, Value]) -> frozenset[int]:
    return frozenset(
        each for part, each in env.items() if isinstance(part, Op) and isinstance(each, int)
    )


def _operands(graph: Graph, op: int | Group) -> list[int]:
    if isinstance(op, int):
        return list(graph.operands[op])
    given = [
        each
        for held in op.inputs.values()
        for each in (held if isinstance(held, tuple) else (held,))
    ]
    return [each for each in given if isinstance(each, int)]


def _node(value: Value) -> int | None:
    if isinstance(value, int):
        return value
    if isinstance(value, Group):
        return next((node for node in value.outputs if node >= 0), None)
    return None
