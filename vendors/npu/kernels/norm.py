"""Layer normalisation: the mean, what is left, its mean square, and the rest by its reciprocal root."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels import rows
from byoc.vendors.npu.kernels.config import Views
from byoc.vendors.npu.kernels.cost import Estimate, record
from byoc.vendors.npu.kernels.rows import Block, RowConfig, Rows, reduced
from byoc.vendors.npu.kernels.tiles import Scratch, fetch, sink, store
from byoc.vendors.npu.kernels.walk import parts
from byoc.vendors.npu.layers import Norm
from byoc.vendors.npu.places import View, aligned
from byoc.vendors.npu.pool import Pool


def space(layer: Norm, hw: Hardware, scratch: int) -> list[RowConfig]:
    """Tiles of powers of two rows, with and without double buffering."""
    return rows.space(layer.x, len(layer.x.shape) - 1, scratch)


def estimate(layer: Norm, config: RowConfig, hw: Hardware, views: Views) -> Estimate:
    """Two reductions, and three passes over the elements."""
    walk = _rows(layer, config, views)
    work = walk.work(5, 6, config, hw)
    room = 2 * walk.column + _between(walk) + 2 * aligned(4 * walk.counts[-1])
    return record(replace(work, scratchpad=work.scratchpad + room), hw)


def emit(
    layer: Norm, config: RowConfig, views: Views, scratch: Scratch, pool: Pool, hw: Hardware
) -> Iterator[isa.Instruction]:
    """One tile after the other, the float32 in between in a place of its own; gamma and beta are loaded first."""
    walk = _rows(layer, config, views)
    inputs, results = (scratch.ring(size, config.slots) for size in walk.slots())
    columns = scratch.take(walk.column), scratch.take(walk.column)
    between, composite = scratch.take(_between(walk)), layer.composite
    vectors = []
    for each in (layer.gamma, layer.beta):
        offset = pool.add(each.astype("<f4").tobytes())
        view = View.dense(isa.Space.CONST, offset, (each.size,), isa.Dtype.F32)
        ring = scratch.ring(4 * each.size, 1)
        vectors.append((yield from fetch(view, (0,), view.shape, ring, composite)).at)
    for part in parts(walk.x.shape, walk.counts):
        tile = yield from fetch(walk.x, part.starts, part.counts, inputs, composite, dense=0)
        out = sink(walk.out, part.starts, part.counts, results)
        middle = View.dense(isa.Space.SP, between, part.counts, isa.Dtype.F32)
        one = _Tile(layer, Block.of(tile, layer.x.quant), Block.of(middle))
        yield from one.centred(columns)
        yield from one.scaled(columns, Block.of(out, layer.out.quant), vectors[0], vectors[1])
        yield from store(walk.out, part.starts, out, composite)


def _rows(layer: Norm, config: RowConfig, views: Views) -> Rows:
    return Rows.of(views[layer.x], views[layer.out], len(layer.x.shape) - 1, config)


def _between(walk: Rows) -> int:
    return aligned(4 * walk.rows * walk.counts[-1])


@dataclass(frozen=True, slots=True)
class _Tile:
    layer: Norm
    x: Block
    middle: Block

    def centred(self, columns: tuple[int, int]) -> Iterator[isa.Instruction]:
        """What is left of x without its mean, and the reciprocal of its deviation in the second column."""
        composite, share = self.layer.composite, 1 / self.x.shape[2]
        mean, spread = (self.x.column(address) for address in columns)
        yield from reduced(self.x, mean, isa.Reduce.SUM, share, composite)
        yield isa.Vec(
            composite=composite,
            dst=self.middle.operand,
            a=self.x.operand,
            b=mean.repeated,
            op=isa.Binary.SUB,
            shape=self.x.shape,
        )
        yield from reduced(self.middle, spread, isa.Reduce.SQUARES, share, composite)
        flat = spread.flat
        yield isa.Vec(
            composite=composite,
            dst=flat.operand,
            a=flat.operand,
            act=isa.Act.RSQRT,
            p=self.layer.epsilon,
            shape=flat.shape,
        )

    def scaled(
        self, columns: tuple[int, int], out: Block, gamma: isa.At, beta: isa.At
    ) -> Iterator[isa.Instruction]:
        """Times the reciprocal, then gamma and beta."""
        spread = self.x.column(columns[1])
        yield isa.Vec(
            composite=self.layer.composite,
            dst=self.middle.operand,
            a=self.middle.operand,
            b=spread.repeated,
            op=isa.Binary.MUL,
            shape=self.x.shape,
        )
        yield isa.Vec(
            composite=self.layer.composite,
            dst=out.operand,
            a=self.middle.operand,
            mult=gamma,
            bias=beta,
            shape=self.x.shape,
        )
