"""Softmax: exponentials of what is below the row's largest value, times the reciprocal of their sum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels import rows
from byoc.vendors.npu.kernels.config import Views
from byoc.vendors.npu.kernels.cost import Estimate, record
from byoc.vendors.npu.kernels.rows import Block, RowConfig, Rows, reduced
from byoc.vendors.npu.kernels.tiles import Scratch, fetch, sink, store
from byoc.vendors.npu.kernels.walk import parts
from byoc.vendors.npu.layers import Softmax
from byoc.vendors.npu.pool import Pool


def space(layer: Softmax, hw: Hardware, scratch: int) -> list[RowConfig]:
    """Tiles of powers of two rows, with and without double buffering."""
    return rows.space(layer.x, layer.axis, scratch)


def estimate(layer: Softmax, config: RowConfig, hw: Hardware, views: Views) -> Estimate:
    """Two reductions, an exponential, a product."""
    walk = Rows.of(views[layer.x], views[layer.out], layer.axis, config)
    work = walk.work(3 + hw.special, 5, config, hw)
    return record(replace(work, scratchpad=work.scratchpad + 2 * walk.column), hw)


def emit(
    layer: Softmax, config: RowConfig, views: Views, scratch: Scratch, pool: Pool, hw: Hardware
) -> Iterator[isa.Instruction]:
    """One tile after the other; the result's tile holds the exponentials in between."""
    walk = Rows.of(views[layer.x], views[layer.out], layer.axis, config)
    inputs, results = (scratch.ring(size, config.slots) for size in walk.slots())
    columns = scratch.take(walk.column), scratch.take(walk.column)
    composite = layer.composite
    for part in parts(walk.x.shape, walk.counts):
        tile = yield from fetch(walk.x, part.starts, part.counts, inputs, composite, dense=0)
        out = sink(walk.out, part.starts, part.counts, results)
        yield from _tile(Block.of(tile), Block.of(out), columns, composite)
        yield from store(walk.out, part.starts, out, composite)


def _tile(
    x: Block, out: Block, columns: tuple[int, int], composite: int
) -> Iterator[isa.Instruction]:
    most, sums = (x.column(address) for address in columns)
    yield from reduced(x, most, isa.Reduce.MAX, 1.0, composite)
    yield isa.Vec(
        composite=composite,
        dst=out.operand,
        a=x.operand,
        b=most.repeated,
        op=isa.Binary.SUB,
        act=isa.Act.EXP,
        shape=x.shape,
    )
    yield from reduced(out, sums, isa.Reduce.SUM, 1.0, composite)
    flat = sums.flat
    yield isa.Vec(
        composite=composite,
        dst=flat.operand,
        a=flat.operand,
        act=isa.Act.RECIP,
        shape=flat.shape,
    )
    yield isa.Vec(
        composite=composite,
        dst=out.operand,
        a=out.operand,
        b=sums.repeated,
        op=isa.Binary.MUL,
        shape=x.shape,
    )
