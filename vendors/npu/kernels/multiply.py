"""Products as instructions: implicit GEMM over tiles of pixels and output channels.

For each tile the matrix unit sums all passes into one half of the accumulators, then the vector unit brings the
result to its type and place while the matrix unit works in the other half. The vector unit's part is told after the
next tile's first instruction, so that the matrix unit has it when it is done with this tile.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from byoc.vendors.npu import isa
from byoc.vendors.npu.kernels.cut import Cut, Pixels, Segment
from byoc.vendors.npu.kernels.packing import packed, vectors
from byoc.vendors.npu.kernels.product import Bank, Batch, Weights
from byoc.vendors.npu.kernels.tiles import (
    Fetch,
    Ring,
    Scratch,
    bring,
    fetch,
    operand,
    sink,
    store,
)
from byoc.vendors.npu.places import View

if TYPE_CHECKING:
    from byoc.vendors.npu.pool import Pool

NHWC = (0, 2, 3, 1)


@dataclass(frozen=True, slots=True)
class _Job:
    """A tile of the output: pixels and output channels of one bank."""

    batch: Batch
    bank: Bank
    pixels: Pixels
    segments: list[Segment]


def emit(cut: Cut, scratch: Scratch, pool: Pool) -> Iterator[isa.Instruction]:
    """The instructions of the whole product. Raises MisfitError when `scratch` is too small for the cut."""
    kernel = _Kernel(cut, scratch, pool)
    waiting: Iterator[isa.Instruction] = iter(())
    for number, job in enumerate(_jobs(cut)):
        acc = number % cut.config.slots * (cut.hw.accumulators // cut.config.slots)
        ready = yield from kernel.multiplied(job, acc, waiting)
        waiting = kernel.drained(job, acc, *ready)
        if cut.config.slots == 1:
            yield from waiting
            waiting = iter(())
    yield from waiting


def _jobs(cut: Cut) -> Iterator[_Job]:
    """The tiles in the order in which they are made: the operand that stays is the outer loop's."""
    for batch in cut.product.batches:
        outputs = [(bank, segments) for bank in batch.banks for segments in cut.segments]
        if cut.config.order == "weight":
            yield from (_Job(batch, b, p, s) for b, s in outputs for p in cut.pixels())
        else:
            yield from (_Job(batch, b, p, s) for p in cut.pixels() for b, s in outputs)


class _Kernel:
    """The rings of one product, and what is done with them."""

    def __init__(self, cut: Cut, scratch: Scratch, pool: Pool) -> None:
        self.cut, self.pool, config = cut, pool, cut.config
        self.composite = cut.product.composite
        self.inputs = scratch.ring(cut.input_bytes, config.input_slots)
        self.weights = scratch.ring(cut.weight_bytes, config.weight_slots)
        self.vectors = scratch.ring(cut.vector_bytes, 1 if cut.whole else config.slots)
        self.others = scratch.ring(cut.other_bytes, config.slots)
        self.results = scratch.ring(cut.out_bytes, config.slots)
        self.places: dict[tuple[int, range, Segment], int] = {}
        self.vector_places: dict[range, tuple[int, int]] = {}

    def multiplied(
        self, job: _Job, acc: int, waiting: Iterator[isa.Instruction]
    ) -> Generator[isa.Instruction, None, tuple[View | None, int]]:
        """Sum all passes of a tile at `acc`; `waiting` goes behind the first. Returns `drained`'s operands."""
        for index, depths in enumerate(self.cut.passes):
            a = yield from self._input(job, depths)
            b = yield from self._weights(job, depths)
            if index == 0:
                other = yield from self._other(job)
                vector = yield from self._vectors(job)
            yield from self._products(job, acc, depths, a, b, index > 0)
            yield from waiting
        return other, vector

    def drained(
        self, job: _Job, acc: int, other: View | None, vector: int
    ) -> Iterator[isa.Instruction]:
        """Bring a tile's sums to their type and place."""
        channels, pixels = self.cut.channels(job.segments), job.pixels
        starts = (pixels.image, channels.start, pixels.row, pixels.column)
        counts = (1, len(channels), pixels.rows, pixels.columns)
        tile = sink(job.bank.out, starts, counts, self.results, order=NHWC)
        for block, segment in self._runs(job.segments):
            start, count = segment.start, segment.size
            base = acc + block * pixels.area
            yield self._drain(pixels, base, vector, start, count, channels.start, tile, other)
        yield from store(job.bank.out, starts, tile, self.composite, order=NHWC)

    def _runs(self, segments: list[Segment]) -> Iterator[tuple[int, Segment]]:
        """First block, and output channels (counted in the tile), of what one vector instruction takes."""
        columns = self.cut.hw.columns
        sizes = [each.size for each in segments]
        if all(size % columns == 0 for size in sizes[:-1]):
            yield 0, Segment(0, 0, sum(sizes))
            return
        block = start = 0
        for size in sizes:
            yield block, Segment(0, start, size)
            block, start = block - (-size // columns), start + size

    def _drain(
        self,
        pixels: Pixels,
        base: int,
        vector: int,
        start: int,
        count: int,
        first: int,
        tile: View,
        other: View | None,
    ) -> isa.Vec:
        cut, product, epilogue = self.cut, self.cut.product, self.cut.product.epilogue
        eight_bit = product.dtype_a.bytes == 1
        sums = isa.Operand(
            isa.At(isa.Space.ACC, base),
            isa.Dtype.S32 if eight_bit else isa.Dtype.F32,
            (pixels.columns, 1, pixels.area),
            epilogue.scale,
        )
        length = product.groups * product.outputs if cut.whole else tile.shape[1]
        place = vector + 4 * (start + (first if cut.whole else 0))
        nowhere = isa.At(isa.Space.NONE, 0)
        mult = bias = nowhere
        if epilogue.mult is not None:
            mult, place = isa.At(isa.Space.SP, place), place + 4 * length
        if epilogue.bias is not None:
            bias = isa.At(isa.Space.SP, place)
        second = isa.NOWHERE
        if other is not None and product.other is not None:
            second = operand(_lanes(other, start, count), product.other.quant)
        return isa.Vec(
            composite=self.composite,
            dst=operand(_lanes(tile, start, count), product.out.quant),
            a=sums,
            b=second,
            mult=mult,
            bias=bias,
            op=epilogue.op,
            act=epilogue.act,
            p=epilogue.p,
            q=epilogue.q,
            shape=(pixels.rows, pixels.columns, count),
        )

    def _products(
        self, job: _Job, acc: int, depths: range, a: View, b: int, keep: bool
    ) -> Iterator[isa.Mm]:
        cut, product, pixels = self.cut, self.cut.product, job.pixels
        k2, k1, k0 = cut.taps(len(depths))
        size = k2 * k1 * k0 * cut.hw.columns * product.dtype_b.bytes
        down, right = product.strides
        block = 0
        for group, _, count in job.segments:
            skip = group * product.channels if product.groups > 1 else 0
            yield isa.Mm(
                composite=self.composite,
                acc=isa.At(isa.Space.ACC, acc + block * pixels.area),
                accn=pixels.area,
                a=isa.At(isa.Space.SP, a.offset + skip * a.strides[1]),
                b=isa.At(isa.Space.SP, b + block * size),
                bn=size,
                dtype_a=product.dtype_a,
                dtype_b=product.dtype_b,
                zero_a=product.zero_a,
                zero_b=product.zero_b,
                m1=pixels.rows,
                m0=pixels.columns,
                n=count,
                k2=k2,
                k1=k1,
                k0=k0,
                am1=a.strides[2] * (1 if cut.config.folded else down),
                am0=a.strides[3] * right,
                ak2=a.strides[2] * product.dilation[0],
                ak1=a.strides[3] * product.dilation[1],
                keep=keep,
            )
            block -= -count // cut.hw.columns

    def _input(self, job: _Job, depths: range) -> Fetch:
        """The input that a tile depends on: (1, channels, height, width), channels side by side."""
        if self.cut.config.folded:
            return (yield from self._folded(job))
        product, pixels = self.cut.product, job.pixels
        first, count = (
            (0, job.batch.x.shape[1]) if product.groups > 1 else (depths.start, len(depths))
        )
        top, left = self._corner(pixels)
        return (
            yield from fetch(
                job.batch.x,
                (pixels.image, first, top, left),
                (1, count, *self.cut.reach(pixels.rows, pixels.columns)),
                self.inputs,
                self.composite,
                order=NHWC,
                fill=product.zero_a & 0xFF,
                dense=2 if self.cut.joint else 1,
            )
        )

    def _corner(self, pixels: Pixels) -> tuple[int, int]:
        """Row and column of the input where a tile's begins, below 0 in the padding."""
        (down, right), (top, left) = self.cut.product.strides, self.cut.product.padding
        return pixels.row * down - top, pixels.column * right - left

    def _folded(self, job: _Job) -> Fetch:
        """As `_input`, but for each output row all rows of the kernel: (1, channels of all of them, rows, width).

        In memory: output row, column, row of the kernel, channel. Rows that touch the padding come one by one.
        """
        product, pixels, x = self.cut.product, job.pixels, job.batch.x
        top, left = self._corner(pixels)
        high, wide = product.kernel[0], self.cut.reach(1, pixels.columns)[1]
        counts = (1, x.shape[1] * high, pixels.rows, wide)
        key = (x, pixels)
        held = self.inputs.find(key)
        address = self.inputs.take(key) if held is None else held
        tile = View.dense(isa.Space.SP, address, counts, x.dtype, order=NHWC)
        if held is None:
            yield from self._brought(x, pixels, top, left, tile, high)
        return tile

    def _brought(
        self, x: View, pixels: Pixels, top: int, left: int, tile: View, high: int
    ) -> Iterator[isa.Instruction]:
        """Fill the tile of `_folded`: rows inside the image at once, through a view in which they overlap."""
        down = self.cut.product.strides[0]
        fill, wide = self.cut.product.zero_a & 0xFF, tile.shape[3]
        rows = [top + i * down for i in range(pixels.rows)]
        inside = [i for i, row in enumerate(rows) if row >= 0 and row + high <= x.shape[2]]
        for i, row in enumerate(rows):
            if i in inside:
                continue
            shape = (1, x.shape[1], high, wide)
            place = tile.offset + i * tile.strides[2]
            part = View.dense(isa.Space.SP, place, shape, x.dtype, order=(0, 3, 2, 1))
            starts = (pixels.image, 0, row, left)
            yield from bring(x, starts, part, self.composite, order=(0, 3, 2, 1), fill=fill)
        if not inside:
            return
        yield from self._inner(x, rows, inside, (pixels.image, left), tile, fill)

    def _inner(
        self,
        x: View,
        rows: list[int],
        inside: list[int],
        corner: tuple[int, int],
        tile: View,
        fill: int,
    ) -> Iterator[isa.Instruction]:
        """The output rows `inside` of `rows`, whose first input rows these are."""
        (image, left), high = corner, self.cut.product.kernel[0]
        images, depth, _, extent = x.shape
        one, channels, down, right = x.strides
        strides = (one, channels, down * self.cut.product.strides[0], down, right)
        shape = (images, depth, len(inside), high, extent)
        offset = x.offset + rows[inside[0]] * down
        steep = View(x.space, x.index, offset, shape, strides, x.dtype)
        place, order = tile.offset + inside[0] * tile.strides[2], (0, 2, 4, 3, 1)
        counts = (1, depth, len(inside), high, tile.shape[3])
        part = View.dense(isa.Space.SP, place, counts, x.dtype, order=order)
        yield from bring(
            steep, (image, 0, 0, 0, left), part, self.composite, order=order, fill=fill
        )

    def _weights(self, job: _Job, depths: range) -> Generator[isa.Instruction, None, int]:
        """The address of the packed second operand."""
        if isinstance(job.bank.weight, View):
            return (yield from self._packed(job.bank.weight, job.segments[0], depths))
        offset = self._place(job.bank.weight, job.segments, depths)
        k2, k1, k0 = self.cut.taps(len(depths))
        size = self.cut.blocks(job.segments) * k2 * k1 * k0 * self.cut.hw.columns
        dtype = self.cut.product.dtype_b
        return (yield from self._constant(offset, size, dtype, self.weights))

    def _place(self, weights: Weights, segments: list[Segment], depths: range) -> int:
        """Where a tile's weights stand in the pool."""
        key = (id(weights), depths, segments[0])
        if key not in self.places:
            cut = self.cut
            data = packed(weights, segments, depths, cut.hw.columns, cut.config.folded)
            self.places[key] = self.pool.add(data)
        return self.places[key]

    def _constant(
        self, offset: int, size: int, dtype: isa.Dtype, ring: Ring
    ) -> Generator[isa.Instruction, None, int]:
        view = View.dense(isa.Space.CONST, offset, (size,), dtype)
        tile = yield from fetch(view, (0,), (size,), ring, self.composite)
        return tile.offset

    def _packed(
        self, view: View, segment: Segment, depths: range
    ) -> Generator[isa.Instruction, None, int]:
        """Bring a part of a view (K, N) into blocks of the matrix unit's columns."""
        key = (view, segment, depths)
        held = self.weights.find(key)
        if held is not None:
            return held
        address, columns, k = self.weights.take(key), self.cut.hw.columns, len(depths)
        full, rest = divmod(segment.size, columns)
        down, right = view.strides
        offset = view.offset + depths.start * down + segment.start * right
        place = View.dense(isa.Space.SP, address, (full + 1, k, columns), view.dtype)
        source = View(
            view.space,
            view.index,
            offset,
            (full + 1, k, columns),
            (columns * right, down, right),
            view.dtype,
        )
        parts = [((0, 0, 0), (full, k, columns)), ((full, 0, 0), (1, k, rest))]
        for starts, shape in parts:
            if 0 not in shape:
                tile = place.slice(starts, shape)
                yield from bring(source, starts, tile, self.composite)
        return address

    def _other(self, job: _Job) -> Generator[isa.Instruction, None, View | None]:
        other, pixels = job.bank.other, job.pixels
        if other is None:
            return None
        channels = self.cut.channels(job.segments)
        starts = (pixels.image, channels.start, pixels.row, pixels.column)
        counts = (1, len(channels), pixels.rows, pixels.columns)
        return (
            yield from fetch(
                other, starts, counts, self.others, self.composite, order=NHWC, dense=0
            )
        )

    def _vectors(self, job: _Job) -> Generator[isa.Instruction, None, int]:
        """The address of mult and bias, of all channels or of the tile's."""
        if not self.cut.vector_bytes:
            return 0
        product = self.cut.product
        every = range(product.groups * product.outputs)
        channels = every if self.cut.whole else self.cut.channels(job.segments)
        if channels not in self.vector_places:
            data = vectors(product.epilogue, channels)
            self.vector_places[channels] = self.pool.add(data), len(data) // 4
        offset, count = self.vector_places[channels]
        return (yield from self._constant(offset, count, isa.Dtype.F32, self.vectors))


def _lanes(tile: View, start: int, count: int) -> View:
    """Channels of a tile (1, channels, rows, columns) as the vector unit walks them: (rows, columns, channels)."""
    _, _, rows, columns = tile.shape
    part = tile.slice((0, start, 0, 0), (1, count, rows, columns)).permute(NHWC)
    return View(part.space, part.index, part.offset, part.shape[1:], part.strides[1:], part.dtype)
