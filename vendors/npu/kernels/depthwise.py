"""Depthwise convolution: every channel by itself, on the vector unit.

With a multiplier (outputs a channel) the weights of the first output of each channel come first, then those of the
second, and so on: a bank each, for which channels lie side by side.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels import window
from byoc.vendors.npu.kernels.config import Views
from byoc.vendors.npu.kernels.cost import Estimate, record
from byoc.vendors.npu.kernels.tiles import Ring, Scratch, fetch, operand, sink, store, zero_bits
from byoc.vendors.npu.kernels.window import (
    NHWC,
    Axis,
    Rect,
    Tile,
    WindowConfig,
    Windows,
    lies_ready,
    pixels,
    sums,
)
from byoc.vendors.npu.layers import Conv
from byoc.vendors.npu.places import View, aligned
from byoc.vendors.npu.pool import Pool

_NOWHERE: Final = isa.At(isa.Space.NONE, 0)


def fits(layer: Conv) -> bool:
    """Whether the layer is one: each output depends on one channel."""
    return layer.groups > 1 and layer.weight.shape[1] == 1


def space(layer: Conv, hw: Hardware, scratch: int) -> list[WindowConfig]:
    """Tiles of halved rows, columns and channels."""
    images, _, high, wide = layer.out.shape
    shape = (images, layer.x.shape[1], high, wide)
    found = window.space(shape, layer.weight.shape[2], hw, scratch)
    return [each for each in found if each.taps == layer.weight.shape[2]]


def estimate(layer: Conv, config: WindowConfig, hw: Hardware, views: Views) -> Estimate:
    """The time of the slowest of load, vector unit and store, and of the first and last tile."""
    kernel = _Kernel.of(layer, config, views, hw)
    work = kernel.windows.work(kernel.out, 1, hw)
    weights = layer.out.shape[1] * (kernel.taps * layer.weight.dtype.bytes + 8)
    other = layer.epilogue.other
    third = 0 if other is None or views[other].space is isa.Space.SP else other.dtype.bytes
    work = replace(
        work,
        vector=work.vector * kernel.multiplier,
        macs=work.macs * kernel.multiplier,
        bytes_in=work.bytes_in + weights + kernel.out.elements * third,
        bytes_out=work.bytes_out * kernel.multiplier,
        scratchpad=work.scratchpad + kernel.rest_bytes,
    )
    return record(work, hw)


def emit(
    layer: Conv,
    config: WindowConfig,
    views: Views,
    scratch: Scratch,
    pool: Pool,
    hw: Hardware,
) -> Iterator[isa.Instruction]:
    """One tile after the other."""
    kernel = _Kernel.of(layer, config, views, hw)
    constants = kernel.constants(pool)
    rings = kernel.rings(scratch)
    half, turn = hw.accumulators // 2, 0
    for tile in kernel.windows.tiles():
        weights, vectors = yield from kernel.loaded(tile, constants, rings)
        starts, counts = kernel.place(tile)
        other = yield from kernel.other(starts, counts, rings.others)
        out = sink(kernel.out, starts, counts, rings.results, order=NHWC)
        for block in kernel.windows.blocks(tile, hw):
            for bank in range(kernel.multiplier):
                base, turn = turn % 2 * half, turn + 1
                yield from kernel.summed(tile, block, base, bank, weights, rings.inputs)
                yield from kernel.drained(tile, block, base, bank, vectors, out, other)
        yield from store(kernel.out, starts, out, layer.composite, order=NHWC)


@dataclass(frozen=True, slots=True)
class _Rings:
    inputs: Ring
    weights: Ring
    vectors: Ring
    others: Ring
    results: Ring


@dataclass(frozen=True, slots=True)
class _Kernel:
    layer: Conv
    windows: Windows
    out: View
    second: View | None
    hw: Hardware

    @classmethod
    def of(cls, layer: Conv, config: WindowConfig, views: Views, hw: Hardware) -> _Kernel:
        x, out, other = views[layer.x], views[layer.out], layer.epilogue.other
        down, right = (
            Axis(
                x.shape[i + 2],
                out.shape[i + 2],
                layer.weight.shape[i + 2],
                layer.strides[i],
                layer.padding[i],
                layer.dilation[i],
            )
            for i in range(2)
        )
        ready = lies_ready(x) and not down.empty and not right.empty
        clip = ready or not (down.padded or right.padded)
        second = None if other is None else views[other].broadcast(out.shape)
        return cls(layer, Windows(x, down, right, config, clip), out, second, hw)

    @property
    def multiplier(self) -> int:
        """Outputs a channel."""
        return self.layer.weight.shape[0] // self.layer.groups

    @property
    def taps(self) -> int:
        """Elements of a window."""
        return self.layer.weight.shape[2] * self.layer.weight.shape[3]

    @property
    def _vectors(self) -> int:
        """Float32 vectors of the epilogue: mult and bias of each bank."""
        epilogue = self.layer.epilogue
        given = (epilogue.mult is not None) + (epilogue.bias is not None)
        return given * self.multiplier

    def _slots(self) -> tuple[int, int, int, int]:
        """Bytes of the slots for weights, vectors, second operand and result."""
        config = self.windows.config
        width = config.channels * self.multiplier
        weights = width * self.taps * self.layer.weight.dtype.bytes
        made = width * config.rows * config.columns
        second = 0 if self.second is None else _slot(self.second, made)
        vectors = config.channels * 4 * self._vectors
        return aligned(weights), aligned(vectors), second, _slot(self.out, made)

    @property
    def rest_bytes(self) -> int:
        """Bytes of all rings besides the input's."""
        weights, vectors, second, out = self._slots()
        return (weights + vectors + second + out) * self.windows.config.slots

    def rings(self, scratch: Scratch) -> _Rings:
        """One for each kind of tile."""
        slots = self.windows.config.slots
        sizes = (self.windows.slot, *self._slots())
        return _Rings(*(scratch.ring(size, slots) for size in sizes))

    def constants(self, pool: Pool) -> tuple[View, View | None]:
        """Weights as (bank, tap, channel), and vectors as (mult of each bank and bias of each bank, channel)."""
        import numpy as np

        layer, banks = self.layer, self.multiplier
        assert layer.weight.data is not None, "the weights of a convolution are constant"
        data = layer.weight.data.reshape(layer.groups, banks, self.taps).transpose(1, 2, 0)
        shape = (banks, self.taps, layer.groups)
        offset = pool.add(np.ascontiguousarray(data).tobytes())
        weights = View.dense(isa.Space.CONST, offset, shape, layer.weight.dtype)
        given = [each for each in (layer.epilogue.mult, layer.epilogue.bias) if each is not None]
        if not given:
            return weights, None
        rows = [each.reshape(layer.groups, banks).T.astype("<f4").tobytes() for each in given]
        place, lines = pool.add(b"".join(rows)), (len(given) * banks, layer.groups)
        return weights, View.dense(isa.Space.CONST, place, lines, isa.Dtype.F32)

    def place(self, tile: Tile) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Where in the output the tile starts, and its shape."""
        (image, channel, row, column), (one, channels, high, wide) = tile.place
        many = self.multiplier
        return (image, channel * many, row, column), (one, channels * many, high, wide)

    def loaded(
        self, tile: Tile, constants: tuple[View, View | None], rings: _Rings
    ) -> Generator[isa.Instruction, None, tuple[View, View | None]]:
        """Fetch the tile's weights and vectors."""
        weights, vectors = constants
        start, count, composite = tile.channels.start, len(tile.channels), self.layer.composite
        shape = (*weights.shape[:2], count)
        first = yield from fetch(weights, (0, 0, start), shape, rings.weights, composite)
        if vectors is None:
            return first, None
        shape = (vectors.shape[0], count)
        second = yield from fetch(vectors, (0, start), shape, rings.vectors, composite)
        return first, second

    def other(
        self, starts: Sequence[int], counts: Sequence[int], ring: Ring
    ) -> Generator[isa.Instruction, None, View | None]:
        """Fetch the tile's part of the second operand."""
        if self.second is None:
            return None
        return (
            yield from fetch(
                self.second, starts, counts, ring, self.layer.composite, order=NHWC, dense=0
            )
        )

    def summed(
        self, tile: Tile, block: Sequence[Rect], base: int, bank: int, weights: View, ring: Ring
    ) -> Iterator[isa.Instruction]:
        """Sums of products of a block into accumulators from `base` on."""
        layer = self.layer
        zero_a, zero_b = (
            0 if each.quant is None else each.quant.zero for each in (layer.x, layer.weight)
        )
        given = isa.Win(
            composite=layer.composite,
            acc=isa.At(isa.Space.ACC, base),
            b=isa.At(isa.Space.SP, weights.offset + bank * weights.strides[0]),
            bk=weights.strides[1],
            dtype_b=weights.dtype,
            zero_a=zero_a,
            zero_b=zero_b,
            op=isa.Window.MAC,
        )
        fill = zero_bits(layer.x.dtype, layer.x.quant)
        for taps in self.windows.passes():
            source = yield from self.windows.source(tile, taps, ring, layer.composite, fill)
            if source is not None:
                for rect in block:
                    yield from self.windows.wins(rect, taps, source, given)

    def drained(
        self,
        tile: Tile,
        block: Sequence[Rect],
        base: int,
        bank: int,
        vectors: View | None,
        out: View,
        other: View | None,
    ) -> Iterator[isa.Vec]:
        """From accumulators to the result, with the epilogue."""
        layer, epilogue = self.layer, self.layer.epilogue
        places = self._places(bank, vectors)
        for rect in block:
            target = pixels(tile, self._bank(out, bank), rect)
            second = isa.NOWHERE
            if other is not None and epilogue.other is not None:
                part = pixels(tile, self._bank(other, bank), rect)
                second = operand(part, epilogue.other.quant)
            yield isa.Vec(
                composite=layer.composite,
                dst=operand(target, layer.out.quant),
                a=sums(rect, base, layer.x.dtype, epilogue.scale),
                b=second,
                mult=places[0],
                bias=places[1],
                op=epilogue.op,
                act=epilogue.act,
                p=epilogue.p,
                q=epilogue.q,
                shape=target.shape,  # type: ignore[arg-type]  # three
            )

    def _places(self, bank: int, vectors: View | None) -> tuple[isa.At, isa.At]:
        """Where mult and bias of a bank stand."""
        if vectors is None:
            return _NOWHERE, _NOWHERE
        places = [vectors.offset + row * vectors.strides[0] for row in range(vectors.shape[0])]
        rows = [isa.At(isa.Space.SP, place) for place in places[bank :: self.multiplier]]
        epilogue = self.layer.epilogue
        mult = rows.pop(0) if epilogue.mult is not None else _NOWHERE
        return mult, rows.pop(0) if epilogue.bias is not None else _NOWHERE

    def _bank(self, tile: View, bank: int) -> View:
        """The outputs of one bank in a tile of all."""
        many = self.multiplier
        shape = (tile.shape[0], tile.shape[1] // many, *tile.shape[2:])
        return tile.slice((0, bank, 0, 0), shape, (1, many, 1, 1))


def _slot(view: View, elements: int) -> int:
    return 0 if view.space is isa.Space.SP else aligned(elements * view.dtype.bytes)
