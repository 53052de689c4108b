"""Random Relax modules, the candidates of made-up vendors in them, and the whole way through the stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import networkx
import numpy as np
from tvm import IRModule, relax, tirx

from byoc.partition.graph import Graph, Kind, read_module
from byoc.partition.merge import Merge
from byoc.partition.outline import Outline, Outlined
from byoc.partition.place import Place
from byoc.partition.plan import BlockPlan, Candidate, Decision
from byoc.partition.verify import Verify
from byoc.support.refusal import Refusal

RELAY = {"nn.relu": "t1", "add": "t1", "exp": "t2", "multiply": "t2"}
"""The vendors of relay_partitions.jsonl."""


def single(graph: Graph, vendors: Mapping[str, str]) -> tuple[Candidate, ...]:
    """Every counted op that `vendors` names, as a candidate of its own."""
    return tuple(
        candidate(graph, vendors[graph.ops[node]], (node,))
        for node in graph.counted()
        if graph.ops[node] in vendors and node not in graph.impure
    )


def candidate(
    graph: Graph, vendor: str, nodes: Sequence[int], name: str = "", **more: Any
) -> Candidate:
    """A candidate of `nodes`, its border read from the graph."""
    inside = set(nodes)
    free = (Kind.CONSTANT, Kind.LITERAL)
    inputs = [
        operand
        for node in nodes
        for operand in graph.operands[node]
        if operand not in inside and graph.kinds[operand] not in free
    ]
    outputs = tuple(
        node
        for node in nodes
        if node in graph.escapes
        or not inside.issuperset(graph.users[node])
        or not graph.users[node]
    )
    return Candidate(vendor, name, tuple(nodes), tuple(dict.fromkeys(inputs)), outputs, **more)


def fused(graph: Graph, vendor: str, rng: Random, chance: float) -> list[Candidate]:
    """Composites of two or three calls, one feeding only the next, at random places."""
    taken: set[int] = set()
    found: list[Candidate] = []
    for node in graph.counted():
        chain = [node]
        while len(chain) < 3 and _private(graph, chain[-1]):
            chain.append(graph.users[chain[-1]][0])
        usable = not taken.intersection(chain) and not graph.impure.intersection(chain)
        if len(chain) > 1 and usable and rng.random() < chance:
            taken.update(chain)
            found.append(candidate(graph, vendor, chain, f"{vendor}.chain{len(chain)}"))
    return found


def _private(graph: Graph, node: int) -> bool:
    users = graph.users[node]
    inner = (Kind.CALL, Kind.CAST, Kind.ITEM)
    return len(users) == 1 and node not in graph.escapes and graph.kinds[users[0]] in inner


def decide(graph: Graph, vendors: Sequence[str], seed: int) -> list[tuple[str, Decision]]:
    """What each vendor takes of the block: some composites, some single ops, and words for all the rest."""
    rng = Random(seed)
    decisions: list[tuple[str, Decision]] = []
    for vendor in vendors:
        found = fused(graph, vendor, rng, 0.3)
        taken = {node for each in found for node in each.nodes}
        for node in graph.counted():
            if node not in taken and node not in graph.impure and rng.random() < 0.45:
                found.append(candidate(graph, vendor, (node,)))
                taken.add(node)
        refusal = Refusal("unsupported-op", f"{vendor} has no row for it", "", vendor)
        refused = {node: (refusal,) for node in graph.counted() if node not in taken}
        decisions.append((vendor, Decision(tuple(found), refused)))
    return decisions


@dataclass(frozen=True)
class Partitioned:
    """Everything a test may want to look at."""

    before: IRModule
    blocks: tuple[tuple[Graph, BlockPlan], ...]
    outlined: Outlined


def partition(
    module: IRModule, vendors: Sequence[str], seed: int, merge: Merge | None = None
) -> Partitioned:
    """Place, merge, outline and verify with the random decisions of `seed`."""
    merge = merge or Merge()
    blocks = []
    for index, graph in enumerate(read_module(module)):
        placed = Place()(graph, decide(graph, vendors, seed + index))
        blocks.append((graph, merge(graph, placed, lambda node: node)))
    outlined = Outline()(module, blocks)
    Verify()(module, outlined.module)
    return Partitioned(module, tuple(blocks), outlined)


UNARY = ("exp", "nn.relu", "tanh", "sigmoid", "negative")
BINARY = ("add", "multiply", "subtract", "maximum")


def random_module(seed: int, ops: int = 16) -> IRModule:
    """A module with what real ones have.

    Tuples and items, ops of several results, shared constants, an `If`, two functions, bindings outside
    dataflow blocks, symbolic dimensions that are parameters, shape operands or found by a match_cast.
    """
    rng = Random(seed)
    builder = relax.BlockBuilder()
    for name in ("main", "other")[: 1 + (rng.random() < 0.3)]:
        _Writer(builder, rng).function(name, rng.randint(1, ops))
    return builder.finalize()


class _Writer:
    """Writes one random function; `values` are tensors of one shape, any may be read by anything later."""

    def __init__(self, builder: relax.BlockBuilder, rng: Random) -> None:
        self.builder, self.rng = builder, rng
        symbolic = rng.random() < 0.35
        self.rows: Any = tirx.Var("n", "int64") if symbolic else 4
        self.type = relax.TensorType([self.rows, 4], "float32")
        shared = rng.random() < 0.7
        self.constant = relax.const(np.full(4, 1.5, "float32")) if shared else None
        self.values: list[Any] = []
        self.pure = rng.random() < 0.6

    def function(self, name: str, ops: int) -> None:
        builder, rng = self.builder, self.rng
        params = [relax.Var(f"x{index}", self.type) for index in range(rng.randint(1, 2))]
        flag = relax.Var("flag", relax.TensorType([], "bool"))
        self.values = list(params)
        with builder.function(name, [*params, flag], pure=self.pure):
            kinds = [rng.choice(("dataflow", "plain", "if")) for _ in range(rng.randint(1, 3))]
            for kind in kinds:
                if kind == "dataflow":
                    with builder.dataflow():
                        before = len(self.values)
                        self.emit(ops)
                        self._export(before)
                elif kind == "plain":
                    self.emit(max(1, ops // 2))
                else:
                    self._branch(flag, max(1, ops // 4))
            count = min(len(self.values), rng.randint(1, 3))
            results = rng.sample(self.values, count)
            builder.emit_func_output(results[0] if count == 1 else relax.Tuple(results))

    def _export(self, before: int) -> None:
        made = self.values[before:]
        kept = made if len(made) < 2 else self.rng.sample(made, self.rng.randint(1, len(made)))
        self.values[before:] = [self.builder.emit_output(each) for each in kept]

    def _branch(self, flag: Any, ops: int) -> None:
        branches = [_branch_body(self, ops) for _ in range(2)]
        self.values.append(self.builder.emit(relax.If(flag, *branches)))

    def emit(self, ops: int) -> None:
        for _ in range(ops):
            self.step()

    def pick(self) -> Any:
        recent = self.values[-5:] if self.rng.random() < 0.7 else self.values
        return self.rng.choice(recent)

    def step(self) -> None:
        builder, rng, values = self.builder, self.rng, self.values
        kind = rng.random()
        if kind < 0.05 and not self.pure and not builder.current_block_is_dataflow():
            builder.emit(relax.op.print(self.pick(), format="seen: {}"))
        elif kind < 0.4:
            values.append(builder.emit(_op(rng.choice(UNARY))(self.pick())))
        elif kind < 0.7:
            other = (
                self.constant if self.constant is not None and rng.random() < 0.3 else self.pick()
            )
            values.append(builder.emit(_op(rng.choice(BINARY))(self.pick(), other)))
        elif kind < 0.8:
            whole = builder.emit(relax.op.split(self.pick(), 2, axis=1))
            halves = [builder.emit(relax.TupleGetItem(whole, index)) for index in range(2)]
            again = relax.Tuple(halves[:: rng.choice((1, -1))])
            again = builder.emit(again) if rng.random() < 0.5 else again
            values.append(builder.emit(relax.op.concat(again, axis=1)))
        elif kind < 0.87:
            pair = builder.emit(relax.Tuple([self.pick(), self.pick()]))
            values.append(builder.emit(relax.TupleGetItem(pair, rng.randint(0, 1))))
        elif kind < 0.94:
            flat = builder.emit(relax.op.reshape(self.pick(), (self.rows * 2, 2)))
            flat = builder.emit(_op(rng.choice(UNARY))(flat))
            values.append(builder.emit(relax.op.reshape(flat, (self.rows, 4))))
        elif kind < 0.97:
            loose = relax.TensorType(dtype="float32", ndim=2)
            opaque = builder.emit(relax.op.call_pure_packed("longer", self.pick(), ty_args=loose))
            found = relax.TensorType([tirx.Var("k", "int64"), 4], "float32")
            opaque = builder.emit(_op(rng.choice(UNARY))(builder.match_cast(opaque, found)))
            opaque = builder.emit(relax.op.reshape(opaque, (4, found.shape.values[0])))
            opaque = builder.emit(relax.op.call_pure_packed("cut", opaque, ty_args=loose))
            values.append(builder.match_cast(opaque, self.type))
        else:
            loose = relax.TensorType(dtype="float32", ndim=2)
            opaque = builder.emit(relax.op.call_pure_packed("opaque", self.pick(), ty_args=loose))
            values.append(builder.match_cast(opaque, self.type))


def _op(name: str) -> Any:
    found: Any = relax.op
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _branch_body(writer: _Writer, ops: int) -> Any:
    """A branch as a SeqExpr, its ops reading values of the function around it."""
    builder = relax.BlockBuilder()
    outer, values = writer.builder, list(writer.values)
    with builder.function("branch", [], pure=writer.pure):
        writer.builder = builder
        if writer.rng.random() < 0.5:
            with builder.dataflow():
                writer.emit(ops)
                writer.values.append(builder.emit_output(writer.values[-1]))
        else:
            writer.emit(ops)
        result = writer.values[-1]
        builder.emit_func_output(result)
    body = builder.get()["branch"].body
    writer.builder, writer.values = outer, values
    return body


def scaling_graph(ops: int, window: int, vendors: Sequence[str]) -> tuple[Graph, Decision]:
    """A block without TVM behind it: calls of one or two of the last `window` values, 70 % of them taken."""
    rng = Random(ops)
    graph = Graph("main", (0,), True)
    _append(graph, Kind.INPUT, "input", (), "x")
    found = []
    for index in range(1, ops + 1):
        operands = [max(0, index - rng.randint(1, window)) for _ in range(rng.randint(1, 2))]
        _append(graph, Kind.CALL, "add", tuple(operands), f"v{index}")
        if rng.random() < 0.7:
            found.append(Candidate(rng.choice(vendors), "", (index,), (), (index,)))
    return graph, Decision(tuple(found))


def _append(graph: Graph, kind: Kind, op: str, operands: tuple[int, ...], name: str) -> None:
    for operand in dict.fromkeys(operands):
        graph.users[operand].append(len(graph))
    graph.kinds.append(kind)
    graph.ops.append(op)
    graph.operands.append(operands)
    graph.users.append([])
    graph.items.append(-1)
    graph.names.append(name)
    graph.exprs.append(None)
    graph.vars.append(None)


def merged_graph(graph: Graph, plan: BlockPlan) -> networkx.DiGraph:
    """The block with each region contracted to one node, by the plan alone.

    Tuples and items are followed through to what they are made of: they may be on either side of a border.
    """
    home = {
        node: ("region", number)
        for number, region in enumerate(plan.regions)
        for index in region.candidates
        for node in plan.candidates[index].nodes
    }
    merged = networkx.DiGraph()
    sources: list[set[Any]] = []
    for node, kind in enumerate(graph.kinds):
        needs = (*graph.operands[node], *graph.after.get(node, ()))
        reached = set().union(*(sources[need] for need in needs))
        own = home.get(node, ("host", node))
        if kind in (Kind.TUPLE, Kind.ITEM, Kind.LITERAL) and node not in home:
            sources.append(reached)
            continue
        merged.add_node(own)
        merged.add_edges_from((source, own) for source in reached if source != own)
        sources.append({own})
    return merged
