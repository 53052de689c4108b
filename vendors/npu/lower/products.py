"""Products: the operands of what the matrix unit computes, in float32 or in 8 bits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from byoc.vendors.npu.isa import Dtype
from byoc.vendors.npu.layers import Quant, Tensor
from byoc.vendors.npu.lower.op import Op
from byoc.vendors.npu.lower.values import DTYPES, ONE, Constant, Floats, Value


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """Both operands, of 8 bits or both float32; what the sum of their products means is sum * scale * scales[c].

    `scale` is None for float32. Both are float32 numbers, so that their product is exact in float64.
    """

    left: Tensor
    right: Tensor
    scale: float | None = None
    scales: Floats = field(default_factory=lambda: ONE)


def operands(op: Op, left: Value, right: Value, channel_axis: int | None) -> Product:
    """The operands of a product; a constant one may be quantised along `channel_axis`."""
    a = op.builder.stored(left, f"{op.var}.left")
    if a.quant is not None and isinstance(right, Constant):
        weight = _weights(op, right, channel_axis)
        if weight is not None:
            return Product(a, weight[0], a.quant.scale, weight[1])
    b = None if isinstance(right, Constant) else op.builder.stored(right, f"{op.var}.right")
    if a.quant is not None and b is not None and b.quant is not None:
        return Product(a, b, a.quant.scale, np.array([b.quant.scale]))
    real = op.builder.floats(right if b is None else b, f"{op.var}.weight")
    return Product(op.builder.floats(a, f"{op.var}.left"), real)


def _weights(op: Op, constant: Constant, axis: int | None) -> tuple[Tensor, Floats] | None:
    """Quantised weights as 8-bit numbers with one zero point, and their scales; None for what has no such form."""
    dtype = DTYPES.get(constant.stored.dtype.name)
    if constant.scale is None or constant.zero is None or dtype in (None, Dtype.F32):
        return None
    if constant.scale.size > 1 or constant.zero.size > 1:
        op.demand(axis == constant.axis, f"its weights are quantised along axis {constant.axis}")
    zeros = np.unique(constant.zero)
    op.demand(zeros.size == 1, "its weights have several zero points; the matrix unit takes one")
    scales = constant.scale.astype(np.float64).reshape(-1)
    quant = Quant(float(scales[0]) if scales.size == 1 else 1.0, int(zeros[0]))
    made = op.builder.constant(Constant(constant.stored), f"{op.var}.weight")
    return replace(made, quant=quant), scales
