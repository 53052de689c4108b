"""Windows: what pooling and depthwise convolution share: tiles of pixels and channels, and an image's borders.

Where the input is used as it lies in memory, nothing is padded: pixels whose windows have the same part within the
image are done together, with only the taps that are there.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.config import TileConfig
from byoc.vendors.npu.kernels.cost import TileWork, moved
from byoc.vendors.npu.kernels.cut import pieces
from byoc.vendors.npu.kernels.tiles import Ring, fetch
from byoc.vendors.npu.places import View, aligned

NHWC: Final = (0, 2, 3, 1)


@dataclass(frozen=True, slots=True)
class WindowConfig(TileConfig):
    """How windows are cut: tiles of `rows` x `columns` output pixels by `channels` input channels.

    `taps` rows of the window are done at a time, all of them unless a tile has one row of pixels.
    """

    rows: int = 1
    columns: int = 1
    channels: int = 1
    taps: int = 1


class Run(NamedTuple):
    """So `many` neighbouring outputs of one dimension, with the taps from `low` to before `high`."""

    start: int
    many: int
    low: int
    high: int


class Tile(NamedTuple):
    """A tile of the output: an image's, and ranges of input channels, rows and columns."""

    image: int
    channels: range
    rows: range
    columns: range

    @property
    def place(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Where it starts in an output of as many channels as the input, and its shape."""
        starts = (self.image, self.channels.start, self.rows.start, self.columns.start)
        return starts, (1, len(self.channels), len(self.rows), len(self.columns))


@dataclass(frozen=True, slots=True)
class Axis:
    """Windows along one dimension of an image of `extent`: `count` of them, each of `taps` `gap` apart."""

    extent: int
    count: int
    taps: int
    stride: int
    before: int
    gap: int = 1

    def first(self, output: int) -> int:
        """Where a window begins, below 0 in the padding."""
        return output * self.stride - self.before

    def valid(self, output: int) -> tuple[int, int]:
        """The taps of a window that lie in the image: from and to before."""
        first = self.first(output)
        low = max(-(first // self.gap), 0)
        high = min(-(-(self.extent - first) // self.gap), self.taps)
        return low, max(high, low)

    @property
    def empty(self) -> bool:
        """Whether some window lies in the padding altogether."""
        return any(low == high for low, high in map(self.valid, range(self.count)))

    @property
    def padded(self) -> bool:
        """Whether some window is not all in the image."""
        return any(self.valid(output) != (0, self.taps) for output in (0, self.count - 1))

    def runs(self, outputs: range, *, clip: bool) -> list[Run]:
        """`outputs` by the taps that they need: with `clip` those within the image, otherwise all."""
        found: list[Run] = []
        for output in outputs:
            low, high = self.valid(output) if clip else (0, self.taps)
            if found and found[-1][2:] == (low, high):
                found[-1] = found[-1]._replace(many=found[-1].many + 1)
            else:
                found.append(Run(output, 1, low, high))
        return found

    def reach(self, outputs: range, taps: range, *, clip: bool) -> range:
        """The places of the image on which `outputs` depend with `taps`; with `clip` those that exist."""
        start = self.first(outputs.start) + taps.start * self.gap
        stop = self.first(outputs[-1]) + (taps.stop - 1) * self.gap + 1
        if clip:
            start, stop = max(start, 0), min(stop, self.extent)
        return range(start, max(stop, start))

    def most(self, outputs: int, taps: int, *, clip: bool) -> int:
        """How many places so many outputs depend on at most."""
        every = (outputs - 1) * self.stride + (taps - 1) * self.gap + 1
        return min(every, self.extent) if clip else every


@dataclass(frozen=True, slots=True)
class Rect:
    """Pixels of a tile that need the same taps; `acc` is their first accumulator row, counted from the block's."""

    rows: Run
    columns: Run
    acc: int

    @property
    def pixels(self) -> int:
        """Accumulator rows for as many channels as the matrix unit has columns."""
        return self.rows.many * self.columns.many

    @property
    def taps(self) -> int:
        """Elements of each window."""
        return (self.rows.high - self.rows.low) * (self.columns.high - self.columns.low)


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows over `x` (N, C, H, W), cut by `config`.

    With `clip` only what lies in the image is fetched and walked; otherwise the padding is fetched as well.
    """

    x: View
    down: Axis
    right: Axis
    config: WindowConfig
    clip: bool

    def tiles(self) -> Iterator[Tile]:
        """All tiles, those of the same channels after each other."""
        config = self.config
        for channels in pieces(self.x.shape[1], config.channels):
            for image in range(self.x.shape[0]):
                for rows in pieces(self.down.count, config.rows):
                    for columns in pieces(self.right.count, config.columns):
                        yield Tile(image, channels, rows, columns)

    @property
    def count(self) -> int:
        """How many tiles there are."""
        config, (images, channels, _, _) = self.config, self.x.shape
        planes = images * -(-channels // config.channels)
        return planes * -(-self.down.count // config.rows) * -(-self.right.count // config.columns)

    def passes(self) -> list[range]:
        """The rows of the window that are done at a time."""
        return list(pieces(self.down.taps, self.config.taps))

    @property
    def inside(self) -> bool:
        """Whether the input is used where it is."""
        return self.clip and lies_ready(self.x)

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns of the input that a tile depends on at most, in one pass."""
        config, clip = self.config, self.clip
        high = self.down.most(config.rows, config.taps, clip=clip)
        return high, self.right.most(config.columns, self.right.taps, clip=clip)

    @property
    def slot(self) -> int:
        """Bytes of a tile of the input, none where it is used where it is."""
        high, wide = self.reach
        size = high * wide * self.config.channels * self.x.dtype.bytes
        return 0 if self.inside else aligned(size)

    def blocks(self, tile: Tile, hw: Hardware) -> list[list[Rect]]:
        """The tile's pixels, in blocks that half of the accumulators have room for."""
        deep = -(-len(tile.channels) // hw.columns)
        room = hw.accumulators // 2
        found: list[list[Rect]] = [[]]
        used = 0
        for down in self.down.runs(tile.rows, clip=self.clip):
            for right in self.right.runs(tile.columns, clip=self.clip):
                for rows in _split(down, room // (right.many * deep)):
                    need = rows.many * right.many * deep
                    if used + need > room:
                        found.append([])
                        used = 0
                    found[-1].append(Rect(rows, right, used))
                    used += need
        return found

    def source(
        self, tile: Tile, taps: range, ring: Ring, composite: int, fill: int
    ) -> Generator[isa.Instruction, None, Source | None]:
        """Fetch what a tile needs in a pass; None where that is nothing."""
        rows = self.down.reach(tile.rows, taps, clip=self.clip)
        columns = self.right.reach(tile.columns, range(self.right.taps), clip=self.clip)
        if not rows or not columns:
            return None
        starts = (tile.image, tile.channels.start, rows.start, columns.start)
        counts = (1, len(tile.channels), len(rows), len(columns))
        view = yield from fetch(self.x, starts, counts, ring, composite, order=NHWC, fill=fill)
        return Source(view, rows.start, columns.start)

    def wins(self, rect: Rect, taps: range, source: Source, given: isa.Win) -> Iterator[isa.Win]:
        """The instructions of a pass over `rect`: `given`, completed, with `b` at the first tap of all.

        Taps of one instruction stand `bk` bytes apart, so part of a row of weights is one for itself.
        """
        low, high = max(rect.rows.low, taps.start), min(rect.rows.high, taps.stop)
        left, right = rect.columns.low, rect.columns.high
        row, pixel = source.view.strides[2:]
        whole = (left, right) == (0, self.right.taps) or given.op is not isa.Window.MAC
        top = self.down.first(rect.rows.start) - source.row
        side = self.right.first(rect.columns.start) - source.column + left * self.right.gap
        keep = given.keep or low > rect.rows.low
        for first, last in [(low, high)] if whole else [(k, k + 1) for k in range(low, high)]:
            place = (top + first * self.down.gap) * row + side * pixel
            weights = given.b.base + (first * self.right.taps + left) * given.bk
            if first >= last:
                return
            yield replace(
                given,
                acc=isa.At(isa.Space.ACC, given.acc.base + rect.acc),
                accn=rect.pixels,
                a=isa.At(isa.Space.SP, source.view.offset + place),
                b=replace(given.b, base=weights) if given.op is isa.Window.MAC else given.b,
                dtype_a=self.x.dtype,
                m1=rect.rows.many,
                m0=rect.columns.many,
                k2=last - first,
                k1=right - left,
                channels=source.view.shape[1],
                am1=self.down.stride * row,
                am0=self.right.stride * pixel,
                ak2=self.down.gap * row,
                ak1=self.right.gap * pixel,
                keep=keep or first > low,
            )

    def work(self, out: View, extra: int, hw: Hardware) -> TileWork:
        """What all tiles take; `extra` operations of the vector unit for each element besides the taps."""
        config, taps = self.config, self.down.taps * self.right.taps
        images, channels, _, _ = self.x.shape
        steps = sum(-(-len(each) // hw.lanes) for each in pieces(channels, config.channels))
        pixels = images * self.down.count * self.right.count
        passes = -(-self.down.taps // config.taps)
        high, wide = self.reach
        counts = (1, config.channels, high, wide)
        outside = self.x.space is not isa.Space.SP
        load = moved(self.x, counts, hw) * self.count * passes
        elements = high * wide * config.channels
        store = moved(out, (1, config.channels, config.rows, config.columns), hw) * self.count
        copies = 0 if outside or self.inside else -(-elements // hw.lanes) * self.count * passes
        return TileWork(
            tiles=self.count,
            slots=config.slots,
            vector=pixels * steps * (taps + extra) + copies,
            bytes_in=load if outside else 0,
            bytes_out=0 if out.space is isa.Space.SP else store,
            load=elements // hw.banks * self.count * passes if outside else 0,
            macs=pixels * channels * taps,
            scratchpad=self.slot * config.slots,
            accumulators=2 * config.columns * -(-config.channels // hw.columns),
            chain=2,
        )


class Source(NamedTuple):
    """A tile of the input, and the row and column of the image where it begins."""

    view: View
    row: int
    column: int


def _split(run: Run, most: int) -> Iterator[Run]:
    """A run in pieces of at most `most`."""
    for each in pieces(run.many, max(most, 1)):
        yield run._replace(start=run.start + each.start, many=len(each))


def lies_ready(x: View) -> bool:
    """Whether channels lie side by side in the scratchpad."""
    adjacent = x.shape[1] == 1 or x.strides[1] == x.dtype.bytes
    return x.space is isa.Space.SP and adjacent


def pixels(tile: Tile, view: View, rect: Rect) -> View:
    """The pixels of `rect` in a tile of the output, as the vector unit walks them: rows, columns, channels."""
    starts = (0, 0, rect.rows.start - tile.rows.start, rect.columns.start - tile.columns.start)
    shape = (1, view.shape[1], rect.rows.many, rect.columns.many)
    part = view.slice(starts, shape).permute(NHWC)
    return replace(part, shape=part.shape[1:], strides=part.strides[1:])


def sums(rect: Rect, base: int, dtype: isa.Dtype, scale: float) -> isa.Operand:
    """What accumulators hold of `rect`, from `base` on, of inputs of `dtype`."""
    kind = isa.Dtype.S32 if dtype.bytes == 1 else isa.Dtype.F32
    at = isa.At(isa.Space.ACC, base + rect.acc)
    return isa.Operand(at, kind, (rect.columns.many, 1, rect.pixels), scale)


def space(shape: tuple[int, ...], taps: int, hw: Hardware, scratch: int) -> list[WindowConfig]:
    """Configurations for an output of `shape` (N, input channels, OH, OW) and windows of `taps` rows."""
    _, channels, high, wide = shape
    found = []
    for width in _halved(channels, hw.columns):
        for columns in _halved(wide, 1):
            for rows in _halved(high, 1) if columns == wide else [1]:
                for some in _halved(taps, 1) if (rows, columns) == (1, wide) else [taps]:
                    found += [WindowConfig(s, rows, columns, width, some) for s in (1, 2)]
    room = hw.accumulators // 2
    return [
        each
        for each in found
        if each.columns * -(-each.channels // hw.columns) <= room
        and each.rows * each.columns * each.channels <= scratch
    ]


def _halved(extent: int, least: int) -> list[int]:
    """`extent`, and powers of two times `least` below it, the largest first."""
    sizes = [least << power for power in range(31) if least << power < extent]
    return [extent, *reversed(sizes)]
