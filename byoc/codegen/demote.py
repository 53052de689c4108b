"""Demote: what a vendor cannot compile leaves its offers, so that the block can be placed and merged again.

Every round takes a candidate away from a vendor or forbids one more set of candidates to be together, so that
rounds come to an end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from byoc.codegen.search import Objection
from byoc.partition.graph import Graph
from byoc.partition.outline import OutlinedSegment
from byoc.partition.plan import BlockPlan, Candidate, Decision
from byoc.partition.plan import Region as RegionPlan
from byoc.partition.trace import Trace
from byoc.partition.withdraw import Offers
from byoc.support.refusal import Refusal


@dataclass(slots=True)
class Apart:
    """Sets of one block's candidates that a vendor compiles only in parts."""

    sets: list[frozenset[Candidate]] = field(default_factory=list)

    def cut(self, block: BlockPlan) -> BlockPlan:
        """`block` with every region halved until none holds such a set."""
        if not self.sets:
            return block
        regions = [
            RegionPlan(region.vendor, part)
            for region in block.regions
            for part in self._parts(block, region.candidates)
        ]
        return replace(block, regions=tuple(regions))

    def _parts(self, block: BlockPlan, part: tuple[int, ...]) -> list[tuple[int, ...]]:
        held = {block.candidates[index] for index in part}
        if len(part) < 2 or not any(each <= held for each in self.sets):
            return [part]
        half = len(part) // 2
        return self._parts(block, part[:half]) + self._parts(block, part[half:])


def demote(
    graph: Graph,
    offers: Offers,
    block: BlockPlan,
    objections: Sequence[tuple[OutlinedSegment, Objection]],
    apart: Apart,
    trace: Trace | None = None,
) -> list[tuple[str, Decision]]:
    """The offers of a block without the candidates that have to go; `apart` learns what may not be together."""
    gone: dict[Candidate, Refusal] = {}
    for outlined, objection in objections:
        places = block.regions[outlined.region].candidates
        for index, refusal in objection.gone.items():
            gone[block.candidates[places[index]]] = refusal
        apart.sets += [
            frozenset(block.candidates[places[index]] for index in run) for run in objection.apart
        ]
    for candidate, refusal in gone.items():
        if trace is None:
            break
        for node in candidate.nodes:
            trace.note(node, "codegen", candidate.vendor, f"not compiled: {refusal.message}")
    return [(vendor, _without(graph, decision, gone)) for vendor, decision in offers]


def _without(graph: Graph, decision: Decision, gone: Mapping[Candidate, Refusal]) -> Decision:
    own = [each for each in decision.candidates if each in gone]
    if not own:
        return decision
    refusals = dict(decision.refusals)
    for candidate in own:
        for node in candidate.nodes:
            refusals[node] = (*refusals.get(node, ()), gone[candidate])
    kept = tuple(each for each in decision.candidates if each not in gone)
    return Decision(kept, {node: refusals[node] for node in sorted(refusals)})
