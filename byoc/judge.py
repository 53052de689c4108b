"""Judge: ask a vendor's `byoc_check` about merged segments, and take apart what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from byoc.partition.graph import Graph
from byoc.partition.plan import BlockPlan, Candidate
from byoc.partition.plan import Region as RegionPlan
from byoc.partition.trace import Trace
from byoc.region import Region, region
from byoc.support.refusal import Refusal

Judge = Callable[[Sequence[Region]], Sequence[Refusal | None]]


def judge_regions(
    vendor: str, judge: Judge, graph: Graph, block: BlockPlan, trace: Trace | None = None
) -> BlockPlan:
    """Hold the merged regions of `vendor` to its check; halve a refused one until every part is accepted.

    A prefix and a suffix of a region's topological order are acyclic among themselves and with every other region.
    A candidate that is refused alone goes back to the host with the refusal.
    """
    accepted: dict[tuple[int, ...], bool] = {}
    refusals = dict(block.refusals)
    # A region of one candidate was judged as that candidate already.
    waiting = [
        each.candidates
        for each in block.regions
        if each.vendor == vendor and len(each.candidates) > 1
    ]
    while waiting:
        merged = [region(graph, joined(graph, block, each)) for each in waiting]
        answers = judge(merged)
        halves: list[tuple[int, ...]] = []
        for part, refusal in zip(waiting, answers, strict=True):
            accepted[part] = refusal is None
            if refusal is None:
                continue
            for index in part:
                for node in block.candidates[index].nodes:
                    if trace is not None:
                        words = (
                            f"a segment of {len(part)} candidates was refused: {refusal.message}"
                        )
                        trace.note(node, "check", vendor, words)
            half = len(part) // 2
            if half:
                halves += [part[:half], part[half:]]
            else:
                _refuse(block, part[0], replace(refusal, vendor=vendor), refusals)
        waiting = halves
    regions = [
        RegionPlan(each.vendor, part)
        for each in block.regions
        for part in (
            [each.candidates] if each.vendor != vendor else _parts(each.candidates, accepted)
        )
    ]
    return replace(block, regions=tuple(regions), refusals=refusals)


def joined(graph: Graph, block: BlockPlan, part: Sequence[int]) -> Candidate:
    """The candidates of `part` as one."""
    members = [block.candidates[index] for index in part]
    nodes = sorted(node for each in members for node in each.nodes)
    inside = set(nodes)
    inputs = dict.fromkeys(node for each in members for node in each.inputs if node not in inside)
    outputs = [
        node
        for node in nodes
        if node in graph.escapes or any(user not in inside for user in graph.users[node])
    ]
    return Candidate(members[0].vendor, "", tuple(nodes), tuple(inputs), tuple(outputs))


def _parts(part: tuple[int, ...], accepted: dict[tuple[int, ...], bool]) -> list[tuple[int, ...]]:
    if accepted.get(part, True):
        return [part]
    half = len(part) // 2
    return _parts(part[:half], accepted) + _parts(part[half:], accepted) if half else []


def _refuse(
    block: BlockPlan, index: int, refusal: Refusal, refusals: dict[int, tuple[Refusal, ...]]
) -> None:
    for node in block.candidates[index].nodes:
        refusals[node] = (*refusals.get(node, ()), refusal)
