"""Relay's quantised operators by numpy, as their canonicalisation in TVM's C++ sources computes them."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.frontends.relay.qnn_arithmetic import (
    Array,
    dequantize,
    each,
    multiplier_and_shift,
    quantize,
    requantize,
    saturate,
    short_multiply,
    spread,
)

Attrs = Mapping[str, Any]


def rescale(data: Array, scale: Any, zero: Any, wanted: tuple[Any, Any], axis: int = -1) -> Array:
    """RequantizeOrUpcast."""
    plain = np.ndim(scale) == 0 and np.ndim(zero) == 0
    if plain and np.float32(scale) == np.float32(wanted[0]) and zero == wanted[1]:
        return data.astype(np.int32)
    return requantize(data, scale, zero, *wanted, axis, "int32")


def windows(data: Array, size: Any, strides: Any, dilation: Any = (1, 1)) -> Array:
    """The windows of an NCHW tensor, padded already: (N, C, height, width, rows, columns)."""
    reach = [(each_size - 1) * step + 1 for each_size, step in zip(size, dilation, strict=True)]
    view = np.lib.stride_tricks.sliding_window_view(data, reach, (2, 3))
    return view[:, :, :: strides[0], :: strides[1], :: dilation[0], :: dilation[1]]


def four(padding: Any) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of what an attribute says."""
    if len(padding) == 2:
        return (padding[0], padding[1], padding[0], padding[1])
    return tuple(padding)


def padded(data: Array, padding: Any, value: int) -> Array:
    """An NCHW tensor with margins of one value."""
    top, left, bottom, right = four(padding)
    return np.pad(data, [(0, 0), (0, 0), (top, bottom), (left, right)], constant_values=value)


def convolve(data: Array, weight: Array, attrs: Attrs) -> Array:
    """A convolution of an NCHW tensor, padded already, with an OIHW weight, in 64 bits."""
    groups = attrs.get("groups", 1)
    view = windows(
        data.astype(np.int64),
        weight.shape[2:],
        attrs.get("strides", (1, 1)),
        attrs.get("dilation", (1, 1)),
    )
    parts = zip(
        np.split(view, groups, 1), np.split(weight.astype(np.int64), groups, 0), strict=True
    )
    return np.concatenate(
        [np.einsum("nchwrs,ocrs->nohw", part, filters) for part, filters in parts], 1
    )


def to_nchw(data: Array, layout: str) -> Array:
    """A tensor of any layout of four letters as NCHW (or a weight as OIHW)."""
    order = "OIHW" if "O" in layout else "NCHW"
    return data.transpose([layout.index(letter) for letter in order])


def from_nchw(data: Array, layout: str) -> Array:
    """What `to_nchw` undoes."""
    return data.transpose(["NCHW".index(letter) for letter in layout])


def oihw(weight: Array, attrs: Attrs) -> Array:
    """A weight as OIHW; HWOI of a depthwise convolution is (height, width, channel, multiplier)."""
    layout = attrs.get("kernel_layout", "OIHW")
    if layout == "HWOI" and attrs.get("groups", 1) > 1:
        height, width, channels, multiplier = weight.shape
        return weight.reshape(height, width, 1, channels * multiplier).transpose(3, 2, 0, 1)
    return to_nchw(weight, layout)


def conv2d(args: list[Any], attrs: Attrs) -> Array:
    """QnnConv2DCanonicalize: four terms of what is stored, or the shifted tensors of the fallback."""
    layout = attrs.get("data_layout", "NCHW")
    data, weight = to_nchw(args[0], layout), oihw(args[1], attrs)
    zero, kernel_zero = int(args[2]), np.asarray(args[3], np.int64)
    groups = attrs.get("groups", 1)
    padding = attrs.get("padding", (0, 0))
    filters = kernel_zero.reshape(-1, 1, 1, 1) if kernel_zero.ndim else kernel_zero
    if groups > 1 and groups != attrs["channels"]:
        shifted = padded(data.astype(np.int64) - zero, padding, 0)
        total = convolve(shifted, weight.astype(np.int64) - filters, attrs)
    else:
        stored = padded(data, padding, zero).astype(np.int64)
        along = kernel_zero.reshape(1, -1, 1, 1) if kernel_zero.ndim else kernel_zero
        term1 = convolve(stored, weight, attrs)
        term2 = along * convolve(stored, np.ones_like(weight), attrs)
        term3 = zero * weight.astype(np.int64).sum((1, 2, 3)).reshape(1, -1, 1, 1)
        term4 = zero * along * math.prod(weight.shape[1:])
        total = (term1 - term2) + (term4 - term3)
    return from_nchw(total, layout).astype(attrs.get("out_dtype", "int32"))


def conv2d_transpose(args: list[Any], attrs: Attrs) -> Array:
    """qnn_conv2d_transpose_legalize: the shifted tensors; every element spreads over a window of the result."""
    data = args[0].astype(np.int64) - int(args[2])
    weight = args[1].astype(np.int64) - int(args[3])
    rows, columns = attrs.get("strides", (1, 1))
    top, left, bottom, right = four(attrs.get("padding", (0, 0)))
    more = attrs.get("output_padding", (0, 0))
    number, _, height, width = data.shape
    reach = weight.shape[2:]
    total = np.zeros(
        (
            number,
            weight.shape[1],
            (height - 1) * rows + reach[0] + more[0],
            (width - 1) * columns + reach[1] + more[1],
        ),
        np.int64,
    )
    for y in range(height):
        for x in range(width):
            part = np.einsum("nc,cors->nors", data[:, :, y, x], weight)
            y0, x0 = y * rows, x * columns
            total[:, :, y0 : y0 + reach[0], x0 : x0 + reach[1]] += part
    cut = total[:, :, top : total.shape[2] - bottom, left : total.shape[3] - right]
    return cut.astype(np.int32)


def dense(args: list[Any], attrs: Attrs) -> Array:
    """QnnDenseCanonicalize: four terms."""
    data, weight = args[0].astype(np.int64), args[1].astype(np.int64)
    zero, kernel_zero = int(args[2]), np.asarray(args[3], np.int64)
    term2 = kernel_zero * data.sum(1, keepdims=True)
    term4 = zero * kernel_zero * data.shape[1]
    total = (data @ weight.T - term2) + (term4 - zero * weight.sum(1))
    return total.astype(attrs.get("out_dtype", "int32"))


def batch_matmul(args: list[Any], attrs: Attrs) -> Array:
    """QnnBatchMatmulCanonicalize: four terms."""
    left, right = args[0].astype(np.int64), args[1].astype(np.int64)
    zero, other = int(args[2]), int(args[3])
    term2 = other * left.sum(2, keepdims=True)
    term3 = zero * right.sum(2)[:, np.newaxis, :]
    total = (left @ right.transpose(0, 2, 1) - term2) + (zero * other * left.shape[2] - term3)
    return total.astype(np.int32)


def add(args: list[Any], attrs: Attrs) -> Array:
    """QnnAddCanonicalize."""
    wanted = (args[6], args[7])
    left = rescale(args[0], args[2], args[3], wanted, attrs.get("lhs_axis", -1))
    right = rescale(args[1], args[4], args[5], wanted, attrs.get("rhs_axis", -1))
    return saturate(left + right - np.int32(args[7]), str(args[0].dtype))


def subtract(args: list[Any], attrs: Attrs) -> Array:
    """QnnSubtractCanonicalize."""
    wanted = (args[6], args[7])
    left = rescale(args[0], args[2], args[3], wanted, attrs.get("lhs_axis", -1))
    right = rescale(args[1], args[4], args[5], wanted, attrs.get("rhs_axis", -1))
    return saturate(left - right + np.int32(args[7]), str(args[0].dtype))


def multiply(args: list[Any], attrs: Attrs) -> Array:
    """QnnMulCanonicalize."""
    axis = attrs.get("lhs_axis", -1)
    rank = max(args[0].ndim, args[1].ndim)
    left = args[0].astype(np.int32) - spread(args[3], rank, axis).astype(np.int32)
    right = args[1].astype(np.int32) - spread(args[5], rank, axis).astype(np.int32)
    scale = np.asarray(args[2], np.float32) * np.asarray(args[4], np.float32)
    return requantize(left * right, scale, 0, args[6], args[7], axis, str(args[0].dtype))


def concatenate(args: list[Any], attrs: Attrs) -> Array:
    """ConcatenateQnnCanonicalize."""
    wanted = (args[3], args[4])
    parts = []
    for data, scale, zero in zip(args[0], args[1], args[2], strict=True):
        same = np.float32(scale) == np.float32(wanted[0]) and zero == wanted[1]
        part = data if same else requantize(data, scale, zero, *wanted, -1, str(data.dtype))
        parts.append(part)
    return np.concatenate(parts, attrs.get("axis", 0))


def average(data: Array, attrs: Attrs) -> Array:
    """`nn.avg_pool2d` of integers: zeros around, sums divided towards zero."""
    layout = attrs.get("layout", "NCHW")
    tensor = to_nchw(data, layout).astype(np.int64)
    size, strides = attrs["pool_size"], attrs.get("strides", (1, 1))
    top, left, bottom, right = four(attrs.get("padding", (0, 0)))
    more = [step - 1 if attrs.get("ceil_mode", False) else 0 for step in strides]
    around = (top, left, bottom + more[0], right + more[1])
    sums = windows(padded(tensor, around, 0), size, strides).sum((4, 5))
    # What `ceil_mode` adds behind is never counted, the padding when it is asked for.
    inside = np.ones_like(tensor)
    if attrs.get("count_include_pad", False):
        inside = padded(padded(inside, (top, left, bottom, right), 1), (0, 0, *more), 0)
    else:
        inside = padded(inside, around, 0)
    counts = np.maximum(windows(inside, size, strides).sum((4, 5)), 1)
    quotient = np.sign(sums) * (np.abs(sums) // counts)
    return from_nchw(quotient, layout).astype(data.dtype)


def avg_pool2d(args: list[Any], attrs: Attrs) -> Array:
    """QnnAvgPoolCanonicalize."""
    tensor = rescale(args[0], args[1], args[2], (args[3], args[4]))
    return saturate(average(tensor, attrs), str(args[0].dtype))


def leaky_relu(args: list[Any], attrs: Attrs) -> Array:
    """QnnLeakyReluCanonicalize."""
    data = args[0].astype(np.int32)
    tensor = rescale(data, args[1], args[2], (args[3], args[4]))
    alpha = attrs["alpha"]
    factor, shift = multiplier_and_shift(alpha)
    product = each(lambda value: short_multiply(value, factor, shift), tensor)
    other, other_shift = multiplier_and_shift(1 - alpha)
    rest = short_multiply(int(args[4]), other, other_shift)
    chosen = np.where(data < int(args[2]), product + np.int32(rest), tensor)
    return saturate(chosen, str(args[0].dtype))


def softmax(args: list[Any], attrs: Attrs) -> Array:
    """QnnSoftmaxCanonicalize."""
    axis = attrs.get("axis", -1)
    tensor = args[0].astype(np.int32) - np.int32(args[2])
    unit = math.floor(float(np.float32(1) / np.float32(args[1])) + 0.5)
    below = tensor - tensor.max(axis, keepdims=True)
    power = below + (below >> 1) - (below >> 4)
    octaves = np.clip(np.abs(power) // unit, 0, 20)
    most = octaves.max(axis, keepdims=True)
    line = ((power + octaves * unit) >> 1) + unit
    powers = line << (most - octaves)
    sums = powers.sum(axis, keepdims=True, dtype=np.int32)
    output = ((np.int32(1 << 30) // sums) * powers) >> 23
    return requantize(output, 1 / 128, 0, args[3], args[4], 0, "int8")


def _hardswish(real: Array) -> Array:
    return real * np.clip(real + np.float32(3), 0, 6).astype(np.float32) / np.float32(6)


_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "rsqrt": lambda real: 1 / np.sqrt(real),
    "erf": lambda real: np.vectorize(math.erf)(real).astype(np.float32),
    "sigmoid": lambda real: 1 / (1 + np.exp(-real)),
    "hardswish": _hardswish,
    "log": np.log,
    "abs": np.abs,
}


def _function(function: Callable[[Array], Array]) -> Callable[[list[Any], Attrs], Array]:
    """create_integer_lookup_op, element by element; what is no number becomes the greatest."""

    def apply(args: list[Any], attrs: Attrs) -> Array:
        dtype = str(args[0].dtype)
        with np.errstate(all="ignore"):
            real = function(dequantize(args[0], args[1], args[2], -1)).astype(np.float32)
            known = np.nan_to_num(real, nan=np.inf)
            return quantize(known, args[3], args[4], -1, dtype)

    return apply


OPERATORS: dict[str, Callable[[list[Any], Attrs], Any]] = {
    "qnn.quantize": lambda args, attrs: quantize(
        *args, attrs.get("axis", -1), attrs.get("out_dtype", "int8")
    ),
    "qnn.dequantize": lambda args, attrs: dequantize(*args, attrs.get("axis", -1)),
    "qnn.requantize": lambda args, attrs: requantize(
        *args,
        attrs.get("axis", -1),
        attrs.get("out_dtype", "int8"),
        attrs.get("rounding", "UPWARD"),
        attrs.get("compute_dtype", "int64"),
    ),
    "qnn.conv2d": conv2d,
    "qnn.conv2d_transpose": conv2d_transpose,
    "qnn.dense": dense,
    "qnn.batch_matmul": batch_matmul,
    "qnn.add": add,
    "qnn.subtract": subtract,
    "qnn.mul": multiply,
    "qnn.concatenate": concatenate,
    "qnn.avg_pool2d": avg_pool2d,
    "qnn.leaky_relu": leaky_relu,
    "qnn.softmax": softmax,
    **{f"qnn.{name}": _function(function) for name, function in _FUNCTIONS.items()},
}
"""Each operator: its arguments as arrays (lists for tuples) and the attributes that the text has."""
