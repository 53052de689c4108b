"""Resident: the buffers that are kept in the scratchpad for all of their life, so that no DMA moves them.

Greedy: first those that save the most traffic for the room they take, in bytes and layers. One is kept if there is
a place for it beside those kept before it, if every layer of its life still finds room for its tiles, and if these
layers together do not get slower, having smaller tiles.
"""

from __future__ import annotations

from collections.abc import Mapping

from byoc.vendors.npu.planning.choice import Fronts, best
from byoc.vendors.npu.planning.live import Life
from byoc.vendors.npu.planning.offsets import gaps, lowest
from byoc.vendors.npu.planning.storage import Buffer

Kept = dict[Buffer, int]
"""The buffers in the scratchpad, and where each starts."""


def resident(lives: Mapping[Buffer, Life], fronts: Fronts, capacity: int) -> Kept:
    """Choose among the buffers of `lives` for a scratchpad of `capacity` bytes."""
    kept: Kept = {}
    for buffer in sorted(lives, key=lambda each: _worth(each, lives[each]), reverse=True):
        tried = kept | {buffer: lowest(taken(kept, lives, lives[buffer].layers), buffer.size)}
        if tried[buffer] + buffer.size > capacity:
            continue
        before = _cycles(kept, lives, lives[buffer], fronts, capacity)
        after = _cycles(tried, lives, lives[buffer], fronts, capacity)
        if after is not None and before is not None and after <= before:
            kept = tried
    return kept


def taken(kept: Kept, lives: Mapping[Buffer, Life], layers: range) -> list[tuple[int, int]]:
    """What of the scratchpad is in use at any of `layers`: starts and ends."""
    return [
        (start, start + buffer.size)
        for buffer, start in kept.items()
        if lives[buffer].first < layers.stop and layers.start <= lives[buffer].last
    ]


def _worth(buffer: Buffer, life: Life) -> tuple[float, int]:
    return life.traffic / (buffer.size * len(life.layers)), life.traffic


def _cycles(
    kept: Kept, lives: Mapping[Buffer, Life], life: Life, fronts: Fronts, capacity: int
) -> int | None:
    """Cycles of the layers of `life`; None if one finds no room."""
    total = 0
    for layer in life.layers:
        free = gaps(taken(kept, lives, range(layer, layer + 1)), capacity)
        room = max((end - start for start, end in free), default=0)
        choice = best(fronts.of(layer, kept), room)
        if choice is None:
            return None
        total += choice.cycles
    return total
