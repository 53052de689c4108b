"""The fewest turns: whose turn is next, so that the number of segments is the smallest possible.

Host work is free to happen at any time, so a partition is a sequence of vendor turns; a turn takes all that
is ready for its vendor, then the host takes all that is ready for it. Taking less never helps. A state is the
set of units taken; breadth first over the vendors' turns, a state that another one of the same depth contains
is dropped. Lower bounds prune: each vendor needs as many turns as a path leaves and re-enters it, and all
vendors together as many as one path changes hands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from byoc.partition._units import NEUTRAL, Units


@dataclass(frozen=True, slots=True)
class Turns:
    """Vendor indices in order; no sequence is shorter by more than `gap`."""

    sequence: tuple[int, ...]
    gap: int = 0


@dataclass(slots=True, eq=False)
class _State:
    """What was taken beyond the common base, and what is ready, by vendor, as linked lists of batches."""

    parent: _State | None
    vendor: int
    extra: set[int]
    ready: tuple[Any, ...]
    reach: tuple[tuple[int, ...], ...]
    size: int
    bound: int

    def sequence(self) -> tuple[int, ...]:
        turns: list[int] = []
        state: _State | None = self
        while state is not None and state.vendor >= 0:
            turns.append(state.vendor)
            state = state.parent
        return tuple(reversed(turns))


def fewest_turns(units: Units, beam: int, effort: int) -> Turns:
    """Search for the shortest sequence, exact while no more than `beam` states and `effort` steps are needed.

    Steps are counted, not seconds, so that every run gives the same answer.
    """
    if len(units.vendors) < 2:
        return Turns(())
    return _Search(units, beam, effort).run()


class _Search:
    """The search over one block; `done` is the common base of all states that are still of interest."""

    def __init__(self, units: Units, beam: int, effort: int) -> None:
        self.units, self.beam, self.effort = units, beam, effort
        self.count = len(units.vendors)
        self.rests = _rests(units)
        self.done = bytearray(len(units))

    def run(self) -> Turns:
        start = self._start()
        if start.size == len(self.units):
            return Turns(())
        best = self._finish(start)
        self.done = bytearray(len(self.units))
        start = self._start()
        if len(best) == start.bound:
            return Turns(best)
        return self._wide(start, best)

    def _wide(self, start: _State, best: tuple[int, ...]) -> Turns:
        frontier, level, least, total = [start], 0, len(best), len(self.units)
        while frontier:
            level += 1
            found: list[_State] = []
            for state in frontier:
                found += [
                    self._turn(state, each) for each in range(self.count) if state.ready[each]
                ]
            for state in found:
                if state.size == total:
                    return Turns(state.sequence(), max(0, level - min(least, level)))
            found = [state for state in found if level + state.bound < len(best)]
            found = self._maximal(found)
            if len(found) > self.beam:
                least = min(least, *(level + state.bound for state in found[self.beam :]))
                found = found[: self.beam]
            if self.effort < 0 and found:
                least = min(least, *(level + state.bound for state in found))
                last = self._finish(found[0])
                best = min(best, last, key=len)
                break
            frontier = self._settle(found)
        return Turns(best, len(best) - min(least, len(best)))

    def _maximal(self, states: list[_State]) -> list[_State]:
        """Without the states that another contains, the most promising first."""
        states.sort(key=lambda state: -state.size)
        kept: list[_State] = []
        for state in states:
            self.effort -= len(kept)
            if not any(state.extra <= other.extra for other in kept):
                kept.append(state)
        kept.sort(key=lambda state: (state.bound, -state.size))
        return kept

    def _settle(self, states: list[_State]) -> list[_State]:
        """Move what all states share into the base."""
        if not states:
            return states
        common = set.intersection(*(state.extra for state in states))
        for unit in common:
            self.done[unit] = 1
        for state in states:
            self.effort -= len(state.extra)
            state.extra -= common
        return states

    def _finish(self, state: _State) -> tuple[int, ...]:
        """One way to the end: the turn that shortens the way, then the one on the longest path."""
        while state.size < len(self.units):
            state = self._turn(state, self._promising(state))
            for unit in state.extra:
                self.done[unit] = 1
            state.extra = set()
        return state.sequence()

    def _promising(self, state: _State) -> int:
        def rank(vendor: int) -> tuple[bool, int, int]:
            mine = state.reach[vendor]
            others = [state.reach[each][vendor] for each in range(self.count) if each != vendor]
            return mine[vendor] > max(others), mine[self.count], -vendor

        return max((each for each in range(self.count) if state.ready[each]), key=rank)

    def _start(self) -> _State:
        sources = [unit for unit, needs in enumerate(self.units.before) if not needs]
        empty = (0,) * (self.count + 1)
        blank = _State(None, -1, set(), (None,) * self.count, (empty,) * self.count, 0, 0)
        return self._state(blank, -1, set(), 0, sources)

    def _turn(self, state: _State, vendor: int) -> _State:
        """All that is ready for `vendor`, and what becomes ready for it by that; then the host's part."""
        owner, behind, done = self.units.owner, self.units.behind, self.done
        extra = set(state.extra)
        self.effort -= len(extra) + 8
        stack = list(_batches(state.ready[vendor]))
        extra.update(stack)
        later: list[int] = []
        while stack:
            unit = stack.pop()
            for user in behind[unit]:
                if owner[user] != vendor and owner[user] != NEUTRAL:
                    later.append(user)
                elif user not in extra and self._is_ready(user, extra, done):
                    extra.add(user)
                    stack.append(user)
        return self._state(state, vendor, extra, len(extra) - len(state.extra), later)

    def _state(
        self, parent: _State, vendor: int, extra: set[int], taken: int, later: list[int]
    ) -> _State:
        """Close `extra` under the host's work; `later` are units that may have become ready."""
        owner, behind, done = self.units.owner, self.units.behind, self.done
        fresh: list[list[int]] = [[] for _ in range(self.count)]
        seen: set[int] = set()
        while later:
            unit = later.pop()
            if unit in extra or unit in seen or not self._is_ready(unit, extra, done):
                continue
            if owner[unit] >= 0:
                seen.add(unit)
                fresh[owner[unit]].append(unit)
                continue
            extra.add(unit)
            taken += 1
            later += behind[unit]
        self.effort -= taken
        ready = list(parent.ready)
        reach = list(parent.reach)
        if vendor >= 0:
            ready[vendor] = None
            reach[vendor] = (0,) * (self.count + 1)
        for index, batch in enumerate(fresh):
            if batch:
                ready[index] = (ready[index], batch)
                tops = [max(rest[unit] for unit in batch) for rest in self.rests]
                reach[index] = tuple(map(max, reach[index], tops))
        tops = [max(column) for column in zip(*reach, strict=True)]
        bound = max(sum(tops[:-1]), tops[-1])
        size = parent.size + taken
        return _State(parent, vendor, extra, tuple(ready), tuple(reach), size, bound)

    def _is_ready(self, unit: int, extra: set[int], done: bytearray) -> bool:
        # `before` has the latest unit first: the one most likely to be missing.
        for need in self.units.before[unit]:  # noqa: SIM110 (all() doubles the time of the whole search)
            if not done[need] and need not in extra:
                return False
        return True


def _batches(ready: Any) -> Iterable[int]:
    while ready is not None:
        ready, batch = ready
        yield from batch


def _rests(units: Units) -> list[list[int]]:
    """For each vendor, and last for all together, the turns that some path from a unit on still needs."""
    rests = [_rest(units, (vendor,)) for vendor in range(len(units.vendors))]
    return [*rests, _rest(units, tuple(range(len(units.vendors))))]


def _rest(units: Units, counted: tuple[int, ...]) -> list[int]:
    """Turns of `counted` vendors on the worst path from each unit; other vendors count as the host."""
    size = len(units)
    rest = [0] * size
    # While a turn of some vendor goes on, its further ops are free; neutral units pass that on.
    going: list[dict[int, int]] = [{} for _ in counted] if size else []
    for unit in range(size - 1, -1, -1):
        vendor, users = units.owner[unit], units.behind[unit]
        if vendor == NEUTRAL:
            rest[unit] = max([rest[user] for user in users], default=0)
            for place, each in enumerate(counted):
                going[place][unit] = _going(units, users, each, rest, going[place])
        elif vendor in counted:
            place = counted.index(vendor)
            rest[unit] = 1 + _going(units, users, vendor, rest, going[place])
        else:
            rest[unit] = max([rest[user] for user in users], default=0)
    return rest


def _going(
    units: Units, users: list[int], vendor: int, rest: list[int], neutral: dict[int, int]
) -> int:
    most = 0
    for user in users:
        owner = units.owner[user]
        if owner == vendor:
            value = rest[user] - 1
        elif owner == NEUTRAL:
            value = neutral[user]
        else:
            value = rest[user]
        if value > most:
            most = value
    return most
