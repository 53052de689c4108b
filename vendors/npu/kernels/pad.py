"""Padding: tiles that are loaded with padding around them, or a fill and a copy into its middle."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from byoc.vendors.npu import isa
from byoc.vendors.npu.errors import MisfitError
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.config import Views
from byoc.vendors.npu.kernels.cost import Estimate, TileWork, moved, record
from byoc.vendors.npu.kernels.tiles import Scratch, bring, fetch, store
from byoc.vendors.npu.kernels.walk import FlatConfig, flat_space, joined, parts, tile_shape
from byoc.vendors.npu.layers import Pad, Tensor
from byoc.vendors.npu.places import View, aligned, positions
from byoc.vendors.npu.pool import Pool

_DIMENSIONS = 4
"""Dimensions of a transfer."""


def space(layer: Pad, hw: Hardware, scratch: int) -> list[FlatConfig]:
    """Tiles of powers of two elements, with and without double buffering."""
    return flat_space(math.prod(layer.out.shape), scratch)


def estimate(layer: Pad, config: FlatConfig, hw: Hardware, views: Views) -> Estimate:
    """The time of the slower of both sides, and of the first and last tile."""
    walk = _Walk.of(layer, config, views)
    return record(walk.work(hw), hw)


def emit(
    layer: Pad, config: FlatConfig, views: Views, scratch: Scratch, pool: Pool, hw: Hardware
) -> Iterator[isa.Instruction]:
    """One tile after the other; all of it at once where the result is kept in the scratchpad."""
    walk = _Walk.of(layer, config, views)
    if walk.inside:
        yield from filled(walk.out, walk.fill, layer.composite)
        middle = walk.out.slice(walk.before, walk.x.shape)
        yield from bring(walk.x, (0,) * len(walk.before), middle, layer.composite)
        return
    ring = scratch.ring(walk.slot, config.slots)
    for part in parts(walk.out.shape, walk.counts):
        starts = [a - b for a, b in zip(part.starts, walk.before, strict=True)]
        tile = yield from fetch(walk.x, starts, part.counts, ring, layer.composite, fill=walk.fill)
        yield from store(walk.out, part.starts, tile, layer.composite)


@dataclass(frozen=True, slots=True)
class _Walk:
    """Source and target with the dimensions in the target's order."""

    out: View
    x: View
    before: tuple[int, ...]
    fill: int
    counts: tuple[int, ...]
    most: int

    @classmethod
    def of(cls, layer: Pad, config: FlatConfig, views: Views) -> _Walk:
        out = views[layer.out]
        axes = [axis for axis in range(len(out.shape)) if out.shape[axis] > 1]
        axes.sort(key=lambda axis: -abs(out.strides[axis]))
        if len(axes) > _DIMENSIONS:
            raise MisfitError(len(axes), _DIMENSIONS, "dimensions of a padded tensor")
        axes += [axis for axis in range(len(out.shape)) if axis not in axes]
        out, x = out.permute(axes), views[layer.x].permute(axes)
        before = tuple(layer.before[axis] for axis in axes)
        counts = tile_shape(out.shape, config.elements)
        return cls(out, x, before, bits(layer.value, layer.out), counts, config.slots)

    @property
    def inside(self) -> bool:
        return self.out.space is isa.Space.SP

    @property
    def slot(self) -> int:
        return aligned(math.prod(self.counts) * self.out.dtype.bytes)

    def work(self, hw: Hardware) -> TileWork:
        """All of it, told from a full tile."""
        loads, size = self.x.space is not isa.Space.SP, self.out.elements
        ratio = size / math.prod(self.counts)
        moves = 0 if loads else 2 * -(-size // hw.lanes)
        fills = -(-size * self.out.dtype.bytes // (4 * hw.lanes)) if self.inside else 0
        return TileWork(
            tiles=1 if self.inside else math.ceil(ratio),
            slots=self.most,
            vector=moves + fills,
            bytes_in=moved(self.x, self.x.shape, hw) if loads else 0,
            bytes_out=0 if self.inside else int(moved(self.out, self.counts, hw) * ratio),
            scratchpad=0 if self.inside else self.slot * self.most,
        )


def filled(view: View, value: int, composite: int) -> Iterator[isa.Fill]:
    """Fill all of a view of the scratchpad with `value`, the bits of an element."""
    (one,) = joined([view])
    outer, inner = one.shape[:-3], one.shape[-3:]
    shape = (1,) * (3 - len(inner)) + inner
    strides = (0,) * (3 - len(inner)) + one.strides[-3:]
    for index in positions(outer):
        offset = one.offset + sum(i * s for i, s in zip(index, one.strides, strict=False))
        yield isa.Fill(
            composite=composite,
            target=isa.At(isa.Space.SP, offset),
            size=view.dtype.bytes,
            value=value,
            shape=shape,  # type: ignore[arg-type]  # three
            strides=strides,  # type: ignore[arg-type]  # three
        )


def bits(value: float, tensor: Tensor) -> int:
    """The bits of an element of `tensor` that means `value`."""
    if tensor.quant is not None:
        low, high = (-128, 127) if tensor.dtype is isa.Dtype.S8 else (0, 255)
        stored = round(value / tensor.quant.scale) + tensor.quant.zero
        return min(max(stored, low), high) & 0xFF
    (wide,) = struct.unpack("<I", struct.pack("<f", value))
    if tensor.dtype is isa.Dtype.BF16:
        return int(wide + 0x7FFF + (wide >> 16 & 1)) >> 16 & 0xFFFF
    return int(wide)
