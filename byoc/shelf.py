"""Shelf: large data beside a pickle, in a file that the process which unpickles it maps.

What travels to worker processes is mostly constants, and the same ones many times: a candidate's, then those of the
region that it became part of. On the shelf each has one place, and nobody copies it again.
"""

from __future__ import annotations

import mmap
import os
import pickle
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

ALIGNMENT = 64
"""Bytes; what TVM expects of a tensor's address."""

SMALL = 16_384
"""Buffers below this many bytes stay in the pickle."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A pickle, the file that has its buffers ("" for none), and where in it each lies: offset and length."""

    pickle: bytes
    file: str = ""
    places: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class Shelf:
    """The file, made when there is something to put into it, and gone with this process however that ends.

    What was put there is held until `close`, so that no other data can come to have its address.
    """

    _file: IO[bytes] | None = None
    _held: dict[tuple[int, int], tuple[int, pickle.PickleBuffer]] = field(default_factory=dict)
    _end: int = 0

    def pack(self, value: Any) -> Parcel:
        """`value` to be unpacked while the shelf is open. A disk that is full costs time alone: all is pickled."""
        places: list[tuple[int, int]] = []

        def shelve(buffer: pickle.PickleBuffer) -> bool:
            size = buffer.raw().nbytes
            if size < SMALL:
                return True
            places.append((self._place(buffer, size), size))
            return False

        try:
            body = pickle.dumps(value, pickle.HIGHEST_PROTOCOL, buffer_callback=shelve)
        except OSError:
            return Parcel(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
        if not places or self._file is None:
            return Parcel(body)
        self._file.flush()
        return Parcel(body, _path(self._file), tuple(places))

    def close(self) -> None:
        """Remove the file; what was unpacked of it stays usable."""
        self._held.clear()
        self._end = 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def _place(self, buffer: pickle.PickleBuffer, size: int) -> int:
        """Where the buffer's data lies in the file; it is written the first time."""
        import numpy as np

        data = buffer.raw()
        key = (np.frombuffer(data, "uint8").ctypes.data, size)
        if key not in self._held:
            start = -(-self._end // ALIGNMENT) * ALIGNMENT
            file = self._opened()
            file.seek(start)
            file.write(data)
            self._end = start + size
            self._held[key] = (start, buffer)
        return self._held[key][0]

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            # On Linux the file has no name, so that nothing is left to be removed.
            make = tempfile.TemporaryFile if sys.platform == "linux" else _named
            self._file = make(prefix="byoc-shelf-")
        return self._file


def unpack(parcel: Parcel) -> Any:
    """What was packed. Its arrays are private to this process: what is written into them reaches nobody else."""
    if not parcel.file:
        return pickle.loads(parcel.pickle)
    return pickle.loads(parcel.pickle, buffers=_mapped(parcel.file, parcel.places))


def _mapped(path: str, places: Sequence[tuple[int, int]]) -> list[memoryview]:
    first = min(start for start, _ in places)
    first -= first % mmap.ALLOCATIONGRANULARITY
    length = max(start + size for start, size in places) - first
    with Path(path).open("rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), length, access=mmap.ACCESS_COPY, offset=first))
    return [view[start - first : start - first + size] for start, size in places]


def _named(prefix: str) -> IO[bytes]:
    return tempfile.NamedTemporaryFile(prefix=prefix)


def _path(file: IO[bytes]) -> str:
    if sys.platform == "linux":
        return f"/proc/{os.getpid()}/fd/{file.fileno()}"
    return str(file.name)
