"""Cuts: a product's tiles under a configuration, and the room that they take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.config import GemmConfig
from byoc.vendors.npu.kernels.product import Product
from byoc.vendors.npu.places import aligned

WHOLE: Final = 16384
"""Bytes up to which the epilogue's vectors are loaded at once for all output channels."""


class Segment(NamedTuple):
    """`size` outputs from `start` on of one group: what one instruction of the matrix unit makes."""

    group: int
    start: int
    size: int


class Width(NamedTuple):
    """How many tiles of output channels take so many blocks and channels."""

    tiles: int
    blocks: int
    channels: int


class Pixels(NamedTuple):
    """A rectangle of output pixels of one image."""

    image: int
    row: int
    rows: int
    column: int
    columns: int

    @property
    def area(self) -> int:
        """Rows of the accumulator that a block takes."""
        return self.rows * self.columns


@dataclass(frozen=True)
class Cut:
    """`product` cut by `config` for `hw`."""

    product: Product
    config: GemmConfig
    hw: Hardware

    @cached_property
    def joint(self) -> bool:
        """Whether the columns of the kernel and the channels are walked as one run, which saves steps."""
        product, (_, wide) = self.product, self.product.kernel
        if product.groups > 1 or product.dilation[1] > 1 or self.config.depth < product.channels:
            return False
        depth = self.hw.depth(product.precision)
        return -(-wide * product.channels // depth) < wide * -(-product.channels // depth)

    @property
    def passes(self) -> list[range]:
        """The input channels of each pass."""
        return list(pieces(self.product.channels, self.config.depth))

    @cached_property
    def rounds(self) -> int:
        """How many passes there are."""
        return -(-self.product.channels // self.config.depth)

    def taps(self, channels: int) -> tuple[int, int, int]:
        """k2, k1 and k0 of the matrix unit for a pass of so many channels."""
        high, wide = self.product.kernel
        if self.config.folded:
            return 1, 1, high * wide * channels
        return (high, 1, wide * channels) if self.joint else (high, wide, channels)

    @cached_property
    def steps(self) -> int:
        """Steps of the matrix unit for a block of outputs, all passes together."""
        full, rest = divmod(self.product.channels, self.config.depth)
        return full * self._steps(self.config.depth) + (self._steps(rest) if rest else 0)

    def _steps(self, channels: int) -> int:
        k2, k1, k0 = self.taps(channels)
        return k2 * k1 * -(-k0 // self.hw.depth(self.product.precision))

    def reach(self, rows: int, columns: int) -> tuple[int, int]:
        """Height and width of the input that so many output rows and columns depend on."""
        (high, wide), (down, right) = self.product.kernel, self.product.strides
        below, beside = self.product.dilation
        return (rows - 1) * down + (high - 1) * below + 1, (columns - 1) * right + (
            wide - 1
        ) * beside + 1

    @cached_property
    def segments(self) -> list[list[Segment]]:
        """The tiles of output channels, each as its segments."""
        product, width = self.product, self.config.channels
        if width < product.outputs:
            return [
                [Segment(group, each.start, len(each))]
                for group in range(product.groups)
                for each in pieces(product.outputs, width)
            ]
        whole = [Segment(group, 0, product.outputs) for group in range(product.groups)]
        return [
            whole[each.start : each.stop] for each in pieces(len(whole), width // product.outputs)
        ]

    def channels(self, segments: list[Segment]) -> range:
        """The output channels of a tile, counted through all groups."""
        start = segments[0].group * self.product.outputs + segments[0].start
        return range(start, start + sum(each.size for each in segments))

    def blocks(self, segments: list[Segment]) -> int:
        """Blocks of the matrix unit's columns that a tile takes, each segment starting a new one."""
        return sum(-(-each.size // self.hw.columns) for each in segments)

    @cached_property
    def widths(self) -> tuple[Width, ...]:
        """The tiles of output channels by size: full ones, and what remains."""
        product = self.product
        return _widths(product.outputs, product.groups, self.config.channels, self.hw.columns)

    @cached_property
    def most(self) -> tuple[int, int]:
        """Rows and columns of the largest tile."""
        _, high, wide = self.product.pixels
        return min(self.config.rows, high), min(self.config.columns, wide)

    @property
    def area(self) -> int:
        """Pixels of the largest tile."""
        rows, columns = self.most
        return rows * columns

    @cached_property
    def widest(self) -> int:
        """Output channels of the largest tile."""
        return self.widths[0].channels

    @cached_property
    def most_blocks(self) -> int:
        """Blocks of the largest tile."""
        return self.widths[0].blocks

    def pixels(self) -> Iterator[Pixels]:
        """The tiles of pixels, in order."""
        images, high, wide = self.product.pixels
        for image in range(images):
            for down in pieces(high, self.config.rows):
                for right in pieces(wide, self.config.columns):
                    yield Pixels(image, down.start, len(down), right.start, len(right))

    @cached_property
    def inside(self) -> bool:
        """Whether the input is used where it is: in the scratchpad, with nothing beyond its edges."""
        x, product, size = self.product.x, self.product, self.product.dtype_a.bytes
        if x.space is not isa.Space.SP or x.strides[1] not in (0, size) or self.config.folded:
            return False
        if self.joint and x.strides[3] != product.channels * size:
            return False
        _, high, wide = product.pixels
        reach = self.reach(high, wide)
        return not any(product.padding) and reach[0] <= x.shape[2] and reach[1] <= x.shape[3]

    @cached_property
    def input_bytes(self) -> int:
        """A slot of the input's ring."""
        if self.inside:
            return 0
        product, config = self.product, self.config
        rows, columns = self.most
        high, wide = self.reach(rows, columns)
        if config.folded:
            high = rows * product.kernel[0]
        channels = product.x.shape[1] if product.groups > 1 else min(config.depth, product.channels)
        return aligned(high * wide * channels * product.dtype_a.bytes)

    @cached_property
    def weight_bytes(self) -> int:
        """A slot of the ring of weights."""
        high, wide = self.product.kernel
        row = self.hw.columns * self.product.dtype_b.bytes
        depth = min(self.config.depth, self.product.channels)
        return aligned(self.most_blocks * high * wide * depth * row)

    @cached_property
    def out_bytes(self) -> int:
        """A slot of the output's ring, none where the output lies in the scratchpad."""
        return self._tile(self.product.bank.out.space, self.product.out.dtype.bytes)

    @cached_property
    def other_bytes(self) -> int:
        """A slot of the ring of the epilogue's second operand."""
        other = self.product.bank.other
        return 0 if other is None else self._tile(other.space, other.dtype.bytes)

    def _tile(self, space: isa.Space, size: int) -> int:
        if space is isa.Space.SP:
            return 0
        return aligned(self.area * self.widest * size)

    @property
    def whole(self) -> bool:
        """Whether the epilogue's vectors are loaded once."""
        return self._vectors * self.product.groups * self.product.outputs <= WHOLE

    @cached_property
    def vector_bytes(self) -> int:
        """A slot of the ring of the epilogue's vectors."""
        total = self.product.groups * self.product.outputs
        return aligned(self._vectors * (total if self.whole else self.widest))

    @property
    def _vectors(self) -> int:
        epilogue = self.product.epilogue
        return 4 * ((epilogue.mult is not None) + (epilogue.bias is not None))

    @property
    def rows(self) -> int:
        """Accumulator rows of a tile."""
        return self.most_blocks * self.area

    @cached_property
    def scratch(self) -> int:
        """Bytes of the scratchpad in all."""
        config = self.config
        vectors = self.vector_bytes * (1 if self.whole else config.slots)
        slots = (self.out_bytes + self.other_bytes) * config.slots
        inputs = self.input_bytes * config.input_slots
        return inputs + self.weight_bytes * config.weight_slots + slots + vectors


@lru_cache(maxsize=4096)
def _widths(outputs: int, groups: int, width: int, columns: int) -> tuple[Width, ...]:
    if width < outputs:
        full, rest = divmod(outputs, width)
        found = (
            Width(groups * full, -(-width // columns), width),
            Width(groups, -(-rest // columns), rest),
        )
    else:
        each, most = -(-outputs // columns), width // outputs
        full, rest = divmod(groups, most)
        found = (
            Width(full, most * each, most * outputs),
            Width(1, rest * each, rest * outputs),
        )
    return tuple(each for each in found if each.tiles and each.channels)


def pieces(total: int, width: int) -> Iterator[range]:
    """0 to `total` in ranges of `width`, the last one shorter where it does not divide."""
    for start in range(0, total, width):
        yield range(start, min(start + width, total))
