"""Regions after growing: cut where a limit is reached, put in order, and say what kept two apart."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from byoc.partition._units import NEUTRAL, Units
from byoc.partition._weight import constants, counted
from byoc.partition.graph import Graph
from byoc.partition.plan import Candidate
from byoc.partition.vendor import Limits


def split(
    graph: Graph, units: Units, candidates: Sequence[Candidate], region: list[int], limits: Limits
) -> list[list[int]]:
    """Cut a region (candidate indices in topological order) so that each part obeys `limits`.

    Every cut has all that comes before on one side, so the parts run one after the other.
    """
    if limits.max_ops is None and limits.max_constant_bytes is None:
        return [region]
    parts: list[list[int]] = []
    ops, held = 0, dict[int, int]()
    for index in region:
        more = len(counted(graph, candidates[index]))
        own = constants(graph, candidates[index].nodes)
        full = limits.max_ops is not None and ops + more > limits.max_ops
        if limits.max_constant_bytes is not None:
            fresh = sum(size for node, size in own.items() if node not in held)
            full = full or sum(held.values()) + fresh > limits.max_constant_bytes
        if full or not parts:
            parts.append([])
            ops, held = 0, {}
        parts[-1].append(index)
        ops += more
        held.update(own)
    return parts


def with_neutral(units: Units, regions: Sequence[Sequence[int]]) -> list[int]:
    """The region of each unit, -1 for the host.

    A tuple or item belongs to a region when it stands on a path from the region back into it: on the host it
    would close a cycle.
    """
    home = [-1] * len(units)
    for number, region in enumerate(regions):
        for unit in region:
            home[unit] = number
    neutral = [unit for unit, owner in enumerate(units.owner) if owner == NEUTRAL]
    sources = _through(neutral, units.before, home)
    sinks = _through(neutral[::-1], units.behind, home)
    for unit in neutral:
        both = sources[unit] & sinks[unit]
        if both:
            home[unit] = min(both)
    return home


def _through(
    neutral: Sequence[int], neighbours: Sequence[Sequence[int]], home: Sequence[int]
) -> dict[int, set[int]]:
    """The regions that each neutral unit meets on one side, also through other neutral units."""
    met: dict[int, set[int]] = {}
    for unit in neutral:
        own: set[int] = set()
        for other in neighbours[unit]:
            if home[other] >= 0:
                own.add(home[other])
            elif other in met:
                own |= met[other]
        met[unit] = own
    return met


def run_order(units: Units, home: Sequence[int], count: int) -> list[int]:
    """An order in which regions and host units can run, near to binding order.

    `home` is as of `with_neutral`, `count` the number of regions. A region is given as `-1 - number`, any
    other unit as itself. Shorter than it should be when the merged graph has a cycle.
    """
    size = len(units)
    group = [size + region if region >= 0 else unit for unit, region in enumerate(home)]
    missing = [0] * (size + count)
    behind: dict[int, list[int]] = {}
    rank = list(range(size)) + [size] * count
    for unit, needs in enumerate(units.before):
        own = group[unit]
        # A region stands where its last unit stood: its operands are there by then, as a rule.
        rank[own] = unit
        for need in needs:
            if group[need] != own:
                missing[own] += 1
                behind.setdefault(group[need], []).append(own)
    used = dict.fromkeys(group)
    ready = [(rank[each], each) for each in used if not missing[each]]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        _, each = heapq.heappop(ready)
        order.append(each if each < size else size - each - 1)
        for user in behind.get(each, ()):
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(ready, (rank[user], user))
    return order


def separators(
    units: Units,
    candidates: Sequence[Sequence[int]],
    refused: Sequence[tuple[int, int]],
) -> Iterator[tuple[int, int, int]]:
    """What kept neighbours of one vendor apart: `(unit, the other, a unit between them or -1)`.

    `candidates` are the regions by candidate index, `refused` the joins that growing along edges gave up.
    """
    region_of = {index: number for number, region in enumerate(candidates) for index in region}
    pairs = [*refused]
    if not refused:
        pairs = [
            (unit, need)
            for unit, needs in enumerate(units.before)
            for need in needs
            if units.owner[unit] >= 0 and units.owner[need] == units.owner[unit]
        ]
    for unit, other in pairs:
        own, source = region_of[units.candidate[unit]], region_of[units.candidate[other]]
        if own != source:
            yield unit, other, _between(units, region_of, unit, source)


def _between(units: Units, region_of: dict[int, int], unit: int, source: int) -> int:
    """An operand of `unit` from elsewhere that needs something of region `source`; -1 when none does."""
    own = units.owner[unit]
    for need in units.before[unit]:
        if units.owner[need] == own:
            continue
        stack, seen = [need], {need}
        while stack and len(seen) < 10_000:
            each = stack.pop()
            if region_of.get(units.candidate[each], -1) == source:
                return need
            further = [other for other in units.before[each] if other not in seen]
            seen.update(further)
            stack += further
    return -1
