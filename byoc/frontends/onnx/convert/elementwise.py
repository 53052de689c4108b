"""Elementwise operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tvm import relax

from byoc.frontends.onnx.context import Context, Decline


def clip(context: Context) -> Any:
    """Clip: `relax.clip` for constant bounds, else `minimum(maximum(x, low), high)`, which is ONNX's definition."""
    dtype = context.dtype(0)
    if context.version < 11:
        low, high = context.attrs.get("min"), context.attrs.get("max")
    else:
        low, high = (_bound(context, index) for index in (1, 2))
        if any(context.has(index) and context.array(index) is None for index in (1, 2)):
            return _between(context, context.arg(1), context.arg(2))
    if low is None and high is None:
        return context.arg(0)
    floating = "float" in dtype
    limits: Any = None if floating else np.iinfo(dtype)
    low = low if low is not None else (-np.inf if floating else limits.min)
    high = high if high is not None else (np.inf if floating else limits.max)
    if np.isnan(low) or np.isnan(high):
        raise Decline("a bound of Clip is not a number")
    # relax.clip keeps its bounds as doubles, and says nothing of crossed bounds.
    if low > high or (not floating and max(abs(int(low)), abs(int(high))) > 2**53):
        return _between(context, relax.const(low, dtype), relax.const(high, dtype))
    kind = float if floating else int
    return relax.op.clip(context.arg(0), kind(low), kind(high))


def _bound(context: Context, index: int) -> Any:
    array = context.array(index)
    return None if array is None else array.reshape(-1)[0]


def _between(context: Context, low: Any, high: Any) -> Any:
    expr = context.arg(0)
    if low is not None:
        expr = context.builder.normalize(relax.op.maximum(expr, low))
    return expr if high is None else relax.op.minimum(expr, high)


def mod(context: Context) -> Any:
    """Mod: the sign of the divisor for integers, C's fmod when asked for."""
    floating = "float" in context.dtype(0)
    if floating != bool(context.attrs.get("fmod", 0)):
        raise Decline("TVM computes this kind of remainder in another way")
    return (relax.op.mod if floating else relax.op.floor_mod)(context.arg(0), context.arg(1))


def power(context: Context) -> Any:
    """Pow of floats of one type."""
    if "float" not in context.dtype(0) or context.dtype(0) != context.dtype(1):
        raise Decline("TVM raises floats of one type only")
    return relax.op.power(context.arg(0), context.arg(1))


def is_inf(context: Context) -> Any:
    """IsInf, of one sign when the model asks for one."""
    positive, negative = (
        context.attrs.get("detect_positive", 1),
        context.attrs.get("detect_negative", 1),
    )
    if positive and negative:
        return relax.op.isinf(context.arg(0))
    if not positive and not negative:
        raise Decline("it looks for no infinity at all")
    return relax.op.equal(
        context.arg(0), relax.const(np.inf if positive else -np.inf, context.dtype(0))
    )


def bit_shift(context: Context) -> Any:
    """BitShift of unsigned integers; of signed ones C leaves much undefined."""
    if not context.dtype(0).startswith("uint"):
        raise Decline("it shifts signed integers")
    left = context.attrs["direction"] == "LEFT"
    return (relax.op.left_shift if left else relax.op.right_shift)(context.arg(0), context.arg(1))


def _folded(operation: Callable[[Any, Any], Any]) -> Callable[[Context], Any]:
    def converter(context: Context) -> Any:
        expr = context.arg(0)
        for each in context.args[1:]:
            expr = context.builder.normalize(operation(expr, each))
        return expr

    return converter


def mean(context: Context) -> Any:
    """Mean of several tensors: a sum and one division."""
    total = _folded(relax.op.add)(context)
    if len(context.args) == 1:
        return total
    return relax.op.divide(total, relax.const(len(context.args), context.dtype(0)))


def gelu(context: Context) -> Any:
    """Gelu, exact or by tanh."""
    tanh = context.attrs.get("approximate", "none") == "tanh"
    return (relax.op.nn.gelu_tanh if tanh else relax.op.nn.gelu)(context.arg(0))


CONVERTERS: dict[str, Callable[[Context], Any]] = {
    "Clip": clip,
    "Max": _folded(relax.op.maximum),
    "Mod": mod,
    "Pow": power,
    "IsInf": is_inf,
    "BitShift": bit_shift,
    "Min": _folded(relax.op.minimum),
    "Sum": _folded(relax.op.add),
    "Mean": mean,
    "Gelu": gelu,
}
