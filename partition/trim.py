"""Trim: what can be said of regions only when all blocks are merged and the vendors have judged them.

A vendor holds so many segments of a model, not of a block; and a judgement that cuts a region in two may leave a
part too small, or made of ops that go only with others. Nothing is merged again: taking a region out of the
merged graph cannot close a cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from byoc.partition._fit import beyond, unfit
from byoc.partition._weight import Weight, weigh
from byoc.partition.graph import Graph
from byoc.partition.plan import BlockPlan, Candidate, Region
from byoc.partition.trace import Trace
from byoc.partition.vendor import Limits
from byoc.support.refusal import Refusal

Costs = Callable[[Graph, int], int | None]


@dataclass(frozen=True, slots=True)
class Trim:
    """The options of the merge that hold for the whole model: see `Merge`."""

    min_ops: int = 0
    min_macs: int = 0
    limits: Mapping[str, Limits] = field(default_factory=dict)

    def __call__(
        self,
        blocks: Sequence[tuple[Graph, BlockPlan]],
        macs: Costs,
        traces: Sequence[Trace | None] = (),
    ) -> list[BlockPlan]:
        """Send regions that may not stay back to the host; refused as `policy`, `too-small` or `limit`.

        `macs` gives the multiply-accumulates of a graph's node, None when unknown; `traces` has one entry a block.
        """
        gone: dict[tuple[int, int], Refusal] = {}
        standing: list[tuple[int, int]] = []
        weights: list[tuple[str, Weight]] = []
        for index, (graph, block) in enumerate(blocks):
            for place, region in enumerate(block.regions):
                members, cost = _members(block, region), _of(graph, macs)
                refusal = unfit(graph, members, cost, self.min_ops, self.min_macs)
                if refusal is not None:
                    gone[index, place] = refusal
                elif self._counted(region.vendor):
                    standing.append((index, place))
                    weights.append((region.vendor, weigh(graph, members, cost)))
        for at, refusal in beyond(weights, self.limits):
            gone[standing[at]] = refusal
        return [
            _without(
                block,
                {place: refusal for (home, place), refusal in gone.items() if home == index},
                traces[index] if traces else None,
            )
            for index, (_, block) in enumerate(blocks)
        ]

    def _counted(self, vendor: str) -> bool:
        return vendor in self.limits and self.limits[vendor].max_segments is not None


def _of(graph: Graph, macs: Costs) -> Callable[[int], int | None]:
    return lambda node: macs(graph, node)


def _members(block: BlockPlan, region: Region) -> list[Candidate]:
    return [block.candidates[index] for index in region.candidates]


def _without(block: BlockPlan, gone: Mapping[int, Refusal], trace: Trace | None) -> BlockPlan:
    if not gone:
        return block
    refusals = dict(block.refusals)
    for place, refusal in gone.items():
        for candidate in _members(block, block.regions[place]):
            for node in candidate.nodes:
                refusals[node] = (*refusals.get(node, ()), refusal)
                if trace is not None:
                    trace.note(node, "merge", refusal.vendor, refusal.message)
    regions = tuple(each for place, each in enumerate(block.regions) if place not in gone)
    return replace(
        block, regions=regions, refusals={node: refusals[node] for node in sorted(refusals)}
    )
