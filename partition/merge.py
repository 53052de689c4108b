"""Merge: grow regions of one vendor, never a cycle (Relay's MergeCompilerRegions).

`fewest` joins regions that lie side by side as well as those that feed each other, and gives the provably
smallest number of segments; see `_fewest.py`. `connected` joins along edges only; see `_connected.py`. Both
look at the merged graph, so that no order of joins can close a cycle. docs/merging.md tells the whole story.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from byoc.partition._connected import connected_regions
from byoc.partition._fewest import fewest_turns
from byoc.partition._fit import NO_LIMITS, beyond, unfit
from byoc.partition._regions import run_order, separators, split, with_neutral
from byoc.partition._stages import regions_by_turns
from byoc.partition._units import Units, contract
from byoc.partition._weight import Weight, constants, counted, weigh
from byoc.partition.graph import Graph
from byoc.partition.place import describe
from byoc.partition.plan import BlockPlan, Candidate, Decision, Region
from byoc.partition.trace import Trace
from byoc.partition.vendor import Limits
from byoc.support.refusal import Refusal

_EFFORT_PER_UNIT = 30
_EFFORT_AT_LEAST = 300_000


@dataclass(frozen=True, slots=True)
class Merge:
    """Options of the merge.

    Segments of fewer than `min_ops` ops, or of fewer than `min_macs` multiply-accumulates, go back to the
    host; an op whose cost is unknown keeps its segment. `limits` are obeyed while regions grow; segments
    beyond a block's `max_segments` go back, the smallest first. `beam` is how many states the search for the
    fewest segments keeps; it is exact until that is not enough.
    """

    policy: Literal["fewest", "connected"] = "fewest"
    min_ops: int = 0
    min_macs: int = 0
    limits: Mapping[str, Limits] = field(default_factory=dict)
    beam: int = 64

    def __call__(
        self,
        graph: Graph,
        decision: Decision,
        macs: Callable[[int], int | None],
        trace: Trace | None = None,
    ) -> BlockPlan:
        """Group the candidates of `decision` into regions.

        `macs` gives the multiply-accumulates of a node, None when unknown. Candidates that end on the host
        are left out of the result and refused as `limit`, `too-small` or `policy`. Dropping a region can let
        others grow together, so merging starts again until nothing is dropped.
        """
        return _Merger(self, graph, decision, macs, trace).run()


class _Merger:
    """One block's merge; `standing` shrinks until every region may stay."""

    def __init__(
        self,
        options: Merge,
        graph: Graph,
        decision: Decision,
        macs: Callable[[int], int | None],
        trace: Trace | None,
    ) -> None:
        self.options, self.graph, self.macs, self.trace = options, graph, macs, trace
        self.refusals = {node: list(stated) for node, stated in decision.refusals.items()}
        self.standing = [each for each in decision.candidates if self._fits(each)]
        self.gap = 0

    def run(self) -> BlockPlan:
        while True:
            units = contract(self.graph, self.standing)
            regions, refused = self._grow(units)
            regions = [
                part
                for region in regions
                for part in split(self.graph, units, self.standing, region, self._limits(region))
            ]
            dropped = self._dropped(regions)
            if not dropped:
                break
            gone = {id(self.standing[index]) for index, _ in dropped}
            for index, refusal in dropped:
                self._refuse(self.standing[index], refusal)
            self.standing = [each for each in self.standing if id(each) not in gone]
        if self.trace is not None:
            self._tell(units, regions, refused)
        return self._plan(regions)

    def _grow(self, units: Units) -> tuple[list[list[int]], list[tuple[int, int]]]:
        """Regions as lists of candidate indices in topological order, and refused joins of units."""
        refused: list[tuple[int, int]] = []
        effort = _EFFORT_PER_UNIT * len(units) + _EFFORT_AT_LEAST
        if self.options.policy == "fewest":
            turns = fewest_turns(units, self.options.beam, effort)
            self.gap = turns.gap
            found = regions_by_turns(units, turns.sequence)
        else:
            found, refused = connected_regions(units, effort)
            order = run_order(units, with_neutral(units, found), len(found))
            found = [found[-1 - each] for each in order if each < 0]
        return [[units.candidate[unit] for unit in region] for region in found], refused

    def _limits(self, region: Sequence[int]) -> Limits:
        return self.options.limits.get(self.standing[region[0]].vendor, NO_LIMITS)

    def _fits(self, candidate: Candidate) -> bool:
        """Refuse what no segment could hold even alone."""
        limits = self.options.limits.get(candidate.vendor, NO_LIMITS)
        if limits.max_ops is None and limits.max_constant_bytes is None:
            return True
        what = describe(self.graph, candidate)
        if limits.max_ops is not None:
            ops = len(counted(self.graph, candidate))
            if ops > limits.max_ops:
                words = (
                    f"{what} is {ops} ops; a segment of {candidate.vendor} holds {limits.max_ops}"
                )
                self._refuse(candidate, Refusal("limit", words, "", candidate.vendor))
                return False
        if limits.max_constant_bytes is not None:
            size = sum(constants(self.graph, candidate.nodes).values())
            if size > limits.max_constant_bytes:
                words = (
                    f"{what} has {size} bytes of constants; a segment of {candidate.vendor} holds "
                    f"{limits.max_constant_bytes}"
                )
                self._refuse(candidate, Refusal("limit", words, "", candidate.vendor))
                return False
        return True

    def _dropped(self, regions: Sequence[Sequence[int]]) -> list[tuple[int, Refusal]]:
        """The candidates of regions that may not stay, with the reason."""
        dropped: list[tuple[int, Refusal]] = []
        for region in regions:
            members = [self.standing[index] for index in region]
            refusal = unfit(
                self.graph, members, self.macs, self.options.min_ops, self.options.min_macs
            )
            if refusal is not None:
                dropped += [(index, refusal) for index in region]
        return dropped or self._beyond(regions)

    def _beyond(self, regions: Sequence[Sequence[int]]) -> list[tuple[int, Refusal]]:
        """The smallest segments of each vendor that has more of them than it can hold."""
        own = [region for region in regions if self._limits(region).max_segments is not None]
        weights = [(self.standing[region[0]].vendor, self._weight(region)) for region in own]
        return [
            (index, refusal)
            for place, refusal in beyond(weights, self.options.limits)
            for index in own[place]
        ]

    def _weight(self, region: Sequence[int]) -> Weight:
        return weigh(self.graph, [self.standing[index] for index in region], self.macs)

    def _refuse(self, candidate: Candidate, refusal: Refusal) -> None:
        for node in candidate.nodes:
            self.refusals.setdefault(node, []).append(refusal)
            if self.trace is not None:
                self.trace.note(node, "merge", candidate.vendor, refusal.message)

    def _plan(self, regions: Sequence[Sequence[int]]) -> BlockPlan:
        notes: tuple[str, ...] = ()
        if self.gap:
            notes = (
                f"{self.graph.scope}: the search grew too wide; at most {self.gap} more segments than the "
                "fewest",
            )
        return BlockPlan(
            tuple(self.standing),
            tuple(Region(self.standing[each[0]].vendor, tuple(each)) for each in regions),
            {node: tuple(self.refusals[node]) for node in sorted(self.refusals)},
            notes,
        )

    def _tell(
        self, units: Units, regions: Sequence[Sequence[int]], refused: Sequence[tuple[int, int]]
    ) -> None:
        """Trace where each candidate went, and what kept it from the neighbours of its vendor."""
        assert self.trace is not None
        for number, region in enumerate(regions):
            for index in region:
                candidate = self.standing[index]
                words = f"in segment {number + 1} of {len(regions)}, with {len(region) - 1} others"
                for node in candidate.nodes:
                    self.trace.note(node, "merge", candidate.vendor, words)
        for unit, other, between in separators(units, regions, refused):
            words = f"not in one segment with {self._unit(units, other)}: that would be a cycle"
            if between >= 0:
                words += f" through {self._unit(units, between)}"
            for node in units.nodes[unit]:
                self.trace.note(node, "merge", units.vendors[units.owner[unit]], words)

    def _unit(self, units: Units, unit: int) -> str:
        if units.candidate[unit] >= 0:
            return describe(self.graph, self.standing[units.candidate[unit]])
        node = units.nodes[unit][-1]
        return f"{self.graph.ops[node]} ({self.graph.names[node] or 'unnamed'})"
