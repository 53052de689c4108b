"""Tensors: numpy arrays as TVM's tensors and back, without copies where there need be none."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.generic]

_DLPACK_KINDS = "fiubc"
"""numpy's kinds that DLPack has words for; those of ml_dtypes are of kind V or lie (`int4`)."""


def to_tensor(array: Array) -> Any:
    """`array` as a tensor on the same memory; it must be contiguous and in native byte order.

    Read-only arrays are taken as they are: segments only read their inputs.
    """
    import tvm_ffi

    if _is_plain(array.dtype):
        if array.flags.writeable:
            return tvm_ffi.from_dlpack(array)
        # The older protocol has no flag for read-only memory and numpy refuses it.
        exporter: Any = array
        return tvm_ffi.from_dlpack(exporter.__dlpack__(max_version=(1, 0)))
    carrier = to_tensor(array.view(f"u{array.dtype.itemsize}"))
    return _view()(carrier, tvm_ffi.Shape(array.shape), tvm_ffi.dtype(array.dtype.name), 0)


def to_array(tensor: Any) -> Array:
    """A numpy array on the memory of `tensor`, a CPU tensor of TVM."""
    import tvm_ffi

    name = str(tensor.dtype)
    dtype = numpy_dtype(name)
    if _is_plain(dtype):
        found: Array = np.from_dlpack(tensor)
        return found
    shape = tuple(tensor.shape)
    carrier = tvm_ffi.dtype(f"uint{8 * dtype.itemsize}")
    plain: Array = np.from_dlpack(_view()(tensor, tvm_ffi.Shape(shape), carrier, 0))
    return plain.view(dtype)


@cache
def numpy_dtype(name: str) -> np.dtype[Any]:
    """The numpy or ml_dtypes dtype of that name. Raises TypeError for a name of neither."""
    import ml_dtypes

    own: Any = getattr(ml_dtypes, name, name)
    return np.dtype(own)


def empty(shape: tuple[int, ...], dtype: str, alignment: int = 64) -> Array:
    """An array of unset values whose address is a multiple of `alignment` bytes."""
    wanted = numpy_dtype(dtype)
    size = math.prod(shape) * wanted.itemsize
    memory = np.empty(size + alignment, np.uint8)
    start = -memory.ctypes.data % alignment
    return memory[start : start + size].view(wanted).reshape(shape)


def _is_plain(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in _DLPACK_KINDS and dtype.type.__module__ == "numpy"


@cache
def _view() -> Any:
    import tvm_ffi

    return tvm_ffi.get_global_func("runtime.TVMTensorCreateView")
