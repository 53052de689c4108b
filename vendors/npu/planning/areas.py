"""Areas: where in the scratchpad each layer has its tiles.

Any place that residents leave is correct: tokens order whatever meets. Neighbours that lie apart let the first
loads of a layer run while the one before still computes, which is worth a slightly smaller tile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from byoc.vendors.npu.errors import MisfitError
from byoc.vendors.npu.planning.choice import CLOSE, Choice, Fronts, best
from byoc.vendors.npu.planning.live import Life
from byoc.vendors.npu.planning.offsets import gaps
from byoc.vendors.npu.planning.resident import Kept, taken
from byoc.vendors.npu.planning.storage import Buffer


@dataclass(frozen=True, slots=True)
class Area:
    """A layer's choice, and the address of its tiles."""

    start: int
    choice: Choice

    @property
    def end(self) -> int:
        """The address behind the area."""
        return self.start + self.choice.size


def areas(
    count: int, kept: Kept, lives: Mapping[Buffer, Life], fronts: Fronts, *, apart: bool
) -> list[Area]:
    """One for each of `count` layers; neighbours `apart` where there is room."""
    found: list[Area] = []
    for layer in range(count):
        used = taken(kept, lives, range(layer, layer + 1))
        front = fronts.of(layer, kept)
        anywhere = _placed(front, used, fronts.hardware.scratchpad)
        if anywhere is None:
            room = sum(end - start for start, end in gaps(used, fronts.hardware.scratchpad))
            raise MisfitError(front[0].size, room, "bytes of scratchpad")
        beside = None
        if apart and found:
            used = [*used, (found[-1].start, found[-1].end)]
            beside = _placed(front, used, fronts.hardware.scratchpad)
        if beside and beside.choice.cycles <= anywhere.choice.cycles * CLOSE:
            found.append(beside)
        else:
            found.append(anywhere)
    return found


def _placed(front: Sequence[Choice], used: Sequence[tuple[int, int]], capacity: int) -> Area | None:
    """The best choice for the largest gap, in the first gap that has room for it."""
    free = gaps(used, capacity)
    choice = best(front, max((end - start for start, end in free), default=0))
    if choice is None:
        return None
    return next(Area(start, choice) for start, end in free if end - start >= choice.size)
