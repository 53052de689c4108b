"""Quantisation: `relax.quantize` and `relax.dequantize`, as the model states it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import relax

from byoc.frontends.onnx.context import Context, Decline

_STORED = ("int8", "uint8", "int16", "uint16", "int32")


def dequantize_linear(context: Context) -> Any:
    """DequantizeLinear per tensor or per axis."""
    stored = context.dtype(0)
    if stored not in _STORED:
        raise Decline(f"it stores {stored}")
    scale, zero_point, axis = _parameters(context, stored)
    dtype = _dtype(context)
    if dtype != context.dtype(1):
        raise Decline("its scale and its result have different types")
    return relax.op.dequantize(context.arg(0), scale, zero_point, axis=axis, out_dtype=dtype)


def quantize_linear(context: Context) -> Any:
    """QuantizeLinear per tensor or per axis."""
    spec = context.specs[0]
    if spec is None or spec.dtype not in ("int8", "uint8", "int16", "uint16"):
        raise Decline(f"it stores {spec.dtype if spec else 'an unknown type'}")
    if context.dtype(0) != context.dtype(1):
        raise Decline("its scale and its input have different types")
    scale, zero_point, axis = _parameters(context, spec.dtype)
    return relax.op.quantize(context.arg(0), scale, zero_point, axis=axis, out_dtype=spec.dtype)


def _dtype(context: Context) -> str:
    spec = context.specs[0]
    return spec.dtype if spec is not None else context.dtype(1)


def _parameters(context: Context, stored: str) -> tuple[Any, Any, int]:
    if context.attrs.get("block_size", 0):
        raise Decline("it quantises in blocks")
    if context.attrs.get("precision", 0) or not context.attrs.get("saturate", 1):
        raise Decline("it asks for another precision or no saturation")
    scale, zero_point = context.arg(1), context.arg(2)
    rank, scales = context.rank(0), context.rank(1)
    if scales > 1:
        raise Decline("it quantises in blocks")
    if zero_point is None:
        import numpy as np

        dims = context.dims(1)
        if not all(isinstance(dim, int) for dim in dims):
            raise Decline("the number of its scales is not known")
        zero_point = relax.const(np.zeros([int(dim) for dim in dims], stored))
    axis = context.axis(context.attrs.get("axis", 1), rank) if scales and rank else 0
    if rank == 0 or axis >= rank:
        axis = 0
    return scale, zero_point, axis


CONVERTERS: dict[str, Callable[[Context], Any]] = {
    "DequantizeLinear": dequantize_linear,
    "QuantizeLinear": quantize_linear,
}
