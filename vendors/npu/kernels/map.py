"""Maps: functions of single elements."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.config import Views
from byoc.vendors.npu.kernels.cost import Estimate, TileWork, moved, record
from byoc.vendors.npu.kernels.tiles import Ring, Scratch, fetch, sink, store
from byoc.vendors.npu.kernels.vector import Function, Values, Vector, busy, run
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
from byoc.vendors.npu.layers import Map
from byoc.vendors.npu.places import View
from byoc.vendors.npu.pool import Pool

if TYPE_CHECKING:
    from byoc.vendors.npu.layers import Values as Floats


def space(layer: Map, hw: Hardware, scratch: int) -> list[FlatConfig]:
    """Tiles of powers of two elements, with and without double buffering."""
    return flat_space(math.prod(layer.out.shape), scratch)


def estimate(layer: Map, config: FlatConfig, hw: Hardware, views: Views) -> Estimate:
    """The time of the slowest of load, vector unit and store, and of the first and last tile."""
    walk = _Walk.of(layer, config, views, Pool())
    return record(walk.work(hw), hw)


def emit(
    layer: Map, config: FlatConfig, views: Views, scratch: Scratch, pool: Pool, hw: Hardware
) -> Iterator[isa.Instruction]:
    """One tile after the other."""
    walk = _Walk.of(layer, config, views, pool)
    rings = [
        scratch.ring(slot(v, walk.counts), n) for v, n in zip(walk.views, walk.slots, strict=True)
    ]
    for part in parts(walk.shape, walk.counts):
        yield from walk.tile(part, rings, hw)


@dataclass(frozen=True, slots=True)
class _Walk:
    """The layer over joined views: out, a and, as far as there are any, b, mult and bias."""

    layer: Map
    views: list[View]
    counts: tuple[int, ...]
    most: int

    @classmethod
    def of(cls, layer: Map, config: FlatConfig, views: Views, pool: Pool) -> _Walk:
        shape = layer.out.shape
        given = [views[layer.out], views[layer.a]]
        given += [] if layer.b is None else [views[layer.b].broadcast(shape)]
        walked = joined([*given, *_vectors(layer, pool)])
        return cls(layer, walked, tile_shape(walked[0].shape, config.elements), config.slots)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.views[0].shape

    @property
    def slots(self) -> list[int]:
        return [slots(view, self.counts, self.most) for view in self.views]

    def tile(self, part: Part, rings: Sequence[Ring], hw: Hardware) -> Iterator[isa.Instruction]:
        """Fetch the operands, compute, store."""
        composite, tiles = self.layer.composite, []
        for view, ring in zip(self.views[1:], rings[1:], strict=True):
            need = region(view, part)
            tile = yield from fetch(
                unique(view), need.starts, need.counts, ring, composite, dense=0
            )
            tiles.append(tile.broadcast(part.counts))
        out = sink(self.views[0], part.starts, part.counts, rings[0])
        yield from run(self.vector(out, tiles), hw, composite)
        yield from store(self.views[0], part.starts, out, composite)

    def vector(self, out: View, tiles: Sequence[View]) -> Vector:
        """The operation on tiles: a and, as far as there are any, b, mult and bias."""
        layer, rest = self.layer, iter(tiles)
        a = Values(next(rest), layer.a.quant)
        b = None if layer.b is None else Values(next(rest), layer.b.quant)
        mult = None if layer.mult is None else next(rest)
        bias = None if layer.bias is None else next(rest)
        function = Function(layer.op, layer.act, layer.p, layer.q)
        return Vector(Values(out, layer.out.quant), a, b, mult, bias, function)

    def work(self, hw: Hardware) -> TileWork:
        """All of it, told from a full tile."""
        part = Part((0,) * len(self.counts), self.counts)
        ratio = math.prod(self.shape) / math.prod(self.counts)
        dense = [
            View.dense(isa.Space.SP, 0, region(each, part).counts, each.dtype).broadcast(
                self.counts
            )
            if each.space is not isa.Space.SP
            else each.slice(part.starts, part.counts)
            for each in self.views
        ]
        loaded = [
            moved(unique(each), region(each, part).counts, hw)
            * times(each, self.shape, self.counts)
            for each in self.views[1:]
            if each.space is not isa.Space.SP
        ]
        out = self.views[0]
        stored = 0 if out.space is isa.Space.SP else moved(out, self.counts, hw) * ratio
        return TileWork(
            tiles=math.ceil(ratio),
            slots=self.most,
            vector=int(busy(self.vector(dense[0], dense[1:]), hw) * ratio),
            bytes_in=int(sum(loaded)),
            bytes_out=int(stored),
            scratchpad=sum(
                slot(view, self.counts) * n for view, n in zip(self.views, self.slots, strict=True)
            ),
        )


def _vectors(layer: Map, pool: Pool) -> list[View]:
    """Mult and bias as views of the pool, with the shape of the result; of equal length where both are there."""
    import numpy as np

    given = [each for each in (layer.mult, layer.bias) if each is not None]
    if not given:
        return []
    return [_vector(each, layer, pool) for each in np.broadcast_arrays(*map(np.ravel, given))]


def _vector(values: Floats, layer: Map, pool: Pool) -> View:
    offset = pool.add(values.astype("<f4").tobytes())
    shape = [1] * len(layer.out.shape)
    if values.size > 1:
        shape[layer.axis] = values.size
    view = View.dense(isa.Space.CONST, offset, shape, isa.Dtype.F32)
    return view.broadcast(layer.out.shape)
