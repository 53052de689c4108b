"""Quantised operators (`qnn.*`) in the form of ONNX's QDQ models: dequantize, the float operator, quantize.

What Relay computes in 32-bit integers between them (`qnn.conv2d`, `nn.bias_add`, ...) is an `Accumulator`: the
float tensor that the integers stand for. A `qnn.requantize` of it is one `quantize`, so that a vendor's quantised
rows see the cluster they know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from tvm import relax

from byoc.frontends.relay.operation import Family, Operation
from byoc.frontends.relay.ops.integer.fixed_point import fixed_point_multiplied, shifted_along
from byoc.frontends.relay.ops.layers import (
    convolution_defaults,
    convolve,
    transpose_convolve,
)
from byoc.frontends.relay.ops.stored import hold_margins
from byoc.frontends.relay.values import Accumulator, Value, array_of, constant

if TYPE_CHECKING:
    from byoc.frontends.relay.ndarray import Array

FAMILY = Family("Quantised")

_STORED = ("int8", "uint8", "int16", "uint16")


def _parameters(op: Operation, scale: Value, zero_point: Value) -> tuple[Array, Array]:
    """Scale and zero point, which have to be constants; one number each is of rank 0."""
    found = [array_of(scale), array_of(zero_point)]
    if found[0] is None or found[1] is None:
        op.misfit("its scale or its zero point is computed by the model")
    scales, zeros = (
        each.reshape(()) if each.size == 1 else each for each in found if each is not None
    )
    if scales.dtype.kind != "f" or zeros.dtype.kind not in "iu":
        op.misfit(f"its scale is {scales.dtype} and its zero point {zeros.dtype}")
    if scales.ndim > 1 or zeros.ndim > 1 or not (np.isfinite(scales) & (scales > 0)).all():
        op.misfit("its scale is no positive number, or not of rank 0 or 1")
    if not scales.size or zeros.size not in (1, scales.size):
        op.misfit(f"it has {scales.size} scales and {zeros.size} zero points")
    return scales, np.broadcast_to(zeros, scales.shape).copy()


def _along(op: Operation, data: Any, scales: Array, axis: int) -> int:
    """The axis that scales go along, 0 for one scale. Raises Misfit when there is not one for each index."""
    dims = op.dims(data)
    if not scales.ndim:
        return 0
    axis = op.axis(axis, len(dims))
    if isinstance(dims[axis], int) and dims[axis] != scales.size:
        op.misfit(f"it has {scales.size} scales along an axis of {dims[axis]}")
    return axis


def _hold_range(op: Operation, zeros: Array, dtype: str) -> None:
    """Raise Misfit for a zero point that `dtype` does not hold."""
    limits = np.iinfo(dtype)
    if ((zeros < limits.min) | (zeros > limits.max)).any():
        op.misfit(f"its zero point is none of {dtype}")


def dequantized(
    op: Operation, value: Value, scale: Value, zero_point: Value, axis: int, word: str
) -> Any:
    """The float tensor that stored integers stand for; that of an accumulator is at hand."""
    scales, zeros = _parameters(op, scale, zero_point)
    if isinstance(value, Accumulator) and value.is_stored_as(scales, zeros):
        return value.real
    data = op.tensor(value)
    dtype = str(data.ty.dtype)
    if dtype not in (*_STORED, "int32"):
        op.misfit(f"it reads {dtype}")
    axis = _along(op, data, scales, axis)
    _hold_range(op, zeros, dtype)
    whole = relax.op.dequantize(
        data, constant(scales), constant(zeros.astype(dtype)), axis=axis, out_dtype="float32"
    )
    return op.bind(whole, word)


def quantized(
    op: Operation, real: Any, scale: Value, zero_point: Value, axis: int, dtype: str
) -> Value:
    """A float tensor stored as integers; 32 bits wide, an accumulator."""
    scales, zeros = _parameters(op, scale, zero_point)
    axis = _along(op, real, scales, axis)
    if dtype == "int32":
        return Accumulator(real, scales, zeros, axis, dtype)
    if dtype not in _STORED:
        op.misfit(f"it stores {dtype}")
    _hold_range(op, zeros, dtype)
    return relax.op.quantize(
        real, constant(scales), constant(zeros.astype(dtype)), axis=axis, out_dtype=dtype
    )


@FAMILY.operator("qnn.quantize", "`quantize`", arguments=3, out_dtype="int8", axis=-1)
def quantize(op: Operation) -> Value:
    """Floats to stored integers."""
    data = op.expr(0)
    if not str(data.ty.dtype).startswith("float"):
        op.misfit(f"it reads {data.ty.dtype}")
    return quantized(op, data, op.args[1], op.args[2], op["axis"], op["out_dtype"])


@FAMILY.operator("qnn.dequantize", "`dequantize`", arguments=3, out_dtype="float32", axis=-1)
def dequantize(op: Operation) -> Any:
    """Stored integers to floats."""
    real = dequantized(op, op.args[0], op.args[1], op.args[2], op["axis"], "dequantize")
    return real if op["out_dtype"] == "float32" else relax.op.astype(real, op["out_dtype"])


@FAMILY.operator(
    "qnn.requantize",
    "`dequantize` (none behind an accumulator), `quantize`",
    arguments=5,
    axis=-1,
    rounding="None",
    compute_dtype="None",
    out_dtype="int8",
)
def requantize(op: Operation) -> Value:
    """Stored integers to others."""
    if op["rounding"] not in ("None", "UPWARD", "TONEAREST"):
        op.misfit(f"rounding {op['rounding']!r}")
    real = dequantized(op, op.args[0], op.args[1], op.args[2], op["axis"], "dequantize")
    return quantized(op, real, op.args[3], op.args[4], op["axis"], op["out_dtype"])


def _accumulated(op: Operation, real: Any, axis: int) -> Accumulator:
    """The accumulator of a product: `args` are data, weight, both zero points, both scales."""
    (data_scale, _), (scale, _) = _operands(op)
    scales = np.asarray(data_scale * scale, np.float32)
    axis = _along(op, real, scales, axis)
    return Accumulator(real, scales, np.zeros(scales.shape, np.int32), axis, "int32")


def _operands(op: Operation) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    return _parameters(op, op.args[4], op.args[2]), _parameters(op, op.args[5], op.args[3])


def _pair(op: Operation, weight_axis: int) -> tuple[Any, Any]:
    data = dequantized(op, op.args[0], op.args[4], op.args[2], 1, "data")
    weight = dequantized(op, op.args[1], op.args[5], op.args[3], weight_axis, "weight")
    return data, weight


def _convolution(op: Operation, make: Callable[[Operation, Any, Any], Any]) -> Accumulator:
    layout = op["kernel_layout"]
    axis = layout.find("O")
    multiplied = op["groups"] > 1 and layout in ("HWOI", "HWIO") and op["data_layout"] == "NHWC"
    if multiplied and layout == "HWOI" and op.static(op.tensor(op.args[1]))[3] > 1:
        op.misfit("a depthwise convolution with a channel multiplier")
    data, weight = _pair(op, axis)
    attrs = {**op.attrs, "out_dtype": ""}
    real = op.bind(
        make(replace(op, attrs=attrs), data, weight),
        op.name.removeprefix("qnn."),
    )
    return _accumulated(op, real, op["data_layout"].find("C"))


_CONVOLUTION = {**convolution_defaults(2, "NCHW", "OIHW"), "out_dtype": "int32"}


@FAMILY.operator("qnn.conv2d", "`dequantize` twice, `nn.conv2d`", arguments=6, **_CONVOLUTION)
def conv2d(op: Operation) -> Accumulator:
    """A convolution of stored integers."""
    return _convolution(op, convolve)


@FAMILY.operator(
    "qnn.conv2d_transpose",
    "`dequantize` twice, `nn.conv2d_transpose`",
    arguments=6,
    output_padding=(0, 0),
    **{**_CONVOLUTION, "kernel_layout": "IOHW"},
)
def conv2d_transpose(op: Operation) -> Accumulator:
    """A transposed convolution of stored integers."""
    return _convolution(op, transpose_convolve)


def _matmul(op: Operation, weight_axis: int) -> Accumulator:
    data, weight = _pair(op, weight_axis)
    rank = len(op.dims(weight))
    turned = op.bind(
        relax.op.permute_dims(weight, [*range(rank - 2), rank - 1, rank - 2]), "permute_dims"
    )
    real = op.bind(relax.op.matmul(data, turned), "matmul")
    return _accumulated(op, real, rank - 1)


@FAMILY.operator(
    "qnn.dense",
    "`dequantize` twice, `permute_dims`, `matmul`",
    arguments=6,
    units=None,
    out_dtype="int32",
)
def dense(op: Operation) -> Accumulator:
    """A product with a stored weight of (units, inputs)."""
    return _matmul(op, 0)


@FAMILY.operator(
    "qnn.batch_matmul",
    "`dequantize` twice, `permute_dims`, `matmul`",
    arguments=6,
    out_dtype="int32",
    transpose_a=False,
    transpose_b=True,
)
def batch_matmul(op: Operation) -> Accumulator:
    """Products of stored matrices."""
    if op["transpose_a"] or not op["transpose_b"]:
        op.misfit("it transposes otherwise than Relay's default")
    return _matmul(op, 0)


def _binaries() -> None:
    for name, make in (
        ("add", relax.op.add),
        ("subtract", relax.op.subtract),
        ("mul", relax.op.multiply),
    ):

        def convert(op: Operation, make: Any = make) -> Value:
            left_axis, right_axis = op["lhs_axis"], op["rhs_axis"]
            left = dequantized(op, op.args[0], op.args[2], op.args[3], left_axis, "left")
            right = dequantized(op, op.args[1], op.args[4], op.args[5], right_axis, "right")
            real = op.bind(make(left, right), op.name.removeprefix("qnn."))
            dtype = _dtype(op, op.args[0])
            return quantized(op, real, op.args[6], op.args[7], -1, dtype)

        FAMILY.operator(
            f"qnn.{name}",
            f"`dequantize` twice, `{make.__name__}`, `quantize`",
            arguments=8,
            lhs_axis=-1,
            rhs_axis=-1,
        )(convert)


_binaries()


def _dtype(op: Operation, value: Value) -> str:
    return value.dtype if isinstance(value, Accumulator) else str(op.tensor(value).ty.dtype)


def _unaries() -> None:
    makes: dict[str, Callable[[Any], Any]] = {
        name: getattr(relax.op, name)
        for name in (
            "abs",
            "erf",
            "exp",
            "log",
            "rsqrt",
            "sigmoid",
            "sqrt",
            "tanh",
        )
    }
    for name, make in makes.items():

        def convert(op: Operation, make: Any = make) -> Value:
            real = dequantized(op, op.args[0], op.args[1], op.args[2], -1, "data")
            result = op.bind(make(real), op.name.removeprefix("qnn."))
            return quantized(op, result, op.args[3], op.args[4], -1, _dtype(op, op.args[0]))

        FAMILY.operator(f"qnn.{name}", f"`dequantize`, `{name}`, `quantize`", arguments=5)(convert)


_unaries()


@FAMILY.operator(
    "qnn.hardswish", "`dequantize`, `add`, `clip`, `multiply`, `divide`, `quantize`", arguments=5
)
def hardswish(op: Operation) -> Value:
    """X times its hard sigmoid."""
    real = dequantized(op, op.args[0], op.args[1], op.args[2], -1, "data")
    moved = op.bind(relax.op.add(real, relax.const(3.0)), "add")
    bounded = op.bind(relax.op.clip(moved, 0, 6), "clip")
    times = op.bind(relax.op.multiply(real, bounded), "multiply")
    result = op.bind(relax.op.divide(times, relax.const(6.0)), "divide")
    return quantized(op, result, op.args[3], op.args[4], -1, _dtype(op, op.args[0]))


@FAMILY.operator(
    "qnn.leaky_relu", "`dequantize`, `nn.leakyrelu`, `quantize`", arguments=5, alpha=0.25
)
def leaky_relu(op: Operation) -> Value:
    """A slope below zero."""
    real = dequantized(op, op.args[0], op.args[1], op.args[2], -1, "data")
    result = op.bind(relax.op.nn.leakyrelu(real, op["alpha"]), "leakyrelu")
    return quantized(op, result, op.args[3], op.args[4], -1, _dtype(op, op.args[0]))


@FAMILY.operator("qnn.softmax", "`dequantize`, `nn.softmax`, `quantize`", arguments=5, axis=-1)
def softmax(op: Operation) -> Value:
    """Softmax of stored integers."""
    real = dequantized(op, op.args[0], op.args[1], op.args[2], -1, "data")
    result = op.bind(relax.op.nn.softmax(real, op["axis"]), "softmax")
    return quantized(op, result, op.args[3], op.args[4], -1, _dtype(op, op.args[0]))


_POOL = {
    "pool_size": (1, 1),
    "strides": (1, 1),
    "padding": (0, 0),
    "dilation": (1, 1),
    "ceil_mode": False,
    "count_include_pad": False,
    "layout": "NCHW",
    "out_layout": "",
}


@FAMILY.operator(
    "qnn.avg_pool2d", "`dequantize`, `nn.avg_pool2d`, `quantize`", arguments=5, **_POOL
)
def avg_pool2d(op: Operation) -> Value:
    """Means of windows of stored integers."""
    real = dequantized(op, op.args[0], op.args[1], op.args[2], -1, "data")
    hold_margins(op, op.array(4, "its zero point"))
    attrs = {name: op[name] for name in _POOL if name != "out_layout"}
    result = op.bind(relax.op.nn.avg_pool2d(real, **attrs), "avg_pool2d")
    return quantized(op, result, op.args[3], op.args[4], -1, _dtype(op, op.args[0]))


@FAMILY.operator(
    "fixed_point_multiply", "`multiply` and shifts of integers of 64 bits", multiplier=0, shift=0
)
def fixed_point_multiply(op: Operation) -> Any:
    """What `qnn.requantize` of one scale is after Relay lowered it."""
    return fixed_point_multiplied(op, op.expr(), op["multiplier"], op["shift"])


@FAMILY.operator(
    "fixed_point_multiply_per_axis",
    "`multiply` and shifts of integers of 64 bits",
    arguments=4,
    is_lshift_required=False,
    is_rshift_required=False,
    axes=(),
)
def fixed_point_multiply_per_axis(op: Operation) -> Any:
    """What `qnn.requantize` of a scale for each channel is after Relay lowered it."""
    factors = op.integers(1, "the multiplier")
    left, right = op.integers(2, "the left shift"), op.integers(3, "the right shift")
    if (
        len(op["axes"]) != 1
        or min(*left, *right) < 0
        or len({*map(len, (factors, left, right))}) > 1
    ):
        op.misfit("other than one axis with a multiplier and two shifts for each index")
    if any(up and down for up, down in zip(left, right, strict=True)):
        op.misfit("a left and a right shift at once")
    shifts = [up or -down for up, down in zip(left, right, strict=True)]
    return shifted_along(op, op.expr(), factors, shifts, op["axes"][0])


@FAMILY.operator("qnn.concatenate", "`dequantize` each, `concat`, `quantize`", arguments=5, axis=0)
def concatenate(op: Operation) -> Value:
    """Stored tensors, each of its own scale, one behind the other."""
    data, scales, zeros = op.fields(0), op.fields(1), op.fields(2)
    if not len(data) == len(scales) == len(zeros) > 0:
        op.misfit("as many scales and zero points as tensors are expected")
    reals = [
        dequantized(op, each, scale, zero, -1, f"part{index}")
        for index, (each, scale, zero) in enumerate(zip(data, scales, zeros, strict=True))
    ]
    whole = op.bind(relax.op.concat(reals, op["axis"]), "concat")
    return quantized(op, whole, op.args[3], op.args[4], -1, _dtype(op, data[0]))
