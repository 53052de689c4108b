"""Value: what the importer knows of one ONNX value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tvm
from onnx import TypeProto
from tvm import relax, tirx

from byoc.frontends.onnx.types import array_type, type_proto

Array = np.ndarray[Any, Any]


@dataclass(slots=True, eq=False)
class Value:
    """One ONNX value: a constant (`array`), shape arithmetic (`dims`), a Relax variable (`expr`), or a mixture.

    `dims` are the elements of a tensor of `dtype` (int64 or int32) and rank 0 (`scalar`) or 1: integers and integer
    expressions. `fresh` makes the value again for each consumer (a DequantizeLinear that several nodes share), and
    `read_as` is what the last consumer read. `opaque` is the type of a value that no Relax tensor holds. `carried`
    names the nodes that were folded into the value: they are origins of whatever reads it.
    """

    name: str
    array: Array | None = None
    dims: tuple[Any, ...] | None = None
    scalar: bool = False
    dtype: str = "int64"
    expr: Any = None
    fresh: Callable[[], Any] | None = None
    read_as: Any = None
    opaque: TypeProto | None = None
    carried: tuple[str, ...] = ()

    @property
    def type(self) -> TypeProto:
        """The ONNX type, with everything known of the shape."""
        if self.opaque is not None:
            return self.opaque
        if self.array is not None:
            return array_type(self.array)
        if self.dims is not None:
            shape = () if self.scalar else (len(self.dims),)
            return type_proto(relax.TensorType(shape, self.dtype))
        return type_proto(self.expr.ty)

    def constant(self) -> Any:
        """Return the value as a Relax constant, made once; requires `array`."""
        if self.expr is None:
            self.expr = make_constant(self.array)
        return self.expr

    def elements(self) -> tuple[Any, ...] | None:
        """Return the elements as integers and expressions when they are known, for shapes and indices."""
        if self.dims is not None:
            return self.dims
        if self.array is None or self.array.ndim > 1 or self.array.dtype.kind not in "iu":
            return None
        return tuple(int(each) for each in self.array.reshape(-1))


def make_constant(array: Array | None) -> Any:
    """Make a Relax constant, sharing the array's memory where its alignment allows."""
    assert array is not None
    if (
        array.flags.c_contiguous
        and array.flags.writeable
        and array.ctypes.data % 64 == 0
        and array.size
    ):
        try:
            return relax.const(tvm.runtime.from_dlpack(array))
        except (BufferError, RuntimeError, TypeError):
            pass  # numpy cannot export the small floats of ml_dtypes
    return relax.const(tvm.runtime.tensor(np.ascontiguousarray(array).reshape(array.shape)))


def constant_array(expr: Any) -> Array:
    """Return the data of a Relax constant without a copy where numpy can view it."""
    try:
        return np.from_dlpack(expr.value)
    except (BufferError, RuntimeError, TypeError):
        return np.asarray(expr.value.numpy())


def shape_value(name: str, dims: tuple[Any, ...], scalar: bool, dtype: str = "int64") -> Value:
    """Make a value of known elements: an array when all are integers, else shape arithmetic."""
    plain = tuple(int(dim) if isinstance(dim, int | tirx.IntImm) else dim for dim in dims)
    if all(isinstance(dim, int) for dim in plain):
        return Value(name, array=np.array(plain[0] if scalar else plain, dtype))
    return Value(name, dims=plain, scalar=scalar, dtype=dtype)
