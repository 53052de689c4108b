"""Quantisation: dequantize gives stored numbers a meaning, quantize says how a result is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from byoc.vendors.npu.layers import Quant
from byoc.vendors.npu.lower.op import Lowering, Op
from byoc.vendors.npu.lower.values import DTYPES, Constant, Pending, Value


def dequantize(op: Op) -> Value:
    """The stored tensor itself, which means what its scale and zero point say: no layer."""
    stored, scale, zero = op.operand(0), op.constant(1), op.constant(2)
    if isinstance(stored, Constant):
        scales = scale.stored.astype(np.float32).reshape(-1)
        zeros = zero.stored.astype(np.int64).reshape(-1)
        axis = op.axis(int(op.call.attrs.axis), max(stored.stored.ndim, 1))
        return replace(stored, scale=scales, zero=zeros, axis=axis)
    return op.builder.meaning(op.builder.stored(stored, op.var), _quant(op, scale, zero))


def quantize(op: Op) -> Value:
    """The value, stored in 8 bits."""
    value, scale, zero = op.operand(0), op.constant(1), op.constant(2)
    quant = _quant(op, scale, zero)
    dtype = DTYPES.get(op.dtype)
    op.demand(dtype is not None, f"it stores {op.dtype}")
    assert dtype is not None
    if isinstance(value, Pending):
        return op.builder.store(value, op.builder.tensor(op.var, op.shape, dtype, quant))
    tensor = op.builder.stored(value, f"{op.var}.real")
    if (tensor.dtype, tensor.quant) == (dtype, quant):
        return tensor
    return op.builder.copied(tensor, op.builder.tensor(op.var, op.shape, dtype, quant))


def meaning(scale: Constant, zero: Constant) -> Quant | None:
    """The parameters of a whole tensor; None where they vary."""
    if scale.stored.size != 1 or zero.stored.size != 1:
        return None
    number = scale.stored.astype(np.float32).reshape(-1)[0]
    return Quant(float(number), int(zero.stored.reshape(-1)[0]))


def _quant(op: Op, scale: Constant, zero: Constant) -> Quant:
    quant = meaning(scale, zero)
    if quant is None:
        raise op.builder.refused(
            f"{op.name}: a computed value has {scale.stored.size} scales; the vector unit takes one"
        )
    return quant


LOWERINGS: Final[Mapping[str, Lowering]] = {"dequantize": dequantize, "quantize": quantize}
