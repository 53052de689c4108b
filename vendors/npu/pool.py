"""Pool: a program's constants, each once."""

from __future__ import annotations

from byoc.vendors.npu import isa


class Pool:
    """Constants one after the other in the order of their first use, each at a multiple of `isa.LINE`.

    Equal bytes share a place. Kernels add what they read; the offsets depend on nothing but the order of the calls.
    """

    def __init__(self) -> None:
        """Make an empty pool."""
        self._parts: list[bytes] = []
        self._places: dict[bytes, int] = {}
        self._size = 0

    def add(self, data: bytes) -> int:
        """Put `data` into the pool unless it is there; its offset in bytes."""
        if data in self._places:
            return self._places[data]
        place = self._size
        padding = -len(data) % isa.LINE
        self._parts += [data, b"\0" * padding]
        self._places[data] = place
        self._size += len(data) + padding
        return place

    @property
    def size(self) -> int:
        """Bytes so far, a multiple of `isa.LINE`."""
        return self._size

    @property
    def data(self) -> bytes:
        """All of it."""
        return b"".join(self._parts)
