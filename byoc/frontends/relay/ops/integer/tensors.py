"""Integer tensors under construction: centred on their zero points, shifted, rounded, saturated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tvm import relax

from byoc.frontends.relay.operation import Operation, shape_of
from byoc.frontends.relay.values import Value, array_of, constant

if TYPE_CHECKING:
    from byoc.frontends.relay.ndarray import Array


BEYOND = 2.0**31
LAST = 2147483520.0
"""The greatest float of 32 bits that an integer of 32 bits holds."""


def dtype_of(op: Operation, value: Value) -> str:
    """The dtype of a tensor. Raises Misfit."""
    return str(op.tensor(value).ty.dtype)


def cast(op: Operation, expr: Any, dtype: str) -> Any:
    """A tensor of another dtype; the same tensor where it has it."""
    return expr if str(expr.ty.dtype) == dtype else op.bind(relax.op.astype(expr, dtype), dtype)


def along(op: Operation, value: Value, axis: int, rank: int, dtype: str) -> Any:
    """A scale or zero point of rank 0, or of rank 1 along `axis`, to broadcast against a tensor of `rank`."""
    expr = cast(op, op.tensor(value), dtype)
    dims = op.dims(expr)
    if not dims:
        return expr
    if len(dims) > 1:
        op.misfit("a scale or a zero point of more than one axis")
    if dims == [1]:
        return op.bind(relax.op.reshape(expr, shape_of(())), "scalar")
    shape: list[Any] = [1] * rank
    shape[op.axis(axis, rank)] = dims[0]
    return op.bind(relax.op.reshape(expr, shape_of(shape)), "along")


def hold_kind(op: Operation, value: Value, kind: str) -> None:
    """Raise Misfit for a scale that is no float, or a zero point that is no integer."""
    dtype = dtype_of(op, value)
    if not dtype.startswith(("int", "uint") if kind == "zero point" else "float"):
        op.misfit(f"a {kind} is {dtype}")


def one_for_each(op: Operation, values: Array, axis: int, shape: tuple[int, ...]) -> None:
    """Refuse scales or zero points that are neither one number nor one for each element of an axis."""
    if values.size == 1:
        return
    extent = shape[op.axis(axis, len(shape))]
    if values.ndim != 1 or values.size != extent:
        op.misfit(f"{values.size} scales or zero points along an axis of {extent}")


def is_zero(value: Value) -> bool:
    """Whether a zero point is a constant of zeros."""
    array = None if isinstance(value, tuple) else array_of(value)
    return array is not None and not array.any()


def centred(op: Operation, value: Value, zero_point: Value, axis: int, dtype: str = "int32") -> Any:
    """A stored tensor less its zero point; of constants, a constant."""
    hold_kind(op, zero_point, "zero point")
    expr = op.tensor(value)
    if not str(expr.ty.dtype).startswith(("int", "uint")):
        op.misfit(f"it reads {expr.ty.dtype}")
    data, zeros = array_of(expr), array_of(op.tensor(zero_point))
    if data is not None and zeros is not None:
        one_for_each(op, zeros, axis, data.shape)
        shape = [1] * data.ndim
        if zeros.size > 1:
            shape[op.axis(axis, data.ndim)] = -1
        return constant(data.astype(dtype) - zeros.astype(dtype).reshape(shape))
    wide = cast(op, expr, dtype)
    if is_zero(zero_point):
        return wide
    zero = along(op, zero_point, axis, len(op.dims(wide)), dtype)
    return op.bind(relax.op.subtract(wide, zero), "centred")


def shifted(op: Operation, expr: Any, zero_point: Value) -> Any:
    """A tensor plus the one zero point of a result."""
    hold_kind(op, zero_point, "zero point")
    if is_zero(zero_point):
        return expr
    zero = along(op, zero_point, 0, len(op.dims(expr)), str(expr.ty.dtype))
    return op.bind(relax.op.add(expr, zero), "shifted")


def saturated(op: Operation, expr: Any, dtype: str) -> Any:
    """Integers of 32 bits cut to the range of another dtype."""
    if dtype == "int32":
        return expr
    if not dtype.startswith(("int", "uint")):
        op.misfit(f"it stores {dtype}")
    limits = np.iinfo(dtype)
    bounded = op.bind(relax.op.clip(expr, int(limits.min), int(limits.max)), "clip")
    return op.bind(relax.op.astype(bounded, dtype), dtype)


def rounded(op: Operation, expr: Any) -> Any:
    """Floats rounded to whole numbers, halves away from zero, as C's `round` does.

    The part behind the point is exact, and so is twice of it; infinities have to be cut off before.
    """
    whole = op.bind(relax.op.trunc(expr), "whole")
    rest = op.bind(relax.op.subtract(expr, whole), "rest")
    twice = op.bind(relax.op.add(rest, rest), "twice")
    return op.bind(relax.op.add(whole, op.bind(relax.op.trunc(twice), "step")), "rounded")


def stored(real: Array, scale: Array, zero_point: Array, dtype: str) -> Array:
    """Floats as `qnn.quantize` stores them, by numpy; what is no number is the greatest integer."""
    limits = np.iinfo(dtype)
    with np.errstate(all="ignore"):
        steps = np.clip(real / scale, np.float32(-BEYOND), np.float32(BEYOND))
        whole = np.trunc(steps) + np.trunc(2 * (steps - np.trunc(steps)))
        moved = whole + zero_point.astype(np.float32)
        bounded = np.clip(moved, float(limits.min), min(float(limits.max), LAST))
    kept: Array = np.where(np.isnan(bounded), limits.max, np.nan_to_num(bounded)).astype(dtype)
    return kept


def scalar_of(op: Operation, value: Value, what: str) -> float:
    """The one number of a constant, a float of 32 bits widened. Raises Misfit."""
    array = scales_of(op, value, what)
    if array.size != 1:
        op.misfit(f"{what} has more than one number")
    return float(array.reshape(-1)[0])


def scales_of(op: Operation, value: Value, what: str) -> Array:
    """The numbers of a constant scale. Raises Misfit."""
    array = array_of(op.tensor(value))
    if array is None:
        op.misfit(f"{what} is computed by the model")
    hold_kind(op, value, "scale")
    if not (np.isfinite(array) & (array >= 0)).all():
        op.misfit(f"{what} is negative or not finite")
    return array


def same(left: Value, right: Value) -> bool:
    """Whether two values are constants of rank 0 and one number."""
    found = [None if isinstance(each, tuple) else array_of(each) for each in (left, right)]
    if found[0] is None or found[1] is None or found[0].ndim or found[1].ndim:
        return False
    return bool(found[0] == found[1])
