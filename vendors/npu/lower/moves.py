"""Moves: the same numbers in other places."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from byoc.vendors.npu.layers import Concat, Layer, Pad, Resize, Tensor
from byoc.vendors.npu.lower.op import Lowering, Op
from byoc.vendors.npu.lower.values import Constant, Pending, Value


def reshape(op: Op) -> Value:
    """Reshape, squeeze, expand_dims, flatten: row-major order is kept."""
    value = op.operand(0)
    if isinstance(value, Constant):
        axis = _axis_after(value, op.shape)
        if axis is not None:
            return value.moved(value.stored.reshape(op.shape), axis)
        return Constant(value.real.reshape(op.shape))
    return op.builder.alias(op.builder.stored(value, op.var), op.shape)


def permute_dims(op: Op) -> Value:
    """permute_dims; without axes they are reversed."""
    rank = len(op.shape)
    axes = tuple(reversed(range(rank)))
    if op.call.attrs.axes is not None:
        axes = op.axes("axes", rank)
    value = op.operand(0)
    if isinstance(value, Constant):
        place = axes.index(value.axis) if value.axis in axes else 0
        return value.moved(value.stored.transpose(axes), place)
    tensor = op.builder.stored(value, op.var)
    return op.builder.alias(tensor, op.shape, "transpose", axes=axes)


def strided_slice(op: Op) -> Value:
    """strided_slice by steps of 1."""
    whole = op.operand_shape(0)
    axes = [op.axis(each, len(whole)) for each in op.literals(1)]
    steps = op.literals(4) if op.arguments > 4 else (1,) * len(axes)
    op.demand(all(each == 1 for each in steps), f"its steps are {steps}")
    starts = [0] * len(whole)
    for axis, begin in zip(axes, op.literals(2), strict=True):
        first = begin + whole[axis] if begin < 0 else begin
        starts[axis] = min(max(first, 0), whole[axis])
    return op.builder.alias(op.tensor(0), op.shape, "slice", starts=tuple(starts))


def split(op: Op) -> Value:
    """Split: a slice for each part."""
    x, axis = op.tensor(0), op.axis(int(op.call.attrs.axis), len(op.operand_shape(0)))
    parts: list[Value] = []
    start = 0
    for field in op.call.ty.fields:
        shape = op.extents(field)
        starts = tuple(start if each == axis else 0 for each in range(len(shape)))
        parts.append(op.builder.alias(x, shape, "slice", starts=starts))
        start += shape[axis]
    return tuple(parts)


def concat(op: Op) -> Value:
    """Concat along an axis. Of 8-bit numbers without a meaning, the result has none either."""
    items = op.operand(0)
    op.demand(isinstance(items, tuple) and op.call.attrs.axis is not None, "it has no axis")
    given = items if isinstance(items, tuple) else ()
    axis = op.axis(int(op.call.attrs.axis), len(op.shape))
    xs = tuple(op.builder.stored(each, f"{op.var}.item{index}") for index, each in enumerate(given))

    def build(out: Tensor, _: Pending) -> Iterable[Layer]:
        yield Concat(xs, out, op.builder.composite, axis)

    if op.dtype != "float32":
        out = op.builder.tensor(op.var, op.shape, xs[0].dtype, xs[0].quant)
        plain = tuple(op.builder.meaning(each, xs[0].quant) for each in xs if xs[0].quant)
        op.builder.add([Concat(plain, out, op.builder.composite, axis)])
        return out
    return Pending(build, op.shape, foldable=False)


def pad(op: Op) -> Value:
    """nn.pad with a constant."""
    op.demand(op.text("pad_mode") == "constant", f"it pads by {op.text('pad_mode')}")
    widths = op.ints("pad_width")
    op.demand(all(each >= 0 for each in widths), f"its widths are {widths}")
    x = op.tensor(0)
    if not any(widths):
        return x
    out = op.builder.tensor(op.var, op.shape, x.dtype, x.quant)
    value = float(op.call.attrs.pad_value)
    op.builder.add([Pad(x, out, op.builder.composite, widths[::2], widths[1::2], value)])
    return out


def resize2d(op: Op) -> Value:
    """image.resize2d by whole factors, each element becoming a block."""
    x = op.tensor(0)
    high, wide = op.shape[2] // x.shape[2], op.shape[3] // x.shape[3]
    op.demand(
        op.text("layout") == "NCHW"
        and op.text("method") == "nearest_neighbor"
        and op.text("coordinate_transformation_mode") == "asymmetric"
        and op.text("rounding_method") == "floor"
        and (high * x.shape[2], wide * x.shape[3]) == op.shape[2:],
        f"it makes {op.shape} of {x.shape} by {op.text('method')}, {op.text('coordinate_transformation_mode')}, "
        f"{op.text('rounding_method')}",
    )
    if (high, wide) == (1, 1):
        return x
    out = op.builder.tensor(op.var, op.shape, x.dtype, x.quant)
    op.builder.add([Resize(x, out, op.builder.composite, (high, wide))])
    return out


def _axis_after(value: Constant, shape: tuple[int, ...]) -> int | None:
    """Where a reshape takes the axis along which a constant's quantisation varies; None when nowhere."""
    if value.scale is None or value.zero is None or value.scale.size == value.zero.size == 1:
        return 0
    before = math.prod(value.shape[: value.axis])
    extent = value.shape[value.axis]
    for axis, each in enumerate(shape):
        if each == extent and math.prod(shape[:axis]) == before:
            return axis
    return None


LOWERINGS: Final[Mapping[str, Lowering]] = {
    "reshape": reshape,
    "squeeze": reshape,
    "expand_dims": reshape,
    "flatten": reshape,
    "permute_dims": permute_dims,
    "strided_slice": strided_slice,
    "split": split,
    "concat": concat,
    "nn.pad": pad,
    "image.resize2d": resize2d,
}
