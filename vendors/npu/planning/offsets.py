"""Offsets: buffers in one memory, apart wherever their lives meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from byoc.vendors.npu.planning.live import Life
from byoc.vendors.npu.planning.storage import Buffer


def offsets(lives: Mapping[Buffer, Life]) -> tuple[dict[Buffer, int], int]:
    """Where each starts, and how many bytes all need.

    The largest come first, each at the lowest place that is free during its life (Pisarchyk and Lee 2020, Efficient
    memory management for deep neural net inference, greedy by size). Sizes are whole lines, so none is shared.
    """
    given: dict[Buffer, int] = {}
    for buffer in sorted(lives, key=lambda each: -each.size):
        taken = [
            (start, start + other.size)
            for other, start in given.items()
            if lives[other].meets(lives[buffer])
        ]
        given[buffer] = lowest(taken, buffer.size)
    return given, max((start + each.size for each, start in given.items()), default=0)


def lowest(taken: Sequence[tuple[int, int]], size: int) -> int:
    """The lowest offset with `size` bytes that no range of `taken` has."""
    place = 0
    for start, end in sorted(taken):
        if start - place >= size:
            break
        place = max(place, end)
    return place


def gaps(taken: Sequence[tuple[int, int]], capacity: int) -> list[tuple[int, int]]:
    """Starts and ends of what `taken` leaves of `capacity` bytes, in their order."""
    found, place = [], 0
    for start, end in sorted(taken):
        if start > place:
            found.append((place, start))
        place = max(place, end)
    if capacity > place:
        found.append((place, capacity))
    return found
