"""Elementwise operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tvm import relax

from byoc.frontends.onnx.context import Context, Decline


def clip(context: Context) -> Any:
    """Clip with constant bounds is `relax.clip`; without bounds the input itself."""
    if context.version < 11:
        low, high = context.attrs.get("min"), context.attrs.get("max")
    else:
        low, high = (_bound(context, index) for index in (1, 2))
    dtype = context.dtype(0)
    if low is None and high is None:
        return context.arg(0)
    if dtype.startswith(("int", "uint")):
        limits = np.iinfo(dtype)
        if max(abs(int(limits.min)), int(limits.max)) > 2**53:
            return _between(context, low, high, dtype)
        low, high = (limits.min if low is None else low), (limits.max if high is None else high)
    else:
        low, high = (-np.inf if low is None else low), (np.inf if high is None else high)
    if np.isnan(low) or np.isnan(high) or low > high:
        return _between(context, low, high, dtype)
    return relax.op.clip(context.arg(0), float(low), float(high)) if dtype[0] == "f" else relax.op.clip(
        context.arg(0), int(low), int(high)
    )


def _bound(context: Context, index: int) -> Any:
    if not context.has(index):
        return None
    return context.constant(index, "a bound of Clip").reshape(-1)[0]


def _between(context: Context, low: Any, high: Any, dtype: str) -> Any:
    """ONNX's words: min(max(x, low), high), whatever the bounds are."""
    expr = context.arg(0)
    if low is not None and np.isnan(low) or high is not None and np.isnan(high):
        raise Decline("a bound of Clip is not a number")
    if low is not None:
        expr = relax.op.maximum(expr, relax.const(low, dtype))
    return expr if high is None else relax.op.minimum(expr, relax.const(high, dtype))


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
    "Min": _folded(relax.op.minimum),
    "Sum": _folded(relax.op.add),
    "Mean": mean,
    "Gelu": gelu,
}
