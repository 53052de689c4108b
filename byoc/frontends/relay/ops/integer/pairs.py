"""Sums, differences, products and rows of stored tensors, each operand brought to the scale of the result."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import relax

from byoc.frontends.relay.operation import Convert, Operation
from byoc.frontends.relay.ops.integer.scaling import requantized
from byoc.frontends.relay.ops.integer.tensors import (
    along,
    cast,
    centred,
    dtype_of,
    is_zero,
    same,
    saturated,
    scales_of,
    shifted,
)
from byoc.frontends.relay.values import Value, constant


def rescaled(
    op: Operation, data: Any, given: tuple[Value, Value], wanted: tuple[Value, Value], axis: int
) -> Any:
    """A stored tensor in 32 bits at the scale of the result; as it is where scale and zero point are the same."""
    if same(given[0], wanted[0]) and same(given[1], wanted[1]):
        return cast(op, data, "int32")
    return requantized(op, data, given, wanted, "int32", axis)


def _operands(op: Operation) -> tuple[Any, Any]:
    args, wanted = op.args, (op.args[6], op.args[7])
    left = rescaled(op, op.expr(0), (args[2], args[3]), wanted, op["lhs_axis"])
    return left, rescaled(op, op.expr(1), (args[4], args[5]), wanted, op["rhs_axis"])


def add(op: Operation) -> Any:
    """Both in the scale of the result, summed, less one zero point, saturated."""
    left, right = _operands(op)
    total = op.bind(relax.op.add(left, right), "sum")
    if not is_zero(op.args[7]):
        zero = along(op, op.args[7], 0, len(op.dims(total)), "int32")
        total = op.bind(relax.op.subtract(total, zero), "centred")
    return saturated(op, total, dtype_of(op, op.args[0]))


def subtract(op: Operation) -> Any:
    """Both in the scale of the result, the difference plus the zero point, saturated."""
    left, right = _operands(op)
    total = op.bind(relax.op.subtract(left, right), "difference")
    return saturated(op, shifted(op, total, op.args[7]), dtype_of(op, op.args[0]))


def multiply(op: Operation) -> Any:
    """The product of 32 bits, from the product of the scales to that of the result."""
    args = op.args
    scales = [scales_of(op, args[index], "a scale") for index in (2, 4)]
    vector = any(each.ndim for each in scales)
    if vector and (scales[0].size != scales[1].size or op["lhs_axis"] != op["rhs_axis"]):
        op.misfit("scales along an axis, which Relay multiplies pair by pair along one axis alone")
    left = centred(op, args[0], args[3], op["lhs_axis"])
    right = centred(op, args[1], args[5], op["rhs_axis"])
    product = op.bind(relax.op.multiply(left, right), "product")
    scale = constant(np.asarray(scales[0].astype(np.float32) * scales[1].astype(np.float32)))
    given = (scale, constant(np.asarray(0, np.int32)))
    dtype = dtype_of(op, args[0])
    return requantized(op, product, given, (args[6], args[7]), dtype, op["lhs_axis"])


def concatenate(op: Operation) -> Any:
    """Each that has another scale or zero point than the result brought to it, one behind the other."""
    data, scales, zeros = op.exprs(0), op.fields(1), op.fields(2)
    if not len(data) == len(scales) == len(zeros) > 0:
        op.misfit("as many scales and zero points as tensors are expected")
    wanted = (op.args[3], op.args[4])
    parts = [
        each
        if same(scale, wanted[0]) and same(zero, wanted[1])
        else requantized(op, each, (scale, zero), wanted, str(each.ty.dtype))
        for each, scale, zero in zip(data, scales, zeros, strict=True)
    ]
    return relax.op.concat(parts, op["axis"])


CONVERSIONS: dict[str, Convert] = {
    "qnn.add": add,
    "qnn.subtract": subtract,
    "qnn.mul": multiply,
    "qnn.concatenate": concatenate,
}
