"""TVM's serialised tensors: those of a metadata section and of a `.params` file. Little endian."""

from __future__ import annotations

import math
import struct
from typing import Any

import ml_dtypes
import numpy as np

Array = np.ndarray[Any, Any]

TENSOR_MAGIC = 0xDD5E40F096B4A13F
"""The first eight bytes of a tensor."""
PARAMS_MAGIC = 0xF7E58D4F05049CB7
"""The first eight bytes of a `.params` file."""

_CODES = {0: "int", 1: "uint", 2: "float", 4: "bfloat"}
_HEADER = struct.Struct("<QQiiiBBH")


class Truncated(ValueError):  # noqa: N818 (never leaves the frontend)
    """The bytes are no tensor, or end too early; the message says which."""


class Reader:
    """Reads numbers, strings and tensors from bytes, in order. Raises Truncated."""

    def __init__(self, data: bytes) -> None:
        self.data, self.offset = memoryview(data), 0

    def take(self, size: int) -> memoryview:
        """The next `size` bytes."""
        if size < 0 or size > len(self.data) - self.offset:
            raise Truncated(f"{size} bytes expected at byte {self.offset} of {len(self.data)}")
        self.offset += size
        return self.data[self.offset - size : self.offset]

    def u64(self) -> int:
        """The next unsigned 64-bit number."""
        return int.from_bytes(self.take(8), "little")

    def string(self) -> str:
        """A string behind its length."""
        try:
            return bytes(self.take(self.u64())).decode()
        except UnicodeDecodeError as error:
            raise Truncated(f"a name before byte {self.offset} is not UTF-8") from error

    def tensor(self) -> Array:
        """The next tensor, copied."""
        magic, _, _, _, rank, code, bits, lanes = _HEADER.unpack(self.take(_HEADER.size))
        if magic != TENSOR_MAGIC:
            raise Truncated(f"no tensor begins at byte {self.offset - _HEADER.size}")
        dtype = _dtype(code, bits, lanes)
        if rank < 0 or rank > 32:
            raise Truncated(f"a tensor of rank {rank}")
        shape = tuple(struct.unpack(f"<{rank}q", self.take(8 * rank)))
        size = self.u64()
        if min(shape, default=0) < 0 or size != math.prod(shape) * dtype.itemsize:
            raise Truncated(f"{size} bytes for a tensor of shape {shape} and type {dtype}")
        return np.frombuffer(bytes(self.take(size)), dtype).reshape(shape).copy()


def _dtype(code: int, bits: int, lanes: int) -> np.dtype[Any]:
    name = f"{_CODES.get(code, 'type ')}{bits}"
    if lanes == 1 and (code, bits) == (1, 1):
        return np.dtype(bool)
    if lanes != 1 or (
        name != "bfloat16" and (code not in (0, 1, 2) or bits not in (8, 16, 32, 64))
    ):
        raise Truncated(f"elements of type {name}x{lanes}")
    if name == "float8":
        raise Truncated("elements of type float8")
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def read_params(data: bytes) -> dict[str, Array]:
    """Read what `relay.save_param_dict` wrote, by name. Raises Truncated."""
    reader = Reader(data)
    if reader.u64() != PARAMS_MAGIC:
        raise Truncated("it does not begin as a .params file")
    reader.u64()
    names = [reader.string() for _ in range(_count(reader))]
    count = _count(reader)
    if count != len(names):
        raise Truncated(f"{len(names)} names, but {count} tensors")
    return {name: reader.tensor() for name in names}


def _count(reader: Reader) -> int:
    count = reader.u64()
    if count * 8 > len(reader.data):
        raise Truncated(f"{count} entries in {len(reader.data)} bytes")
    return count
