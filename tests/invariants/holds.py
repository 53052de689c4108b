"""What must hold of every partition, read from the plan and the outlined module alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import networkx
from tvm import ir, relax

from byoc.partition.graph import Graph, Kind, attach_groups, is_outlined, read_module
from byoc.partition.plan import OpPlan, SegmentPlan
from byoc.pipeline import Partition
from byoc.support import CODES
from tests.invariants.vendors import TableVendor, table

FOLLOWED = (Kind.TUPLE, Kind.ITEM, Kind.LITERAL, Kind.ALIAS)
"""What is no work of its own: its readers depend on what it is made of."""


def blocks(partition: Partition) -> list[Graph]:
    """The input's blocks, read again."""
    graphs = read_module(partition.model.module)
    for graph in graphs:
        attach_groups(graph, partition.model.groups)
    return graphs


def well_formed(partition: Partition) -> None:
    relax.analysis.well_formed(partition.module)


def acyclic(partition: Partition) -> None:
    """Every block is a DAG when each segment is contracted to one node."""
    homes = {
        (segment.function, binding): segment.name
        for segment in partition.plan.segments
        for binding in segment.bindings
    }
    for graph in blocks(partition):
        merged = networkx.DiGraph()
        sources: list[set[Any]] = []
        for node, kind in enumerate(graph.kinds):
            needs = (*graph.operands[node], *graph.after.get(node, ()))
            reached = set().union(*(sources[need] for need in needs))
            home = homes.get((graph.function, graph.names[node]), node)
            if home == node and kind in FOLLOWED:
                sources.append(reached)
                continue
            merged.add_node(home)
            merged.add_edges_from((source, home) for source in reached if source != home)
            sources.append({home})
        assert networkx.is_directed_acyclic_graph(merged), networkx.find_cycle(merged)


def called_once(partition: Partition) -> None:
    """Every vendor's function is a segment of the plan, bears its vendor's name, and is called in one place."""
    module, calls = partition.module, Counter[str]()
    functions = {var.name_hint: each for var, each in module.functions.items()}
    for function in functions.values():
        for value in values(function):
            if isinstance(value, ir.Call) and isinstance(value.op, ir.GlobalVar):
                calls[value.op.name_hint] += 1
    given = [name for name in functions if is_outlined(functions[name])]
    assert sorted(given) == sorted(segment.name for segment in partition.plan.segments)
    for segment in partition.plan.segments:
        attrs = functions[segment.name].attrs
        assert (attrs["Codegen"], attrs["global_symbol"]) == (segment.vendor, segment.name)
        assert calls[segment.name] == 1
        composites = [each.attrs["Composite"] for each in locals_of(functions[segment.name])]
        assert Counter(composites) == Counter(segment.composites)


def every_op_once(partition: Partition, vendors: Sequence[TableVendor]) -> None:
    """Every counted op is in one segment, or on the host with a refusal of every vendor asked."""
    plan = partition.plan
    counted = [
        (graph.function, graph.names[node])
        for graph in blocks(partition)
        for node in graph.counted()
    ]
    assert [(op.function, op.binding) for op in plan.ops] == counted
    places = Counter(
        (segment.function, binding) for segment in plan.segments for binding in segment.bindings
    )
    assert max(places.values(), default=1) == 1
    inside = {
        (segment.function, binding): segment.name
        for segment in plan.segments
        for binding in segment.bindings
    }
    for op in plan.ops:
        assert inside.get((op.function, op.binding), "") == op.segment
        assert all(each.code in CODES and each.message for each in op.refusals)
        if not op.segment:
            refused = {each.vendor for each in op.refusals}
            assert refused == {each.name for each in vendors}, (op, refused)
    ops = Counter(op.segment for op in plan.ops)
    for segment in plan.segments:
        made = sum(_counts(value) for value in values(partition.module[segment.name]))
        assert ops[segment.name] == segment.ops == made


def within_limits(
    partition: Partition, vendors: Sequence[TableVendor], min_ops: int, min_macs: int
) -> None:
    """No segment is too small or too large, and nobody has more of them than it holds."""
    limits = {each.name: table(each.name, each.limits).limits for each in vendors}
    ops = {(op.function, op.binding): op for op in partition.plan.ops}
    numbers: Counter[str] = Counter()
    for segment in partition.plan.segments:
        most = limits[segment.vendor]
        numbers[segment.vendor] += 1
        assert segment.ops >= min_ops
        assert segment.macs is None or segment.macs >= min_macs
        assert _may_stand(segment, [ops[key] for key in _keys(segment) if key in ops])
        assert most.max_ops is None or segment.ops <= most.max_ops
        assert most.max_constant_bytes is None or segment.constant_bytes <= most.max_constant_bytes
    for vendor, number in numbers.items():
        most_segments = limits[vendor].max_segments
        assert most_segments is None or number <= most_segments


def _keys(segment: SegmentPlan) -> list[tuple[str, str]]:
    return [(segment.function, binding) for binding in segment.bindings]


def _may_stand(segment: SegmentPlan, ops: Sequence[OpPlan]) -> bool:
    """Whether not all of the segment is for use beside other ops, by the tables as written."""
    bound = table(segment.vendor, "")
    joined = {f"{segment.vendor}.{each.name}" for each in bound.patterns if each.use == "joined"}
    return any(
        op.composite not in joined
        if op.composite
        else any(row.use == "alone" for row in bound.ops[op.op])
        for op in ops
    )


def values(function: Any) -> Iterator[Any]:
    """Everything bound in a function, its composites and branches included."""
    if not isinstance(function, relax.Function):
        return
    waiting = [function.body]
    while waiting:
        body = waiting.pop()
        for block in body.blocks:
            for binding in block.bindings:
                value = binding.value
                yield value
                if isinstance(value, relax.Function):
                    waiting.append(value.body)
                elif isinstance(value, relax.If):
                    waiting += [value.true_branch, value.false_branch]


def locals_of(function: Any) -> list[Any]:
    """The composites of a segment."""
    return [value for value in values(function) if isinstance(value, relax.Function)]


def _counts(value: Any) -> bool:
    """Whether a segment's binding is an op: a call, of no composite, that computes something."""
    if not isinstance(value, ir.Call) or isinstance(value.op, ir.Var):
        return False
    return not isinstance(value.op, ir.Op) or value.op.name != "relax.shape_of"
