"""Convolutions and products of stored integers, accumulated in integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tvm import relax

from byoc.frontends.relay.operation import Convert, Operation
from byoc.frontends.relay.ops.integer.tensors import cast, centred
from byoc.frontends.relay.ops.layers import convolve, transpose_convolve


def _accumulator(op: Operation) -> str:
    """The dtype in which the product is summed; fewer bits are cut from the sum, modulo their range."""
    return "int64" if op["out_dtype"] == "int64" else "int32"


def _operands(op: Operation, weight_axis: int) -> tuple[Any, Any]:
    """Data and weight less their zero points; what pads them is then zero."""
    dtype = _accumulator(op)
    data = centred(op, op.args[0], op.args[2], 1, dtype)
    return data, centred(op, op.args[1], op.args[3], weight_axis, dtype)


def _convolution(op: Operation, make: Callable[[Operation, Any, Any], Any], channel: str) -> Any:
    data, weight = _operands(op, op["kernel_layout"].find(channel))
    attrs = {**op.attrs, "out_dtype": _accumulator(op)}
    within = replace(op, attrs=attrs)
    total = op.bind(make(within, data, weight), op.name.removeprefix("qnn."))
    return cast(op, total, op["out_dtype"])


def conv2d(op: Operation) -> Any:
    """A convolution of 32-bit sums."""
    return _convolution(op, convolve, "O")


def conv2d_transpose(op: Operation) -> Any:
    """A transposed convolution of 32-bit sums."""
    return _convolution(op, transpose_convolve, "O")


def _matmul(op: Operation, weight_axis: int) -> Any:
    data, weight = _operands(op, weight_axis)
    rank = len(op.dims(weight))
    axes = [*range(rank - 2), rank - 1, rank - 2]
    turned = op.bind(relax.op.permute_dims(weight, axes), "permute_dims")
    return cast(op, op.bind(relax.op.matmul(data, turned), "matmul"), op["out_dtype"])


def dense(op: Operation) -> Any:
    """A product with a stored weight of (units, inputs)."""
    return _matmul(op, 0)


def batch_matmul(op: Operation) -> Any:
    """Products of stored matrices."""
    if op["transpose_a"] or not op["transpose_b"]:
        op.misfit("it transposes otherwise than Relay's default")
    return _matmul(op, 0)


CONVERSIONS: dict[str, Convert] = {
    "qnn.conv2d": conv2d,
    "qnn.conv2d_transpose": conv2d_transpose,
    "qnn.dense": dense,
    "qnn.batch_matmul": batch_matmul,
}
