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

_DEEP = (2, 4, 8, 16, 32, 64, 128)
"""Into how many passes the input channels are cut."""

_MOST_SLOTS = 256

_LEAST = 4000
"""Cycles of an instruction of the matrix unit that is large enough where there are more than `_MANY`."""

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
    precision: str
    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)

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
        for config in _worthy(extents, hw, list(_every(extents, hw, slots)), scratch)
    ]


def _every(extents: _Extents, hw: Hardware, slots: int) -> Iterator[GemmConfig]:
    most = hw.accumulators // slots
    for rows, columns in _areas(extents, most):
        for channels in _channels(extents, hw, most // (rows * columns)):
            for depth, folded in _depths(extents, hw):
                yield from _kept(extents, hw, slots, (rows, columns, channels, depth, folded))


def _worthy(
    extents: _Extents, hw: Hardware, configs: list[GemmConfig], scratch: int
) -> Iterator[GemmConfig]:
    """Those of few large instructions on whole rows; of the others, those that need less room than all of these.

    Of those in turn, no one that another one beats both in room and in the size of its instructions; and small
    ones only as far as the larger ones need more room than is easily had, or none else is there.
    """
    sized = [(_work(extents, hw, each), _room(extents, hw, each), each) for each in configs]
    sized = [each for each in sized if each[1] <= scratch]
    least = scratch + 1
    widest = max((config.columns for _, _, config in sized), default=0)
    for work, room, config in sized:
        if config.columns == widest and _large(extents, hw, config, work):
            least = min(least, room)
            yield config
    easy = hw.scratchpad // 4
    smallest = min((room for _, room, _ in sized), default=0)
    for work, room, config in sorted(sized, key=lambda each: (-each[0], each[1])):
        if room < least and (work >= _LEAST // 2 or least > easy or room == smallest):
            least = room
            yield config


def _extents(layer: Conv | Deconv | MatMul, hw: Hardware) -> _Extents:
    if isinstance(layer, MatMul):
        shape, batched = layer.out.shape, len(layer.b.shape) > 2
        lead = math.prod(shape[:-2])
        k, n = layer.b.shape[-2:]
        high = 1 if batched else lead
        return _Extents(1, high, shape[-2], k, n, 1, 1, precision(layer.a.dtype))
    images, _, high, wide = layer.out.shape
    if isinstance(layer, Deconv):
        _, channels, high, wide = layer.x.shape
        kernel = layer.weight.shape[2:]
        outputs, banks = layer.out.shape[1], math.prod(kernel)
        return _Extents(images, high, wide, channels, outputs, 1, banks, precision(layer.x.dtype))
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
        precision(layer.x.dtype),
        (taps[0], taps[1]),
        layer.strides,
        layer.dilation,
    )


def _cuts(total: int) -> list[int]:
    """Widths of equal tiles, the largest first."""
    return list(dict.fromkeys(-(-total // tiles) for tiles in _TILES if tiles <= total))


def _areas(extents: _Extents, most: int) -> Iterator[tuple[int, int]]:
    """Rows and columns of tiles of at most `most` pixels: whole rows if they fit, and parts of one."""
    for columns in _cuts(extents.wide):
        if columns <= most:
            for rows in _spread(extents.high, most // columns, 0.8):
                yield rows, columns
            yield from ((1, narrow) for narrow in _spread(extents.wide, columns - 1, 0.5))
            return


def _channels(extents: _Extents, hw: Hardware, most: int) -> Iterator[int]:
    """Widths of tiles of output channels that take at most `most` blocks."""
    each = -(-extents.outputs // hw.columns)
    if extents.groups > 1 and each <= most:
        for groups in _spread(extents.groups, most // each, 0.5):
            yield groups * extents.outputs
        return
    for blocks in _spread(each, most, 0.8 if each <= 16 else 0.6):
        yield min(blocks * hw.columns, extents.outputs)


def _spread(total: int, most: int, apart: float) -> Iterator[int]:
    """Widths of equal tiles of at most `most`, each at most `apart` times the one before."""
    last = math.inf
    for width in _cuts(total):
        if width <= most and width <= last * apart:
            last = width
            yield width


def _depths(extents: _Extents, hw: Hardware) -> Iterator[tuple[int, bool]]:
    """Input channels of a pass, and whether rows of the kernel are folded."""
    unit, channels = hw.depth(extents.precision), extents.channels
    high, wide = extents.kernel
    yield channels, False
    if extents.groups > 1:
        return
    adjacent = extents.dilation == (1, 1)
    if adjacent and high * -(-wide * channels // unit) > -(-high * wide * channels // unit):
        yield channels, True
    depths = {math.ceil(channels / passes / unit) * unit for passes in _DEEP}
    shallow = [depth for depth in sorted(depths, reverse=True) if depth < channels]
    yield from ((depth, False) for depth in shallow)


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


def _work(extents: _Extents, hw: Hardware, config: GemmConfig) -> int:
    """Cycles of an instruction of the matrix unit."""
    steps = math.prod(extents.kernel) * -(-config.depth // hw.depth(extents.precision))
    blocks = -(-min(config.channels, extents.outputs) // hw.columns)
    return steps * blocks * max(config.rows * config.columns, hw.rows)


def _large(extents: _Extents, hw: Hardware, config: GemmConfig, work: int) -> bool:
    """Whether instructions are few, or as large as is worth while, or nearly as large as the accumulators allow."""
    count = math.ceil(extents.high / config.rows) * math.ceil(extents.wide / config.columns)
    count *= math.ceil(extents.outputs * extents.groups / config.channels)
    count *= math.ceil(extents.channels / config.depth)
    steps = math.prod(extents.kernel) * -(-extents.channels // hw.depth(extents.precision))
    return count <= _MANY or work >= min(_LEAST, hw.accumulators // config.slots * steps // 2)


def _room(extents: _Extents, hw: Hardware, config: GemmConfig) -> int:
    """Bytes of the rings of input and weights, roughly."""
    size = {"float32": 4, "bfloat16": 2}.get(extents.precision, 1)
    taps = math.prod(extents.kernel)
    weights = config.depth * taps * -(-config.channels // hw.columns) * hw.columns
    high, wide = (
        (count - 1) * stride + (each - 1) * gap + 1
        for count, stride, each, gap in zip(
            (config.rows, config.columns),
            extents.strides,
            extents.kernel,
            extents.dilation,
            strict=True,
        )
    )
    inputs = high * wide * config.depth * (1 if extents.groups == 1 else extents.groups)
    return size * (weights * config.weight_slots + inputs * config.input_slots)
