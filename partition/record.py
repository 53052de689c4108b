"""Record: what the stages decided, as a Plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tvm import relax

from byoc._version import __version__
from byoc.partition._plain import dim
from byoc.partition._weight import constants
from byoc.partition.graph import Graph
from byoc.partition.macs import macs
from byoc.partition.plan import (
    BlockPlan,
    OpPlan,
    Plan,
    Refusal,
    Region,
    SegmentPlan,
    TensorInfo,
)
from byoc.support.facts import Dim

if TYPE_CHECKING:
    from byoc.partition.outline import Outlined, OutlinedSegment


def record(
    model: str,
    blocks: Sequence[tuple[Graph, BlockPlan]],
    outlined: Outlined,
    *,
    vendors: Sequence[str],
    options: Mapping[str, Any],
    notes: Sequence[str],
    verified: bool,
) -> Plan:
    """The plan of a partition: one entry for every counted op in the module's order, one for every segment."""
    homes = {(each.graph, each.region): each for each in outlined.segments}
    ops: list[OpPlan] = []
    segments: list[SegmentPlan] = []
    for index, (graph, block) in enumerate(blocks):
        names = {region: homes[index, region].name for region in range(len(block.regions))}
        ops += _ops(graph, block, names, vendors)
        segments += [
            _segment(graph, block, region, homes[index, place])
            for place, region in enumerate(block.regions)
        ]
    return Plan(
        byoc=__version__,
        model=model,
        vendors=tuple(vendors),
        options=options,
        segments=tuple(segments),
        ops=tuple(ops),
        notes=tuple(dict.fromkeys([*notes, *(n for _, block in blocks for n in block.notes)])),
        verified=verified,
    )


def _ops(
    graph: Graph, block: BlockPlan, names: Mapping[int, str], vendors: Sequence[str]
) -> list[OpPlan]:
    home = {
        node: (names[place], block.candidates[index].name)
        for place, region in enumerate(block.regions)
        for index in region.candidates
        for node in block.candidates[index].nodes
    }
    host_calls = {node: group.op for group in graph.groups if group.host for node in group.nodes}
    plans = []
    for node in graph.counted():
        segment, composite = home.get(node, ("", ""))
        plans.append(
            OpPlan(
                function=graph.function,
                binding=graph.names[node],
                op=host_calls.get(node, graph.ops[node]),
                nodes=graph.sources([node]),
                segment=segment,
                composite=composite,
                macs=macs(graph, node),
                refusals=() if segment else _in_order(block.refusals.get(node, ()), vendors),
            )
        )
    return plans


def _in_order(refusals: Sequence[Refusal], vendors: Sequence[str]) -> tuple[Refusal, ...]:
    """The refusals of each vendor together, vendors in the order of asking."""
    return tuple(sorted(refusals, key=lambda each: vendors.index(each.vendor)))


def _segment(
    graph: Graph,
    block: BlockPlan,
    region: Region,
    outlined: OutlinedSegment,
) -> SegmentPlan:
    candidates = [block.candidates[index] for index in region.candidates]
    nodes = sorted(node for candidate in candidates for node in candidate.nodes)
    counted = set(graph.counted())
    work = [macs(graph, node) for node in nodes if node in counted]
    return SegmentPlan(
        name=outlined.name,
        vendor=region.vendor,
        function=graph.function,
        composites=tuple(each.name for each in candidates if each.name),
        nodes=graph.sources(nodes),
        bindings=tuple(graph.names[node] for node in nodes if graph.names[node]),
        ops=sum(node in counted for node in nodes),
        inputs=tuple(info for var in outlined.inputs for info in _infos(var.ty)),
        outputs=tuple(info for var in outlined.outputs for info in _infos(var.ty)),
        macs=None if None in work else sum(each or 0 for each in work),
        constant_bytes=sum(constants(graph, nodes).values()),
    )


def _infos(ty: Any) -> tuple[TensorInfo, ...]:
    """What crosses a border as a value of type `ty`: one tensor, a tuple's tensors, or a shape."""
    if isinstance(ty, relax.TupleType):
        return tuple(info for each in ty.fields for info in _infos(each))
    if isinstance(ty, relax.ShapeType):
        return (TensorInfo(_dims(ty), "shape"),)
    return (TensorInfo(_dims(ty.shape), str(ty.dtype)),)


def _dims(shape: Any) -> tuple[Dim, ...] | None:
    values = None if shape is None else getattr(shape, "values", None)
    return None if values is None else tuple(dim(each) for each in values)
