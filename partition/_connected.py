"""Regions along edges only, as Relay's MergeCompilerRegions, without its cycles.

Units are visited in topological order; each joins the regions of its vendor that feed it. A join is refused
when a path leaves the one region and comes back into the other through something else. That is asked of the
*merged* graph: levels (longest distance from the sources, kept up to date as regions grow) say at once for
most units that no such path exists, and a search among the rest decides. Which joins are refused depends on
the order of asking, so both directions are tried and the one with fewer regions is taken.
"""

from __future__ import annotations

from dataclasses import replace

from byoc.partition._units import NEUTRAL, Units


def connected_regions(units: Units, effort: int) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """The units of each region, regions by their first unit; and the joins that would have closed a cycle.

    Beyond `effort` steps a unit joins only where no search is needed, so that the cost stays linear.
    """
    regions, refused = _grow(units, effort)
    backward, refused_backward = _grow(_reversed(units), effort)
    if len(regions) <= len(backward):
        return regions, refused
    last = len(units) - 1
    flipped = sorted([last - unit for unit in reversed(region)] for region in backward)
    return flipped, [(last - unit, last - other) for unit, other in refused_backward]


def _grow(units: Units, effort: int) -> tuple[list[list[int]], list[tuple[int, int]]]:
    grower = _Grower(units, effort)
    for unit in range(len(units)):
        grower.visit(unit)
    return grower.regions(), grower.refused


def _reversed(units: Units) -> Units:
    """The same units with every edge turned round, last unit first."""
    last = len(units) - 1
    before = [tuple([last - user for user in users]) for users in reversed(units.behind)]
    behind = [[last - need for need in needs] for needs in reversed(units.before)]
    return replace(units, owner=units.owner[::-1], before=before, behind=behind)


class _Grower:
    """`root[u]` leads to the set that `u` is in; `before` and `behind` of a root are its neighbours' roots."""

    def __init__(self, units: Units, effort: int) -> None:
        self.units, self.effort = units, effort
        self.refused: list[tuple[int, int]] = []
        self.root = list(range(len(units)))
        self.owner = list(units.owner)
        self.level = [0] * len(units)
        self.before: list[set[int]] = [set(needs) for needs in units.before]
        self.behind: list[set[int]] = [set() for _ in range(len(units))]
        self.members: list[list[int]] = [[unit] for unit in range(len(units))]

    def find(self, unit: int) -> int:
        """The set of a unit, with path halving."""
        root = self.root
        while root[unit] != unit:
            root[unit] = root[root[unit]]
            unit = root[unit]
        return unit

    def visit(self, unit: int) -> None:
        """Place one unit whose operands are all placed."""
        needs = {self.find(need) for need in self.before[unit]}
        self.before[unit] = needs
        self.level[unit] = 1 + max((self.level[need] for need in needs), default=-1)
        for need in needs:
            self.behind[need].add(unit)
        owner = self.owner[unit]
        if owner < 0:
            return
        current = unit
        for need in sorted(self._sources(unit, owner), key=lambda each: self.members[each][0]):
            source = self.find(need)
            if source == current:
                continue
            between = self._neutral_between(source, current)
            if self._join(source, between, current):
                current = self.find(unit)
            else:
                self.refused.append((unit, self.members[source][-1]))

    def _sources(self, unit: int, owner: int) -> list[int]:
        """The regions of `owner` that feed `unit`, directly or through neutral units."""
        found: dict[int, None] = {}
        stack, seen = list(self.before[unit]), set(self.before[unit])
        while stack:
            need = stack.pop()
            if self.owner[need] == owner:
                found[need] = None
            elif self.owner[need] == NEUTRAL:
                further = {self.find(each) for each in self.before[need]} - seen
                seen |= further
                stack += further
        return list(found)

    def _neutral_between(self, source: int, target: int) -> list[int]:
        """The neutral units on paths from `source` to `target`."""
        inner: list[int] = []
        stack = [need for need in self._roots(target) if self.owner[need] == NEUTRAL]
        chain: dict[int, None] = {}
        while stack:
            each = stack.pop()
            if each not in chain:
                chain[each] = None
                stack += [need for need in self._roots(each) if self.owner[need] == NEUTRAL]
        reached = {source}
        for each in sorted(chain):
            if any(need in reached for need in self._roots(each)):
                reached.add(each)
                inner.append(each)
        return inner

    def _roots(self, unit: int) -> set[int]:
        fresh = {self.find(need) for need in self.before[unit]}
        self.before[unit] = fresh
        return fresh

    def _join(self, source: int, between: list[int], target: int) -> bool:
        """Make one set of all three unless a path outside them leads from one into another."""
        parts = [source, *between, target]
        if self._leaves_and_returns(parts):
            return False
        self._union(parts)
        return True

    def _leaves_and_returns(self, parts: list[int]) -> bool:
        inside = set(parts)
        lowest = min(self.level[part] for part in parts)
        stack = [
            need
            for part in parts
            for need in self._roots(part)
            if need not in inside and self.level[need] > lowest
        ]
        if self.effort <= 0:
            # Only a join that raises no level either: nothing to search, nothing to update.
            return any(
                need not in inside and self.level[need] >= lowest
                for part in parts
                for need in self._roots(part)
            )
        seen = set(stack)
        while stack:
            self.effort -= 1
            for need in self._roots(stack.pop()):
                if need in inside:
                    return True
                if need not in seen and self.level[need] > lowest:
                    seen.add(need)
                    stack.append(need)
        return False

    def _union(self, parts: list[int]) -> None:
        """Into the part with the most neighbours, so that moving them costs n log n in all."""
        keep = max(parts, key=lambda part: (len(self.behind[part]) + len(self.before[part]), -part))
        owner = next(self.owner[part] for part in parts if self.owner[part] != NEUTRAL)
        inside = set(parts)
        before, behind, members = self.before[keep], self.behind[keep], self.members[keep]
        for part in parts:
            if part != keep:
                self.root[part] = keep
                before |= self.before[part]
                behind |= self.behind[part]
                members += self.members[part]
                self.before[part], self.behind[part], self.members[part] = set(), set(), []
        before -= inside
        behind -= inside
        self.owner[keep] = owner
        self.level[keep] = max((1 + self.level[self.find(need)] for need in before), default=0)
        self._raise_behind(keep)

    def _raise_behind(self, start: int) -> None:
        """Levels of what comes after grow with the region's."""
        stack = [start]
        while stack:
            unit = stack.pop()
            least = self.level[unit] + 1
            for user in sorted({self.find(each) for each in self.behind[unit]}):
                self.effort -= 1
                if user != unit and self.level[user] < least:
                    self.level[user] = least
                    stack.append(user)

    def regions(self) -> list[list[int]]:
        """The sets that belong to a vendor, each in topological order."""
        found = [
            sorted(each for each in members if self.units.owner[each] != NEUTRAL)
            for unit, members in enumerate(self.members)
            if self.root[unit] == unit and self.owner[unit] >= 0
        ]
        return sorted(found)
