"""Pooling: the largest value or the average of windows and planes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from byoc.vendors.npu.isa import Window
from byoc.vendors.npu.layers import Layer, Pool, Tensor
from byoc.vendors.npu.lower.op import Lowering, Op
from byoc.vendors.npu.lower.values import Pending, Value


def max_pool2d(op: Op) -> Value:
    """nn.max_pool2d in NCHW; of 8-bit numbers, with their meaning."""
    x = op.tensor(0)
    out = op.builder.tensor(op.var, op.shape, x.dtype, x.quant)
    op.builder.add([_pool(op, x, out, Window.MAX)])
    return out


def avg_pool2d(op: Op) -> Value:
    """nn.avg_pool2d in NCHW."""
    op.demand(
        not (op.call.attrs.ceil_mode and op.call.attrs.count_include_pad),
        "it counts padding, and rounds its size up",
    )
    x = op.tensor(0)

    def build(out: Tensor, _: Pending) -> Iterable[Layer]:
        yield _pool(op, x, out, Window.SUM)

    return Pending(build, op.shape, foldable=False)


def adaptive_avg_pool2d(op: Op) -> Value:
    """nn.adaptive_avg_pool2d to one value a plane."""
    op.demand(op.shape[2:] == (1, 1), f"its result has planes of {op.shape[2:]}")
    return _planes(op, op.tensor(0))


def mean(op: Op) -> Value:
    """Mean over the planes of images."""
    rank = len(op.operand_shape(0))
    axes = sorted(op.axes("axis", rank)) if op.call.attrs.axis is not None else [*range(rank)]
    op.demand(rank == 4 and axes == [2, 3], f"its axes are {axes} of {rank} dimensions")
    return _planes(op, op.tensor(0))


def _planes(op: Op, x: Tensor) -> Pending:
    def build(out: Tensor, _: Pending) -> Iterable[Layer]:
        planes = out
        if len(out.shape) != 4:
            shape = (*x.shape[:2], 1, 1)
            planes = op.builder.tensor(f"{out.name}.planes", shape, out.dtype, out.quant)
        yield Pool(x, planes, op.builder.composite, Window.SUM, (x.shape[2], x.shape[3]))
        if planes is not out:
            yield op.builder.reshaped(planes, out)

    return Pending(build, op.shape, foldable=False)


def _pool(op: Op, x: Tensor, out: Tensor, kind: Window) -> Pool:
    """The layer; where the size is rounded up, padding at the end makes up for it."""
    op.demand(op.text("layout") == "NCHW", f"its layout is {op.text('layout')}")
    op.demand(op.ints("dilation") == (1, 1), "its window has gaps")
    (down, across), (high, wide) = op.ints("strides"), op.ints("pool_size")
    top, left, bottom, right = op.ints("padding")
    rows, columns = x.shape[2], x.shape[3]
    below = max(bottom, (out.shape[2] - 1) * down + high - rows - top)
    beyond = max(right, (out.shape[3] - 1) * across + wide - columns - left)
    op.demand(
        top < high
        and left < wide
        and (out.shape[2] - 1) * down - top < rows
        and (out.shape[3] - 1) * across - left < columns,
        f"a window of {high}x{wide} would lie in the padding alone",
    )
    return Pool(
        x,
        out,
        op.builder.composite,
        kind,
        (high, wide),
        strides=(down, across),
        padding=(top, left, below, beyond),
        include_pad=kind is Window.SUM and bool(op.call.attrs.count_include_pad),
    )


LOWERINGS: Final[Mapping[str, Lowering]] = {
    "nn.max_pool2d": max_pool2d,
    "nn.avg_pool2d": avg_pool2d,
    "nn.adaptive_avg_pool2d": adaptive_avg_pool2d,
    "mean": mean,
}
