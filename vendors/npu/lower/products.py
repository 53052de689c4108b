"""Products: the operands of what the matrix unit computes, in float32 or in 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from byoc.vendors.npu.isa import Dtype
from byoc.vendors.npu.layers import Quant, Tensor
from byoc.vendors.npu.lower.op import Op
from byoc.vendors.npu.lower.values import DTYPES, ONE, Constant, Floats, Value

_RANGES: Final = {"int8": (-128, 127), "uint8": (0, 255)}


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """Both operands, of 8 bits or both float32, and what the sum of their products has to be scaled by."""

    left: Tensor
    right: Tensor
    scales: Floats

    @property
    def is_integer(self) -> bool:
        """Whether the sums are of integers."""
        return self.left.dtype is not Dtype.F32


def operands(op: Op, left: Value, right: Value, channel_axis: int | None) -> Product:
    """The operands of a product; a constant one may be quantised along `channel_axis`."""
    a = op.builder.stored(left, f"{op.var}.left")
    if a.quant is not None and isinstance(right, Constant):
        weight = _weights(op, right, channel_axis)
        if weight is not None:
            return Product(a, weight[0], a.quant.scale * weight[1])
    b = None if isinstance(right, Constant) else op.builder.stored(right, f"{op.var}.right")
    if a.quant is not None and b is not None and b.quant is not None:
        return Product(a, b, np.array([a.quant.scale * b.quant.scale]))
    real = op.builder.floats(right if b is None else b, f"{op.var}.weight")
    return Product(op.builder.floats(a, f"{op.var}.left"), real, ONE)


def _weights(op: Op, constant: Constant, axis: int | None) -> tuple[Tensor, Floats] | None:
    """Quantised weights as 8-bit numbers with one zero point, and their scales; None for what has no such form."""
    dtype = DTYPES.get(constant.stored.dtype.name)
    if constant.scale is None or constant.zero is None or dtype in (None, Dtype.F32):
        return None
    if constant.scale.size > 1 or constant.zero.size > 1:
        op.demand(axis == constant.axis, f"its weights are quantised along axis {constant.axis}")
    stored, zero = _one_zero(op, constant)
    dtype = DTYPES[stored.dtype.name]
    scales = constant.scale.astype(np.float64).reshape(-1)
    quant = Quant(float(scales[0]) if scales.size == 1 else 1.0, zero)
    made = op.builder.constant(Constant(stored), f"{op.var}.weight")
    return Tensor(made.name, made.shape, dtype, quant, made.data), scales


def _one_zero(op: Op, constant: Constant) -> tuple[npt.NDArray[np.generic], int]:
    """The numbers with the same zero point everywhere."""
    assert constant.zero is not None
    zeros = np.unique(constant.zero)
    if zeros.size == 1:
        return constant.stored, int(zeros[0])
    spread = [1] * constant.stored.ndim
    spread[constant.axis] = -1
    shifted = constant.stored.astype(np.int64) - constant.zero.reshape(spread)
    for name, (low, high) in _RANGES.items():
        if low <= shifted.min() and shifted.max() <= high:
            return shifted.astype(name), 0
    raise op.builder.refused(
        f"{op.name}: the zero points of its weights differ, and without them they are "
        f"{shifted.min()} to {shifted.max()}, which is more than 8 bits hold"
    )
