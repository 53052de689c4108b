"""Rows: what softmax and layer normalisation share: tiles of whole rows, along which the vector unit reduces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from byoc.vendors.npu import isa
from byoc.vendors.npu.errors import MisfitError
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.config import TileConfig
from byoc.vendors.npu.kernels.cost import TileWork, moved
from byoc.vendors.npu.kernels.walk import tile_shape
from byoc.vendors.npu.layers import Quant, Tensor
from byoc.vendors.npu.places import View, aligned

_OUTER = 2
"""Dimensions of rows that an instruction has beside that along them."""


@dataclass(frozen=True, slots=True)
class RowConfig(TileConfig):
    """How layers that reduce rows are cut: tiles of at most `rows` of them."""

    rows: int = 1


def space(tensor: Tensor, axis: int, scratch: int) -> list[RowConfig]:
    """Tiles of powers of two rows, with and without double buffering."""
    rows, length = math.prod(tensor.shape[:axis]), tensor.shape[axis]
    sizes = [1 << power for power in range(31) if 1 << power < rows]
    fitting = [size for size in (*sizes, rows) if size == 1 or 2 * size * length <= scratch]
    return [RowConfig(slots, size) for size in fitting for slots in (1, 2)]


@dataclass(frozen=True, slots=True)
class Rows:
    """Input and output as (outer, inner, along) or with more outer dimensions, and the tiles of the outer ones."""

    x: View
    out: View
    counts: tuple[int, ...]

    @classmethod
    def of(cls, x: View, out: View, axis: int, config: RowConfig) -> Rows:
        """Rows along `axis`, after which all dimensions are 1."""
        outer = _merged(x, out, axis)
        length = x.shape[axis]
        shape = (*(count for count, _, _ in outer), length)
        x = replace(x, shape=shape, strides=(*(s for _, s, _ in outer), x.strides[axis]))
        out = replace(out, shape=shape, strides=(*(s for _, _, s in outer), out.strides[axis]))
        counts = _capped(tile_shape(shape[:-1], config.rows))
        return cls(x, out, (*counts, length))

    @property
    def rows(self) -> int:
        """Rows of a tile."""
        return math.prod(self.counts[:-1])

    def slot(self, view: View) -> int:
        """Bytes of a tile of `view`."""
        return aligned(math.prod(self.counts) * view.dtype.bytes)

    def slots(self) -> tuple[int, int]:
        """Bytes of a slot for the input's tiles, and for the output's."""
        x = 0 if self.x.space is isa.Space.SP else self.slot(self.x)
        return x, 0 if self.out.space is isa.Space.SP else self.slot(self.out)

    @property
    def column(self) -> int:
        """Bytes of one float32 for each row."""
        return aligned(4 * self.rows)

    def work(self, passes: int, chain: int, config: RowConfig, hw: Hardware) -> TileWork:
        """What all tiles take, `passes` being cycles for `lanes` elements, in `chain` instructions."""
        ratio = math.prod(self.x.shape) / math.prod(self.counts)
        line = -(-self.counts[-1] // hw.lanes)
        outside = self.x.space is not isa.Space.SP, self.out.space is not isa.Space.SP
        return TileWork(
            tiles=math.ceil(ratio),
            slots=config.slots,
            vector=int(self.rows * line * passes * ratio),
            bytes_in=int(moved(self.x, self.counts, hw) * ratio) if outside[0] else 0,
            bytes_out=int(moved(self.out, self.counts, hw) * ratio) if outside[1] else 0,
            scratchpad=sum(self.slots()) * config.slots,
            chain=chain,
        )


def _merged(x: View, out: View, axis: int) -> list[tuple[int, int, int]]:
    """Counts and strides (of x, of out) of the dimensions before `axis`, as few as both allow."""
    dims: list[tuple[int, int, int]] = []
    for i in range(axis):
        count, one, other = x.shape[i], x.strides[i], out.strides[i]
        if count == 1:
            continue
        if dims and dims[-1][1:] == (count * one, count * other):
            dims[-1] = (dims[-1][0] * count, one, other)
        else:
            dims.append((count, one, other))
    return dims


def _capped(counts: Sequence[int]) -> tuple[int, ...]:
    """At most two dimensions of more than one row: the outer ones are walked row by row."""
    return tuple(1 if i < len(counts) - _OUTER else count for i, count in enumerate(counts))


@dataclass(frozen=True, slots=True)
class Block:
    """A tile of the scratchpad as the vector unit walks it: (outer, inner, along)."""

    view: View
    quant: Quant | None = None

    @classmethod
    def of(cls, view: View, quant: Quant | None = None) -> Block:
        """The last three dimensions; those before are of one element."""
        if math.prod(view.shape[:-3]) != 1:
            raise MisfitError(len(view.shape), 3, "dimensions of a tile")
        short = 3 - len(view.shape[-3:])
        shape = (1,) * short + view.shape[-3:]
        return cls(replace(view, shape=shape, strides=(0,) * short + view.strides[-3:]), quant)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Its dimensions."""
        return self.view.shape  # type: ignore[return-value]  # three

    @property
    def operand(self) -> isa.Operand:
        """As the vector unit reads or writes it."""
        quant = self.quant or Quant(1.0, 0)
        strides = self.view.strides
        return isa.Operand(self.view.at, self.view.dtype, strides, quant.scale, quant.zero)  # type: ignore[arg-type]  # three

    def column(self, address: int) -> Block:
        """One float32 for each row, at `address`."""
        shape = (*self.shape[:2], 1)
        return Block(View.dense(isa.Space.SP, address, shape, isa.Dtype.F32))

    @property
    def flat(self) -> Block:
        """A column as one row, of which the vector unit takes many places at a time."""
        shape = (1, 1, math.prod(self.shape))
        return Block(View.dense(isa.Space.SP, self.view.offset, shape, self.view.dtype))

    @property
    def repeated(self) -> isa.Operand:
        """A column as an operand of whole rows."""
        return replace(self.operand, strides=(*self.operand.strides[:2], 0))


def reduced(
    source: Block, into: Block, op: isa.Reduce, factor: float, composite: int
) -> Iterator[isa.Red]:
    """Reduce every row of `source` to a place of the column `into`."""
    yield isa.Red(
        composite=composite,
        dst=into.operand,
        src=source.operand,
        op=op,
        factor=factor,
        shape=source.shape,
    )
