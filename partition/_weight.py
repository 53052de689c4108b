"""What a candidate weighs: counted ops, multiply-accumulates, and the constants that travel with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod

from byoc.partition.graph import NOT_COUNTED, Graph, Kind
from byoc.partition.plan import Candidate


@dataclass(frozen=True, slots=True)
class Weight:
    """`macs` leaves out ops whose cost is unknown; `known` says whether there were none of them."""

    ops: int
    macs: int
    known: bool


def weigh(
    graph: Graph, candidates: Iterable[Candidate], macs: Callable[[int], int | None]
) -> Weight:
    """The weight of `candidates` together."""
    ops = [node for candidate in candidates for node in counted(graph, candidate)]
    costs = [macs(node) for node in ops]
    return Weight(len(ops), sum(cost or 0 for cost in costs), None not in costs)


def counted(graph: Graph, candidate: Candidate) -> list[int]:
    """The candidate's nodes that a report counts as ops."""
    return [
        node
        for node in candidate.nodes
        if graph.kinds[node] is Kind.CALL and graph.ops[node] not in NOT_COUNTED
    ]


def constants(graph: Graph, nodes: Iterable[int]) -> dict[int, int]:
    """The bytes of each constant node that `nodes` read, also inside inline tuples."""
    found: dict[int, int] = {}
    stack = [operand for node in nodes for operand in graph.operands[node]]
    while stack:
        node = stack.pop()
        if graph.kinds[node] is Kind.CONSTANT:
            found[node] = constant_bytes(graph, node)
        elif graph.kinds[node] is Kind.TUPLE and graph.vars[node] is None:
            stack += graph.operands[node]
    return found


def constant_bytes(graph: Graph, node: int) -> int:
    """The size of a constant's data."""
    array = graph.exprs[node].value
    return prod(_extents(array.shape)) * _bits(array.dtype) // 8


def _extents(shape: Sequence[object]) -> list[int]:
    return [int(str(extent)) for extent in shape]


def _bits(dtype: object) -> int:
    from tvm import DataType

    kind = DataType(str(dtype))
    return int(kind.bits) * int(kind.lanes)
