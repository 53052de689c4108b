"""Means of integers: sums divided towards zero."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from tvm import relax

from byoc.frontends.relay.operation import Convert, Operation
from byoc.frontends.relay.ops.integer.pairs import rescaled
from byoc.frontends.relay.ops.integer.tensors import cast, dtype_of, saturated
from byoc.frontends.relay.ops.pools import FAMILY as POOLS
from byoc.frontends.relay.ops.reductions import FAMILY as REDUCTIONS
from byoc.frontends.relay.values import Value, constant

_WINDOW = (
    "pool_size",
    "strides",
    "padding",
    "dilation",
    "ceil_mode",
    "count_include_pad",
    "layout",
)


def _windows(op: Operation, data: Any, rank: int) -> Any:
    """Means of windows.

    The sums and the quotients are taken in floats of 64 bits: a sum is exact there, and no quotient of whole
    numbers below 2 ** 52 is rounded across a whole number.
    """
    make = getattr(relax.op.nn, f"avg_pool{rank}d")
    attrs = {name: op[name] for name in _WINDOW}
    real = op.bind(make(cast(op, data, "float64"), **attrs), "pool")
    if op["ceil_mode"]:
        _hold_windows(op, data, real)
    return cast(op, real, str(data.ty.dtype))


def _hold_windows(op: Operation, data: Any, made: Any) -> None:
    """Raise Misfit where Relay has a window that begins behind the image; Relax has none there."""
    have, found = op.static(data), op.static(made)
    spatial = [axis for axis, letter in enumerate(op["layout"]) if letter not in "NC"]
    padding = [int(each) for each in op["padding"]]
    sides = len(spatial)
    for index, axis in enumerate(spatial):
        # Relay's padding is one number, one an axis, or all before and then all behind.
        before = padding[index % len(padding)]
        behind = padding[sides + index] if len(padding) == 2 * sides else before
        reach = (op["pool_size"][index] - 1) * op["dilation"][index] + 1
        step = op["strides"][index]
        if -(-(have[axis] + before + behind - reach) // step) + 1 != found[axis]:
            op.misfit("a window of its ceil_mode begins behind the image, where Relax has none")


def avg_pool2d(op: Operation) -> Any:
    """Means of windows in the scale of the result; what pads them is 0, not the zero point."""
    args = op.args
    data = rescaled(op, op.expr(0), (args[1], args[2]), (args[3], args[4]), -1)
    return saturated(op, _windows(op, data, 2), dtype_of(op, args[0]))


def _of_integers(name: str, integers: Callable[[Operation, Any], Any]) -> Convert:
    """A conversion of integers; of floats, the operator's one form."""
    row = POOLS.rows.get(name) or REDUCTIONS.rows[name]

    def convert(op: Operation) -> Value:
        data = op.expr()
        if not str(data.ty.dtype).startswith(("int", "uint")):
            return row.convert(op)
        return integers(op, data)

    return convert


def _quotient(op: Operation, data: Any, axes: list[int], keepdims: bool) -> Any:
    dims = op.static(data)
    dtype = str(data.ty.dtype)
    total = op.bind(relax.op.sum(data, axes, keepdims=keepdims), "sum")
    count = math.prod(dims[axis] for axis in axes)
    return relax.op.divide(total, constant(np.asarray(count, dtype)))


def _mean(op: Operation, data: Any) -> Any:
    rank = len(op.dims(data))
    axes = op.axes(op["axis"], rank)
    if op["exclude"]:
        axes = [each for each in range(rank) if each not in axes]
    return _quotient(op, data, axes, op["keepdims"])


def _global(op: Operation, data: Any) -> Any:
    spatial = [axis for axis, letter in enumerate(op["layout"]) if letter not in "NC"]
    return _quotient(op, data, spatial, True)


def _pool(rank: int) -> Callable[[Operation, Any], Any]:
    return lambda op, data: _windows(op, data, rank)


CONVERSIONS: dict[str, Convert] = {
    "qnn.avg_pool2d": avg_pool2d,
    "mean": _of_integers("mean", _mean),
    **{
        f"nn.avg_pool{rank}d": _of_integers(f"nn.avg_pool{rank}d", _pool(rank))
        for rank in (1, 2, 3)
    },
    **{
        f"nn.global_avg_pool{rank}d": _of_integers(f"nn.global_avg_pool{rank}d", _global)
        for rank in (1, 2, 3)
    },
}
