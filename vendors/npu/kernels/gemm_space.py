"""Space: the configurations of a product that are worth an estimate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.config import GemmConfig
from byoc.vendors.npu.kernels.conv import merging
from byoc.vendors.npu.kernels.product import precision
from byoc.vendors.npu.layers import Conv, Deconv, MatMul

_TILES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64, 128, 256, 512, 1024)
"""Into how many tiles a dimension is cut, at first."""

_DEEP = (2, 4, 8, 16, 32)
"""Into how many passes the input channels are cut."""

_MOST_SLOTS = 256

_LEAST = 1500
"""Cycles of the matrix unit below which an instruction is no use where there are more than `_MANY`."""

_MANY = 48


@dataclass(frozen=True, slots=True)
class _Extents:
    """A product's dimensions, whatever its layer."""

    images: int
    high: int
    wide: int
    channels: int
    outputs: int
    groups: int
    banks: int
    kernel: tuple[int, int]
    precision: str
    adjacent: bool = True
    """Whether the taps of a kernel lie side by side."""

    def dense(self, hw: Hardware) -> bool:
        """Whether weights are used so often that loading them takes less time than using them."""
        return self.images * self.high * self.wide >= 2 * hw.rows


def space(layer: Conv | Deconv | MatMul, hw: Hardware, scratch: int) -> list[GemmConfig]:
    """Configurations that the accumulators have room for, and operands of at most `scratch` bytes a tile.

    Tiles are as equal as they can be made; of output channels and input channels they end where a block or step of
    the matrix unit does.
    """
    extents = _extents(layer, hw)
    return [
        config
        for slots in (2, 1)
        for rows, columns in _areas(extents, hw.accumulators // slots)
        for channels in _channels(extents, hw, hw.accumulators // slots // (rows * columns))
        for depth, folded in _depths(extents, hw)
        for config in _kept(extents, hw, slots, (rows, columns, channels, depth, folded))
        if _fits(extents, hw, config, scratch)
    ]


def _extents(layer: Conv | Deconv | MatMul, hw: Hardware) -> _Extents:
    if isinstance(layer, MatMul):
        shape, batched = layer.out.shape, len(layer.b.shape) > 2
        lead = math.prod(shape[:-2])
        k, n = layer.b.shape[-2:]
        high = 1 if batched else lead
        return _Extents(1, high, shape[-2], k, n, 1, 1, (1, 1), precision(layer.a.dtype))
    images, _, high, wide = layer.out.shape
    if isinstance(layer, Deconv):
        _, channels, high, wide = layer.x.shape
        kernel = layer.weight.shape[2:]
        outputs, banks = layer.out.shape[1], math.prod(kernel)
        return _Extents(
            images, high, wide, channels, outputs, 1, banks, (1, 1), precision(layer.x.dtype)
        )
    outputs, channels, *taps = layer.weight.shape
    merged = merging(layer, hw)
    groups = layer.groups // merged
    return _Extents(
        images,
        high,
        wide,
        channels * merged,
        outputs // groups,
        groups,
        1,
        (taps[0], taps[1]),
        precision(layer.x.dtype),
        layer.dilation == (1, 1),
    )


def _cuts(total: int) -> list[int]:
    """Widths of equal tiles, the largest first."""
    return list(dict.fromkeys(-(-total // tiles) for tiles in _TILES if tiles <= total))


def _areas(extents: _Extents, most: int) -> Iterator[tuple[int, int]]:
    """Rows and columns of tiles of at most `most` pixels: whole rows if they fit."""
    found = 0
    for columns in _cuts(extents.wide):
        for rows in _cuts(extents.high):
            if rows * columns <= most and found < 6:
                found += 1
                yield rows, columns
        if found:
            return


def _channels(extents: _Extents, hw: Hardware, most: int) -> Iterator[int]:
    """Widths of tiles of output channels that take at most `most` blocks: the largest few."""
    each = -(-extents.outputs // hw.columns)
    found = 0
    if extents.groups > 1 and each <= most:
        for groups in _cuts(extents.groups):
            if groups * each <= most and found < 3:
                found += 1
                yield groups * extents.outputs
        return
    for blocks in _cuts(each):
        if blocks <= most and found < 4:
            found += 1
            yield min(blocks * hw.columns, extents.outputs)


def _depths(extents: _Extents, hw: Hardware) -> Iterator[tuple[int, bool]]:
    """Input channels of a pass, and whether rows of the kernel are folded."""
    unit, channels = hw.depth(extents.precision), extents.channels
    high, wide = extents.kernel
    yield channels, False
    if extents.groups > 1:
        return
    if extents.adjacent and high * -(-wide * channels // unit) > -(-high * wide * channels // unit):
        yield channels, True
    depths = {math.ceil(channels / passes / unit) * unit for passes in _DEEP}
    shallow = [depth for depth in sorted(depths, reverse=True) if depth < channels]
    yield from ((depth, False) for depth in shallow[: 3 if extents.dense(hw) else len(shallow)])


def _kept(
    extents: _Extents, hw: Hardware, slots: int, tile: tuple[int, int, int, int, bool]
) -> Iterator[GemmConfig]:
    """Which operand stays, and how many slots each gets: all of one, or one more than a tile's passes."""
    rows, columns, channels, depth, folded = tile
    passes = -(-extents.channels // depth)
    pixels = extents.images * -(-extents.high // rows) * -(-extents.wide // columns)
    outputs = extents.banks * -(-extents.outputs * extents.groups // channels)
    stay, few = (1, 1) if slots == 1 else (passes + 1, 2 if extents.dense(hw) else 4)
    ways: list[tuple[Literal["input", "weight"], int, int]] = [
        ("input", stay if outputs > 1 else few, outputs * passes),
        ("weight", pixels * passes, stay if pixels > 1 else few),
        ("weight", few, stay),
        ("input", stay, few),
    ]
    for order, inputs, weights in dict.fromkeys(ways):
        if max(inputs, weights) <= _MOST_SLOTS:
            yield GemmConfig(slots, rows, columns, channels, depth, order, inputs, weights, folded)


def _fits(extents: _Extents, hw: Hardware, config: GemmConfig, scratch: int) -> bool:
    """Whether the weights' ring alone has room, and tiles are not so many that instructions would outweigh them."""
    taps, unit = math.prod(extents.kernel), hw.depth(extents.precision)
    blocks = -(-config.channels // hw.columns)
    work = taps * blocks * max(config.rows * config.columns, hw.rows) * -(-config.depth // unit)
    most = hw.accumulators // config.slots * taps * -(-extents.channels // unit)
    products = math.ceil(extents.high / config.rows) * math.ceil(extents.wide / config.columns)
    products *= math.ceil(extents.outputs * extents.groups / config.channels)
    products *= math.ceil(extents.channels / config.depth)
    if products > _MANY and work < min(_LEAST, most // 2):
        return False
    size = {"float32": 4, "bfloat16": 2}.get(extents.precision, 1)
    row = blocks * hw.columns * size
    return taps * config.depth * row * config.weight_slots <= scratch
