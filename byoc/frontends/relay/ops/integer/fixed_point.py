"""Products with a real number by integers alone: a multiplier of 31 bits and a shift."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from tvm import relax

from byoc.frontends.relay.operation import Operation
from byoc.frontends.relay.ops.integer.tensors import cast
from byoc.frontends.relay.values import constant

_HALF = 1 << 30
_BITS = 31


def fixed_point(multiplier: float) -> tuple[int, int]:
    """The multiplier and shift of a number: `multiplier * 2 ** (shift - 31)`, the multiplier of 31 bits.

    Relay's `GetFixedPointMultiplierShift`: 0.25 is (2 ** 30, -1).
    """
    if multiplier == 0:
        return 0, 0
    fraction, exponent = math.frexp(multiplier)
    significand = math.floor(fraction * (1 << _BITS) + 0.5)
    if significand == 1 << _BITS:
        return significand // 2, exponent + 1
    return significand, exponent


def multiplied(op: Operation, expr: Any, multiplier: float, rounding: str) -> Any:
    """Integers of 32 bits times one number.

    A power of two is a shift in 32 bits when halves are rounded upward, as in Relay's `fixed_point_multiply`.
    """
    factor, shift = fixed_point(multiplier)
    if rounding == "UPWARD":
        return fixed_point_multiplied(op, expr, factor, shift)
    return _wide(op, expr, [factor], [shift], None, rounding)


def fixed_point_multiplied(op: Operation, expr: Any, factor: int, shift: int) -> Any:
    """Relay's `fixed_point_multiply`: halves upward."""
    if factor == _HALF:
        return _shifted(op, expr, shift - 1)
    return _wide(op, expr, [factor], [shift], None, "UPWARD")


def multiplied_along(
    op: Operation, expr: Any, multipliers: Sequence[float], axis: int, rounding: str
) -> Any:
    """Integers of 32 bits times one number for each index of an axis."""
    pairs = [fixed_point(each) for each in multipliers]
    factors, shifts = [each[0] for each in pairs], [each[1] for each in pairs]
    return _wide(op, expr, factors, shifts, axis, rounding)


def shifted_along(
    op: Operation, expr: Any, factors: Sequence[int], shifts: Sequence[int], axis: int
) -> Any:
    """Relay's `fixed_point_multiply_per_axis`: a multiplier and a shift for each index, halves upward."""
    return _wide(op, expr, factors, shifts, axis, "UPWARD")


def _shifted(op: Operation, expr: Any, exponent: int) -> Any:
    """Times a power of two, in 32 bits."""
    if not -_BITS <= exponent <= _BITS:
        op.misfit(f"a product with 2 ** {exponent}, which Relay does not define")
    if exponent > 0:
        return op.bind(relax.op.left_shift(expr, _whole(exponent, "int32")), "left_shift")
    if exponent == 0:
        return expr
    half = op.bind(relax.op.add(expr, _whole(1 << (-exponent - 1), "int32")), "half")
    return op.bind(relax.op.right_shift(half, _whole(-exponent, "int32")), "right_shift")


def _whole(value: int, dtype: str) -> Any:
    return constant(np.asarray(value, dtype))


def _wide(
    op: Operation,
    expr: Any,
    factors: Sequence[int],
    shifts: Sequence[int],
    axis: int | None,
    rounding: str,
) -> Any:
    """In 64 bits: left shift, product, half of the last place, right shift."""
    rank = len(op.dims(expr))
    total = np.asarray([_BITS + max(-shift, 0) for shift in shifts], np.int64)
    left = np.asarray([max(shift, 0) for shift in shifts], np.int64)
    if total.max() > 63 or left.max() > 32:
        op.misfit("scales so far apart that Relay's shifts are not defined")

    def spread(array: Any) -> Any:
        if axis is None:
            return constant(array.reshape(()))
        shape = [1] * rank
        shape[op.axis(axis, rank)] = -1
        return constant(array.reshape(shape))

    wide = cast(op, expr, "int64")
    if left.any():
        wide = op.bind(relax.op.left_shift(wide, spread(left)), "left_shift")
    product = op.bind(relax.op.multiply(wide, spread(np.asarray(factors, np.int64))), "product")
    half = np.left_shift(np.int64(1), total - 1)
    step = spread(half)
    if rounding == "TONEAREST":
        above = op.bind(relax.op.greater_equal(product, _whole(0, "int64")), "above")
        step = op.bind(relax.op.where(above, step, spread(half - 1)), "step")
    moved = op.bind(relax.op.add(product, step), "moved")
    return cast(op, op.bind(relax.op.right_shift(moved, spread(total)), "right_shift"), "int32")
