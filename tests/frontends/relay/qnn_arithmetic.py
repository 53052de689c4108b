"""Relay's integer arithmetic by numpy and Python's integers, after TVM's C++ sources, not after byoc's code."""

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def wrap(value: int, bits: int) -> int:
    """Two's complement of so many bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def away(values: Array) -> Array:
    """C's `round`: halves away from zero. What is added to a float of 32 bits is exact in 64."""
    wide = np.abs(values.astype(np.float64))
    whole = np.floor(wide)
    with np.errstate(invalid="ignore"):
        up = wide - whole >= 0.5
    return np.copysign(whole + up, values).astype(values.dtype)


def multiplier_and_shift(real: float) -> tuple[int, int]:
    """GetFixedPointMultiplierShift."""
    if real == 0.0:
        return 0, 0
    significand, exponent = math.frexp(real)
    scaled = int(away(np.asarray(significand * 2.0**31)))
    if scaled == 2**31:
        scaled, exponent = scaled // 2, exponent + 1
    return scaled, exponent


def long_multiply(value: int, factor: int, shift: int, nearest: bool = False) -> int:
    """QMultiplyShift, and FixedPointMultiplyToNearest: a product of 64 bits, rounded, shifted."""
    left, right = max(shift, 0), max(-shift, 0)
    total = right + 31
    product = wrap(wrap(value << left, 64) * factor, 64)
    half = 1 << (total - 1)
    step = half - 1 if nearest and product < 0 else half
    return wrap(wrap(product + step, 64) >> total, 32)


def short_multiply(value: int, factor: int, shift: int) -> int:
    """`tir.q_multiply_shift` of a multiplier that is the same for all elements."""
    if factor != 1 << 30:
        return long_multiply(value, factor, shift)
    exponent = shift - 1
    if exponent >= 0:
        return wrap(value << exponent, 32)
    return wrap(value + (1 << (-exponent - 1)), 32) >> -exponent


def each(function: Any, *arrays: Any) -> Array:
    """A function of Python integers over arrays that broadcast."""
    broad = np.broadcast_arrays(*[np.asarray(array) for array in arrays])
    flat = [[item.item() for item in array.reshape(-1)] for array in broad]
    return np.asarray([function(*items) for items in zip(*flat, strict=True)], np.int32).reshape(
        broad[0].shape
    )


def spread(vector: Any, rank: int, axis: int) -> Array:
    """ExpandBiasToMatchAxis; numbers stay."""
    array = np.asarray(vector)
    if array.ndim == 0:
        return array
    shape = [1] * rank
    shape[axis % rank] = -1
    return array.reshape(shape)


def saturate(values: Array, dtype: str) -> Array:
    """Clip and Cast."""
    limits = np.iinfo(dtype)
    return np.clip(values, limits.min, limits.max).astype(dtype)


def quantize(data: Array, scale: Any, zero: Any, axis: int, dtype: str) -> Array:
    """QuantizeLower."""
    scales = spread(scale, data.ndim, axis).astype(np.float32)
    with np.errstate(over="ignore"):
        steps = away((data / scales).astype(np.float32))
    moved = (steps + spread(zero, data.ndim, axis).astype(np.float32)).astype(np.float32)
    return saturate(moved.astype(np.float64), dtype)


def dequantize(data: Array, scale: Any, zero: Any, axis: int) -> Array:
    """DequantizeLower."""
    whole = data.astype(np.int32) - spread(zero, data.ndim, axis).astype(np.int32)
    return whole.astype(np.float32) * spread(scale, data.ndim, axis).astype(np.float32)


def requantize(
    data: Array,
    scale: Any,
    zero: Any,
    wanted_scale: Any,
    wanted_zero: Any,
    axis: int,
    dtype: str,
    rounding: str = "UPWARD",
    compute: str = "int64",
) -> Array:
    """RequantizeLower."""
    if compute != "int64":
        return _in_floats(
            data, scale, zero, wanted_scale, wanted_zero, axis, dtype, rounding, compute
        )
    tensor = data.astype(np.int32) - spread(zero, data.ndim, axis).astype(np.int32)
    scales = np.asarray(scale, np.float32)
    one = float(np.float32(wanted_scale))
    nearest = rounding == "TONEAREST"
    if scales.ndim == 0:
        if scales != np.float32(wanted_scale):
            factor, shift = multiplier_and_shift(float(scales) / one)
            if nearest:
                tensor = each(lambda value: long_multiply(value, factor, shift, True), tensor)
            else:
                tensor = each(lambda value: short_multiply(value, factor, shift), tensor)
    else:
        pairs = [multiplier_and_shift(float(item) / one) for item in scales]
        factors = spread([pair[0] for pair in pairs], data.ndim, axis)
        shifts = spread([pair[1] for pair in pairs], data.ndim, axis)
        tensor = each(lambda *args: long_multiply(*args, nearest), tensor, factors, shifts)
    moved = tensor + np.asarray(wanted_zero, np.int32)
    return moved if dtype == "int32" else saturate(moved, dtype)


def _in_floats(
    data: Array,
    scale: Any,
    zero: Any,
    wanted_scale: Any,
    wanted_zero: Any,
    axis: int,
    dtype: str,
    rounding: str,
    compute: str,
) -> Array:
    """RequantizeLowerFP, with the instructions of SSE 4.1."""
    whole = data.astype(np.int32) - spread(zero, data.ndim, axis).astype(np.int32)
    tensor = whole.astype(compute)
    scales = np.asarray(scale, np.float32)
    if scales.ndim or scales != np.float32(wanted_scale):
        ratio = (scales.astype(np.float64) / np.float64(np.float32(wanted_scale))).astype(compute)
        tensor = tensor * spread(ratio, data.ndim, axis)
    tensor = tensor + np.asarray(wanted_zero).astype(compute)
    half = np.asarray(0.5, compute)
    tensor = np.floor(tensor + half) if rounding == "UPWARD" else away(tensor)
    moved = tensor.astype(np.int64).astype(np.int32)
    return moved if dtype == "int32" else saturate(moved, dtype)
