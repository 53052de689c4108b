"""From a sequence of turns to regions: in which turn each unit goes, where it has a choice."""

from __future__ import annotations

from collections.abc import Sequence

from byoc.partition._units import HOST, NEUTRAL, Units

_NOBODY = -3
_ANYBODY = -4


def regions_by_turns(units: Units, sequence: Sequence[int]) -> list[list[int]]:
    """The units of each turn, turns in order. A single vendor needs no sequence: it moves every time."""
    stages, sequence = _earliest(units, sequence)
    _gather(units, sequence, stages)
    regions: list[list[int]] = [[] for _ in sequence]
    for unit, owner in enumerate(units.owner):
        if owner >= 0:
            regions[stages[unit]].append(unit)
    return [region for region in regions if region]


def _earliest(units: Units, sequence: Sequence[int]) -> tuple[list[int], Sequence[int]]:
    """The first turn in which each unit can go; host work and neutral units happen after the turn noted."""
    coming = _coming(sequence, len(units.vendors))
    stages = [-1] * len(units)
    # Who may still use a neutral unit's result in the very turn it is noted for.
    insider = [HOST] * len(units)
    for unit, owner in enumerate(units.owner):
        stage = -1
        inside = _ANYBODY
        for need in units.before[unit]:
            at, who = stages[need], units.owner[need]
            who = insider[need] if who == NEUTRAL else who
            if at > stage:
                stage, inside = at, who
            elif at == stage and who != inside:
                inside = who if inside == _ANYBODY else HOST
        if owner >= 0:
            stage = stage if inside == owner and stage >= 0 else stage + 1
            stages[unit] = coming[owner][stage] if coming else stage
        else:
            stages[unit], insider[unit] = stage, inside if inside >= 0 else HOST
    if not coming:
        sequence = (0,) * (max(stages, default=-1) + 1)
    return stages, sequence


def _coming(sequence: Sequence[int], vendors: int) -> list[list[int]]:
    """`[vendor][turn]`: the vendor's first turn that is not before `turn`; empty for a single vendor."""
    if vendors < 2:
        return []
    coming = [[len(sequence)] * (len(sequence) + 1) for _ in range(vendors)]
    for turn in range(len(sequence) - 1, -1, -1):
        for vendor in range(vendors):
            own = sequence[turn] == vendor
            coming[vendor][turn] = turn if own else coming[vendor][turn + 1]
    return coming


def _gather(units: Units, sequence: Sequence[int], stages: list[int]) -> None:
    """Move units to a later turn of their vendor where more of their neighbours are: fewer border tensors.

    Backwards, so that a unit's users have their final places; `latest` and `barred` say until when, and for
    whom in that very turn, a result is in time.
    """
    size = len(units)
    latest, permits = [len(sequence)] * size, [_ANYBODY] * size
    for unit in range(size - 1, -1, -1):
        owner = units.owner[unit]
        last, permit = len(sequence), _ANYBODY
        for user in units.behind[unit]:
            until, who = latest[user], permits[user]
            if until < last:
                last, permit = until, who
            elif until == last and who != permit:
                permit = who if permit == _ANYBODY else permit if who == _ANYBODY else _NOBODY
        if owner == NEUTRAL:
            latest[unit], permits[unit] = last, permit
        elif owner == HOST:
            latest[unit] = last if permit == _ANYBODY else last - 1
        else:
            last = last if permit in (owner, _ANYBODY) else last - 1
            stages[unit] = _choose(units, sequence, stages, unit, last)
            latest[unit], permits[unit] = stages[unit], owner


def _choose(
    units: Units, sequence: Sequence[int], stages: Sequence[int], unit: int, last: int
) -> int:
    earliest, owner = stages[unit], units.owner[unit]
    if last <= earliest:
        return earliest
    shared: dict[int, int] = {earliest: 0}
    for other in (*units.before[unit], *units.behind[unit]):
        stage = stages[other]
        near = units.owner[other] in (owner, NEUTRAL) and earliest <= stage <= last
        if near and stage < len(sequence) and sequence[stage] == owner:
            shared[stage] = shared.get(stage, 0) + 1
    return max(shared, key=lambda stage: (shared[stage], -stage))
