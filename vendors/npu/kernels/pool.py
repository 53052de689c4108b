"""Pooling: the largest value or the average of windows, by the vector unit into accumulators."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels import window
from byoc.vendors.npu.kernels.config import Views
from byoc.vendors.npu.kernels.cost import Estimate, record
from byoc.vendors.npu.kernels.tiles import Ring, Scratch, fetch, operand, sink, store
from byoc.vendors.npu.kernels.window import (
    NHWC,
    Axis,
    Rect,
    Tile,
    WindowConfig,
    Windows,
    pixels,
    sums,
)
from byoc.vendors.npu.layers import Pool, Quant
from byoc.vendors.npu.places import View, aligned
from byoc.vendors.npu.pool import Pool as Constants

_NOWHERE: Final = isa.At(isa.Space.NONE, 0)

_TRIES: Final = 256

Shares = Mapping[int, tuple[float, isa.At]]
"""For each number of elements, what sums are multiplied by: a scale, and where the rest of it stands."""


def space(layer: Pool, hw: Hardware, scratch: int) -> list[WindowConfig]:
    """Tiles of halved rows, columns and channels."""
    return window.space(layer.out.shape, layer.window[0], hw, scratch)


def estimate(layer: Pool, config: WindowConfig, hw: Hardware, views: Views) -> Estimate:
    """The time of the slowest of load, vector unit and store, and of the first and last tile."""
    kernel = _Kernel.of(layer, config, views, hw)
    work = kernel.windows.work(kernel.out, 1, hw)
    room = work.scratchpad + kernel.out_bytes * config.slots
    room += aligned(4 * len(kernel.counts()))
    return record(replace(work, scratchpad=room), hw)


def emit(
    layer: Pool,
    config: WindowConfig,
    views: Views,
    scratch: Scratch,
    pool: Constants,
    hw: Hardware,
) -> Iterator[isa.Instruction]:
    """One tile after the other; the reciprocals of what averages are divided by come first."""
    kernel = _Kernel.of(layer, config, views, hw)
    inputs = scratch.ring(kernel.windows.slot, config.slots)
    results = scratch.ring(kernel.out_bytes, config.slots)
    shares: Shares = {}
    divisors = kernel.counts()
    if divisors:
        scale = 1.0 if layer.x.quant is None else layer.x.quant.scale
        shares = yield from _shares(divisors, scale, scratch, pool, layer.composite)
    half, turn = hw.accumulators // 2, 0
    for tile in kernel.windows.tiles():
        starts, counts = tile.place
        out = sink(kernel.out, starts, counts, results, order=NHWC)
        for block in kernel.windows.blocks(tile, hw):
            base, turn = turn % 2 * half, turn + 1
            yield from kernel.pooled(tile, block, base, inputs)
            yield from kernel.drained(tile, block, base, out, shares)
        yield from store(kernel.out, starts, out, layer.composite, order=NHWC)


def _shares(
    counts: Sequence[int], scale: float, scratch: Scratch, pool: Constants, composite: int
) -> Generator[isa.Instruction, None, Shares]:
    import numpy as np

    pairs = [factors(scale, count) for count in counts]
    data = np.array([second for _, second in pairs], "<f4").tobytes()
    view = View.dense(isa.Space.CONST, pool.add(data), (len(counts),), isa.Dtype.F32)
    tile = yield from fetch(view, (0,), view.shape, scratch.ring(len(data), 1), composite)
    return {
        count: (first, isa.At(isa.Space.SP, tile.offset + 4 * place))
        for place, (count, (first, _)) in enumerate(zip(counts, pairs, strict=True))
    }


def factors(scale: float, count: int) -> tuple[float, float]:
    """Two float32 whose product, in float64, is `scale / count`, or as close to it as can be found nearby.

    The vector unit multiplies sums by both before it rounds: so the average of 8-bit values is rounded once.
    """
    import numpy as np

    first = np.float32(scale) * (1 + np.arange(_TRIES, dtype=np.float32) * np.finfo(np.float32).eps)
    wanted = scale / count
    second = (wanted / first.astype(np.float64)).astype(np.float32)
    best = np.abs(first.astype(np.float64) * second - wanted).argmin()
    return float(first[best]), float(second[best])


@dataclass(frozen=True, slots=True)
class _Kernel:
    layer: Pool
    windows: Windows
    out: View
    hw: Hardware

    @classmethod
    def of(cls, layer: Pool, config: WindowConfig, views: Views, hw: Hardware) -> _Kernel:
        x, out = views[layer.x], views[layer.out]
        down, right = (
            Axis(
                x.shape[i + 2],
                out.shape[i + 2],
                layer.window[i],
                layer.strides[i],
                layer.padding[i],
            )
            for i in range(2)
        )
        return cls(layer, Windows(x, down, right, config, clip=True), out, hw)

    @property
    def out_bytes(self) -> int:
        """A slot of the output's ring."""
        config = self.windows.config
        size = config.rows * config.columns * config.channels * self.out.dtype.bytes
        return 0 if self.out.space is isa.Space.SP else aligned(size)

    @property
    def keeps_scale(self) -> bool:
        """Whether 8-bit values come and go with the same scale."""
        x, out = self.layer.x.quant, self.layer.out.quant
        return x is not None and out is not None and x.scale == out.scale

    def counts(self) -> list[int]:
        """How many elements windows have whose sums are multiplied by a share."""
        if self.layer.kind is isa.Window.MAX or self.keeps_scale:
            return []
        if self.layer.include_pad:
            return [self.layer.window[0] * self.layer.window[1]]
        high, wide = (
            dict.fromkeys(high - low for low, high in map(axis.valid, range(axis.count)))
            for axis in (self.windows.down, self.windows.right)
        )
        return list(dict.fromkeys(a * b for a in high for b in wide))

    def pooled(
        self, tile: Tile, block: Sequence[Rect], base: int, ring: Ring
    ) -> Iterator[isa.Instruction]:
        """Windows of a block into accumulators from `base` on."""
        quant, composite = self.layer.x.quant, self.layer.composite
        given = isa.Win(
            composite=composite,
            acc=isa.At(isa.Space.ACC, base),
            zero_a=0 if quant is None else quant.zero,
            op=self.layer.kind,
        )
        for taps in self.windows.passes():
            source = yield from self.windows.source(tile, taps, ring, composite, 0)
            if source is not None:
                for rect in block:
                    yield from self.windows.wins(rect, taps, source, given)

    def drained(
        self, tile: Tile, block: Sequence[Rect], base: int, out: View, shares: Shares
    ) -> Iterator[isa.Vec]:
        """From accumulators to the result; largest values as they are, sums divided."""
        layer = self.layer
        whole = layer.window[0] * layer.window[1]
        for rect in block:
            target = pixels(tile, out, rect)
            count = whole if layer.include_pad else rect.taps
            scale, mult = shares.get(count, (1.0, _NOWHERE))
            yield isa.Vec(
                composite=layer.composite,
                dst=operand(target, self._stored(count)),
                a=sums(rect, base, layer.x.dtype, scale),
                mult=mult,
                each=False,
                shape=target.shape,  # type: ignore[arg-type]  # three
            )

    def _stored(self, count: int) -> Quant | None:
        """How the result of `count` elements is stored.

        Where its scale is that of the input, a sum is divided by the count as it is stored: that is exact at ties.
        """
        quant = self.layer.out.quant
        if quant is None:
            return None
        if self.layer.kind is isa.Window.MAX:
            return Quant(1.0, quant.zero)
        return Quant(float(count), quant.zero) if self.keeps_scale else quant
