"""Copies: the same elements in other places, by DMA where DRAM is involved, otherwise by the vector unit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.config import Views
from byoc.vendors.npu.kernels.cost import Estimate, TileWork, moved, ported, record
from byoc.vendors.npu.kernels.tiles import Ring, Scratch, bring, fetch, store
from byoc.vendors.npu.kernels.vector import Values, Vector, busy, run
from byoc.vendors.npu.kernels.walk import (
    FlatConfig,
    Part,
    flat_space,
    joined,
    parts,
    region,
    slot,
    slots,
    tile_shape,
    times,
    unique,
)
from byoc.vendors.npu.layers import Copy, Resize
from byoc.vendors.npu.places import View
from byoc.vendors.npu.pool import Pool


def space(layer: Copy | Resize, hw: Hardware, scratch: int) -> list[FlatConfig]:
    """Tiles of powers of two elements, with and without double buffering."""
    return flat_space(math.prod(layer.out.shape), scratch)


def estimate(layer: Copy | Resize, config: FlatConfig, hw: Hardware, views: Views) -> Estimate:
    """The time of the slower of both sides, and of the first and last tile."""
    return record(_Walk.of(layer, config, views).work(hw), hw)


def emit(
    layer: Copy | Resize,
    config: FlatConfig,
    views: Views,
    scratch: Scratch,
    pool: Pool,
    hw: Hardware,
) -> Iterator[isa.Instruction]:
    """One tile after the other."""
    walk = _Walk.of(layer, config, views)
    ring = scratch.ring(walk.slot, walk.slots)
    for part in parts(walk.out.shape, walk.counts):
        yield from walk.tile(part, ring, hw)


@dataclass(frozen=True, slots=True)
class _Walk:
    """Source and target as joined views; the source repeats elements with strides of 0."""

    composite: int
    out: View
    x: View
    counts: tuple[int, ...]
    most: int

    @classmethod
    def of(cls, layer: Copy | Resize, config: FlatConfig, views: Views) -> _Walk:
        out, x = joined(_views(layer, views))
        counts = tile_shape(out.shape, config.elements)
        return cls(layer.composite, out, x, counts, config.slots)

    @property
    def direct(self) -> bool:
        """Whether loads write to the target itself: it lies in the scratchpad, and nothing is repeated."""
        within = self.out.space is isa.Space.SP and self.x.space is not isa.Space.SP
        return within and unique(self.x).shape == self.x.shape

    @property
    def slot(self) -> int:
        return 0 if self.direct else slot(self.x, self.counts)

    @property
    def slots(self) -> int:
        return slots(self.x, self.counts, self.most)

    def tile(self, part: Part, ring: Ring, hw: Hardware) -> Iterator[isa.Instruction]:
        """Bring a tile to its place."""
        inside = self.out.space is isa.Space.SP
        target = self.out.slice(part.starts, part.counts)
        if self.direct:
            yield from bring(self.x, part.starts, target, self.composite)
            return
        need, x = region(self.x, part), unique(self.x)
        tile = yield from fetch(x, need.starts, need.counts, ring, self.composite, dense=0)
        tile = tile.broadcast(part.counts)
        if inside:
            yield from run(Vector(Values(target), Values(tile)), hw, self.composite)
        else:
            yield from store(self.out, part.starts, tile, self.composite)

    def work(self, hw: Hardware) -> TileWork:
        """All of it, told from a full tile."""
        ratio = math.prod(self.out.shape) / math.prod(self.counts)
        start = (0,) * len(self.counts)
        need = region(self.x, Part(start, self.counts)).counts
        within = self.x.space is isa.Space.SP, self.out.space is isa.Space.SP
        size, run_ = self.x.dtype.bytes, self.counts[-1]
        often = times(self.x, self.out.shape, self.counts)
        vector = 0.0
        if within[1] and not self.direct:
            target = self.out.slice(start, self.counts)
            tile = View.dense(isa.Space.SP, 0, need, self.x.dtype).broadcast(self.counts)
            vector = busy(Vector(Values(target), Values(tile)), hw) * ratio
        return TileWork(
            tiles=math.ceil(ratio),
            slots=self.most,
            vector=int(vector),
            bytes_in=0 if within[0] else int(moved(unique(self.x), need, hw) * often),
            bytes_out=0 if within[1] else int(moved(self.out, self.counts, hw) * ratio),
            load=0 if within[0] else int(ported(math.prod(need), 1, size, hw) * often),
            store=0 if within[1] else int(ported(math.prod(self.counts), run_, size, hw) * ratio),
            scratchpad=self.slot * self.slots,
        )


def _views(layer: Copy | Resize, views: Views) -> tuple[View, View]:
    """Target and source in one shape: a resized plane's blocks are dimensions that the source repeats."""
    out, x = views[layer.out], views[layer.x]
    if isinstance(layer, Copy):
        return out, x
    images, channels, high, wide = x.shape
    down, right = layer.scale
    shape = (images, channels, high, down, wide, right)
    split = out.reshape(shape)
    assert split is not None, "a dimension can always be cut in two"
    one, channel, row, column = x.strides
    return split, replace(x, shape=shape, strides=(one, channel, row, 0, column, 0))
