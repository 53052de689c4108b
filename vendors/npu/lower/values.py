"""Values: what an expression of a segment stands for while it is lowered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from byoc.vendors.npu.isa import Act, Binary, Dtype
from byoc.vendors.npu.layers import Epilogue, Layer, Quant, Tensor

Floats: TypeAlias = npt.NDArray[np.float64]

DTYPES = {"float32": Dtype.F32, "int8": Dtype.S8, "uint8": Dtype.U8}
"""The dtypes of tensors, by Relax's names."""

ONE: Floats = np.ones(1)
NOTHING: Floats = np.zeros(1)


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Data that is known. With `scale` it means `(stored - zero) * scale`, both varying along `axis` if at all."""

    stored: npt.NDArray[np.generic]
    scale: npt.NDArray[np.float32] | None = None
    zero: npt.NDArray[np.int64] | None = None
    axis: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the data."""
        return self.stored.shape

    @property
    def real(self) -> npt.NDArray[np.float32]:
        """What it means, in the float32 arithmetic of DequantizeLinear."""
        if self.scale is None or self.zero is None:
            return self.stored.astype(np.float32)
        spread = [1] * self.stored.ndim
        if self.scale.size > 1 or self.zero.size > 1:
            spread[self.axis] = -1
        zero, scale = self.zero.reshape(spread), self.scale.reshape(spread)
        if not self.stored.ndim:
            zero, scale = self.zero.reshape(()), self.scale.reshape(())
        shifted = self.stored.astype(np.int64) - zero
        real: npt.NDArray[np.float32] = shifted.astype(np.float32) * scale
        return real

    def moved(self, stored: npt.NDArray[np.generic], axis: int) -> Constant:
        """The same numbers in other places; what varied along `self.axis` varies along `axis`."""
        return replace(self, stored=np.asarray(stored, order="C"), axis=axis)


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """A result that no layer has stored yet, so that what follows can still be folded into its layer.

    It means act((value * mult + bias) OP other), `mult` and `bias` having one element, or one for each place along
    dimension `axis` (None: any one dimension). `build` makes the layers that store it in the tensor it is given.
    One that is not `foldable` takes nothing but a dtype; one that `broadcasts` takes an `other` of any shape.
    """

    build: Callable[[Tensor, Pending], Iterable[Layer]]
    shape: tuple[int, ...]
    axis: int | None = None
    foldable: bool = True
    broadcasts: bool = False
    mult: Floats = field(default_factory=lambda: ONE)
    bias: Floats = field(default_factory=lambda: NOTHING)
    op: Binary = Binary.NONE
    other: Tensor | None = None
    act: Act = Act.NONE
    p: float = 0.0
    q: float = 0.0

    @property
    def is_linear(self) -> bool:
        """Whether only `mult` and `bias` have been folded into it."""
        return self.foldable and self.op is Binary.NONE and self.act is Act.NONE

    def scaled(self, factor: Floats, axis: int | None) -> Pending | None:
        """It times `factor`, which varies along `axis` (None: one value); None when that cannot be folded."""
        if not self._takes(axis):
            return None
        return replace(
            self, mult=self.mult * factor, bias=self.bias * factor, axis=self._joined(axis)
        )

    def shifted(self, offset: Floats, axis: int | None) -> Pending | None:
        """It plus `offset`; None when that cannot be folded."""
        if not self._takes(axis):
            return None
        return replace(self, bias=self.bias + offset, axis=self._joined(axis))

    def epilogue(self, channels: int, scale: float | None) -> Epilogue:
        """As the epilogue of a layer with so many output channels; `scale` is Product's."""
        mult = None if scale is None and bool(np.all(self.mult == 1)) else self.mult
        bias = None if not np.any(self.bias) else self.bias
        return Epilogue(
            None if mult is None else spread(mult, channels),
            None if bias is None else spread(bias, channels),
            self.op,
            self.other,
            self.act,
            self.p,
            self.q,
            1.0 if scale is None else scale,
        )

    def _takes(self, axis: int | None) -> bool:
        return self.is_linear and (axis is None or self.axis is None or axis == self.axis)

    def _joined(self, axis: int | None) -> int | None:
        return axis if self.axis is None else self.axis


Value: TypeAlias = "Tensor | Constant | Pending | tuple[Value, ...]"


def spread(values: Floats, count: int) -> npt.NDArray[np.float32]:
    """`values`, one or `count` of them, as `count` float32 numbers."""
    wide: npt.NDArray[np.float32] = np.ascontiguousarray(
        np.broadcast_to(values, (count,)), np.float32
    )
    return wide


def along(shape: tuple[int, ...], whole: tuple[int, ...]) -> int | None:
    """The only dimension of `whole` along which something of `shape` varies, -1 for none; None when there are more.

    `shape` broadcasts to `whole` as in numpy.
    """
    lead = len(whole) - len(shape)
    if lead < 0:
        return -1 if all(extent == 1 for extent in shape) else None
    varying = [axis for axis, extent in enumerate(shape, lead) if extent != 1]
    if not varying:
        return -1
    return varying[0] if len(varying) == 1 else None


def quant_of(constant: Constant) -> Quant | None:
    """The parameters of a constant that is quantised as a whole."""
    if constant.scale is None or constant.zero is None:
        return None
    if constant.scale.size != 1 or constant.zero.size != 1:
        return None
    return Quant(float(constant.scale.reshape(-1)[0]), int(constant.zero.reshape(-1)[0]))
