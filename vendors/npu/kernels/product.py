"""Products: what convolution, its transpose and the product of matrices have in common.

A Product is a convolution over one or more batches, each with an input view of its own and one or more banks of
weights with an output view each. A convolution has one batch and one bank; a transposed one a bank for each place
of its kernel; a product of matrices is a convolution of 1 x 1 whose pixels are the rows of a.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.layers import Epilogue, Tensor
from byoc.vendors.npu.places import View

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """A constant bank: `data` is (outputs, channels of a group, KH, KW) of `groups` groups.

    `merged` neighbouring groups are made one with zeros (`zero`) where an output does not depend on a channel.
    """

    data: Array
    groups: int = 1
    merged: int = 1
    zero: int = 0

    def group(self, index: int) -> Array:
        """The weights of one merged group: (outputs, channels, KH, KW)."""
        import numpy as np

        each, (channels, high, wide) = self.data.shape[0] // self.groups, self.data.shape[1:]
        size = self.merged
        rows = self.data[index * size * each : (index + 1) * size * each]
        if size == 1:
            return rows
        shape = (size * each, size * channels, high, wide)
        block = np.full(shape, self.zero, self.data.dtype)
        for i in range(size):
            mine = slice(i * each, (i + 1) * each)
            block[mine, i * channels : (i + 1) * channels] = rows[mine]
        return block


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """One set of weights, constant or a view (K, N), and what it makes: `out` (B, outputs, OH, OW)."""

    weight: Weights | View
    out: View
    other: View | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One input (B, channels, H, W) and the banks that it meets."""

    x: View
    banks: tuple[Bank, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """A layer in this form. `channels` and `outputs` are those of one of `groups` groups.

    `padding` is (top, left): what lies beyond the view counts as 0 everywhere. Strides, dilation: (down, right).
    """

    composite: int
    batches: tuple[Batch, ...]
    channels: int
    outputs: int
    out: Tensor
    epilogue: Epilogue
    other: Tensor | None
    dtype_a: isa.Dtype
    dtype_b: isa.Dtype
    zero_a: int = 0
    zero_b: int = 0
    groups: int = 1
    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)

    @property
    def x(self) -> View:
        """The first batch's input; those of the others differ only in where they lie."""
        return self.batches[0].x

    @property
    def bank(self) -> Bank:
        """The first bank; the others differ only in their places and weights."""
        return self.batches[0].banks[0]

    @property
    def pixels(self) -> tuple[int, int, int]:
        """Images, and height and width of the output."""
        images, _, high, wide = self.bank.out.shape
        return images, high, wide

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all batches and banks."""
        images, high, wide = self.pixels
        taps = self.kernel[0] * self.kernel[1]
        each = images * high * wide * self.groups * self.channels * self.outputs * taps
        return each * len(self.batches) * len(self.batches[0].banks)

    @property
    def precision(self) -> str:
        """The name by which Hardware knows the operands' rate."""
        return precision(self.dtype_a)


def precision(dtype: isa.Dtype) -> str:
    """The name by which Hardware knows the rate of operands of this type."""
    return _RATES.get(dtype, "int8")


_RATES: Final = {isa.Dtype.F32: "float32", isa.Dtype.BF16: "bfloat16"}


def kinds(a: Tensor, b: Tensor) -> dict[str, Any]:
    """What a Product has of its operands' types."""
    zero_a, zero_b = (0 if each.quant is None else each.quant.zero for each in (a, b))
    return {"dtype_a": a.dtype, "dtype_b": b.dtype, "zero_a": zero_a, "zero_b": zero_b}
