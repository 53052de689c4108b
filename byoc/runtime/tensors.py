"""Tensors: numpy arrays as TVM's tensors and back, without copies where there need be none."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import tvm_ffi

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.generic]

_DLPACK_KINDS = "fiub"
"""numpy's kinds that DLPack has words for; TVM has none for complex numbers."""


def to_tensor(array: Array) -> Any:
    """`array` as a tensor on the same memory; it must be contiguous and in native byte order.

    Read-only arrays are taken as they are: segments only read their inputs.
    """
    if not _is_plain(array.dtype):
        carrier = to_tensor(array.view(f"u{array.dtype.itemsize}"))
        return _view()(carrier, tvm_ffi.Shape(array.shape), tvm_ffi.dtype(array.dtype.name), 0)
    if array.flags.writeable:
        return compact(tvm_ffi.from_dlpack(array))
    # The older protocol has no flag for read-only memory and numpy refuses it.
    exporter: Any = array
    return compact(tvm_ffi.from_dlpack(exporter.__dlpack__(max_version=(1, 0))))


def compact(tensor: Any) -> Any:
    """`tensor`, which is contiguous, with strides that TVM takes: numpy's are all 0 where there are no elements."""
    if 0 not in tensor.shape:
        return tensor
    return _view()(tensor, tensor.shape, tensor.dtype, 0)


def to_array(tensor: Any) -> Array:
    """A numpy array on the memory of `tensor`, a CPU tensor of TVM."""
    try:
        found: Array = np.from_dlpack(tensor)
    except (BufferError, RuntimeError):  # numpy knows no dtype of ml_dtypes by DLPack
        dtype = numpy_dtype(str(tensor.dtype))
        carrier = tvm_ffi.dtype(f"uint{8 * dtype.itemsize}")
        plain = _view()(tensor, tvm_ffi.Shape(tuple(tensor.shape)), carrier, 0)
        return to_array(plain).view(dtype)
    return found


@cache
def numpy_dtype(name: str) -> np.dtype[Any]:
    """The numpy or ml_dtypes dtype of that name. Raises TypeError for a name of neither."""
    import ml_dtypes

    found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name, name))
    return found


@cache
def dtype_name(dtype: np.dtype[Any]) -> str:
    """The name of `dtype` without its byte order; numpy takes 5 us to make it up."""
    return dtype.name


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
    return tvm_ffi.get_global_func("runtime.TVMTensorCreateView")
