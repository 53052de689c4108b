"""Live: from which layer to which a buffer's bytes matter."""

from __future__ import annotations

from dataclasses import dataclass

from byoc.vendors.npu.planning.graph import operands
from byoc.vendors.npu.planning.storage import Buffer, Storage


@dataclass(frozen=True, slots=True)
class Life:
    """The first and last layer (both included) that touches the buffer, and the bytes that they read and write."""

    first: int
    last: int
    traffic: int

    def meets(self, other: Life) -> bool:
        """Whether some layer needs both."""
        return self.first <= other.last and other.first <= self.last

    @property
    def layers(self) -> range:
        """Those from first to last."""
        return range(self.first, self.last + 1)


def lives(storage: Storage) -> dict[Buffer, Life]:
    """The life of every buffer of the program's own, in the order in which they begin."""
    found: dict[Buffer, Life] = {}
    for index, layer in enumerate(storage.layers):
        for tensor in (*dict.fromkeys(operands(layer)), layer.out):
            place = storage.places[tensor]
            if place.buffer.own:
                before = found.get(place.buffer, Life(index, index, 0))
                size = place.view.elements * place.view.dtype.bytes
                found[place.buffer] = Life(before.first, index, before.traffic + size)
    return found
