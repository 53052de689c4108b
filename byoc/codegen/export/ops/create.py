"""Tensors made of nothing but a shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import numpy_helper

from byoc.codegen.export._call import Call, Emitter
from byoc.frontends.onnx.types import element_type, numpy_dtype

_RANGES = ("int16", "int32", "int64", "float32", "float64")


def _filled(call: Call, dims: list[Any], number: Any) -> str:
    """ConstantOfShape of one number."""
    value = numpy_helper.from_array(np.full([1], number, numpy_dtype(call.out_dtype())))
    return call.emit("ConstantOfShape", call.vector(dims), value=value)


def _fill(number: int) -> Emitter:
    return Emitter(lambda call: _filled(call, call.out_shape(), number), ("ConstantOfShape",))


def _full(index: int) -> Emitter:
    def write(call: Call) -> str:
        array, dims = call.array(index), call.out_shape()
        if array is not None and array.size == 1:
            return _filled(call, dims, array.reshape(-1)[0])
        value = call.cast(call[index], call.out_dtype(), call.dtype(index))
        return call.emit("Expand", value, call.vector(dims))

    return Emitter(write, ("ConstantOfShape", "Expand", "Cast"))


def arange(call: Call) -> str:
    """Range."""
    dtype = call.out_dtype()
    made = dtype if dtype in _RANGES else "float32" if "float" in dtype else "int64"
    bounds = []
    for index in range(3):
        bound = call.number(index)
        if isinstance(bound, int | float):
            bounds.append(call.constant(bound, made))
        else:
            bounds.append(call.cast(call.dims.scalar(bound), made, "int64"))
    return call.cast(call.emit("Range", *bounds), dtype, made)


def _eye(call: Call, k: Any, like: str) -> str:
    if not isinstance(k, int):
        call.decline("its diagonal is symbolic")
    return call.emit("EyeLike", like, k=k, dtype=element_type(call.out_dtype()))


def eye(call: Call) -> str:
    """EyeLike of zeros."""
    return _eye(call, call.number(2), _filled(call, call.out_shape(), 0))


def eye_like(call: Call) -> str:
    """EyeLike."""
    return _eye(call, call.number(1), call[0])


EMITTERS: dict[str, Emitter] = {
    "zeros": _fill(0),
    "ones": _fill(1),
    "zeros_like": _fill(0),
    "ones_like": _fill(1),
    "full": _full(1),
    "full_like": _full(1),
    "arange": Emitter(arange, ("Range", "Cast")),
    "eye": Emitter(eye, ("EyeLike", "ConstantOfShape")),
    "eye_like": Emitter(eye_like, ("EyeLike",)),
}
