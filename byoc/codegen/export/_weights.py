"""Weights: the large constants of a model in a file beside it, written once and never part of a message."""

from __future__ import annotations

from typing import IO, Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper

Array = np.ndarray[Any, Any]

FILE: Final = "weights"

LARGE: Final = 1 << 20
"""Bytes from which on a constant is written outside: no shape, list of axes or scalar is so large."""

ALIGNMENT: Final = 4096
"""Bytes; whoever maps the file has every constant at the beginning of a page."""


class Weights:
    """The file under way. With `hollow`, floating-point data are holes of the right length, which read as zeros."""

    def __init__(self, file: IO[bytes], *, hollow: bool = False) -> None:
        self._file, self._hollow = file, hollow
        self._end = 0

    def add(self, tensor: TensorProto, name: str, array: Array, *, is_scale: bool) -> None:
        """Fill an initializer, whose data goes into the file; that of a scale is always there."""
        start = -(-self._end // ALIGNMENT) * ALIGNMENT
        self._end = start + array.nbytes
        if not self._hollow or is_scale or array.dtype.kind != "f":
            self._file.seek(start)
            self._file.write(array.reshape(-1).view("uint8").data)
        self._file.truncate(self._end)
        tensor.name = name
        tensor.dims.extend(array.shape)
        tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", FILE), ("offset", start), ("length", array.nbytes)):
            tensor.external_data.append(onnx.StringStringEntryProto(key=key, value=str(value)))


def goes_outside(array: Array) -> bool:
    """Whether the constant is large, and of numbers that are stored as they are."""
    return array.nbytes >= LARGE and array.dtype.kind in "fiub" and array.flags.c_contiguous
