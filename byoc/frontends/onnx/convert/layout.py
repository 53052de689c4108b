"""Operators that move data: reshape, slice, gather, pad and their kin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import relax

from byoc.frontends.onnx.context import Context, Decline
from byoc.frontends.onnx.convert import stock


def reshape(context: Context) -> Any:
    """Reshape to a shape known at import; 0 copies a dim, -1 takes what is left."""
    target = list(context.elements(1, "its shape"))
    dims = context.dims(0)
    if not context.attrs.get("allowzero", 0):
        target = [dims[i] if _is(each, 0) else each for i, each in enumerate(target)]
    return _reshaped(context, dims, target)


def _is(dim: Any, number: int) -> bool:
    return isinstance(dim, int) and dim == number


def _product(dims: Sequence[Any]) -> Any:
    total: Any = 1
    for dim in dims:
        total = total * dim
    return total


def _reshaped(context: Context, dims: Sequence[Any], target: Sequence[Any]) -> Any:
    unknown = [index for index, each in enumerate(target) if _is(each, -1)]
    target = [context.emitter.simplify(each) for each in target]
    if unknown:
        target[unknown[0]] = _left_over(
            context, dims, [each for each in target if not _is(each, -1)]
        )
    return relax.op.reshape(context.arg(0), relax.ShapeExpr(target))


def _left_over(context: Context, dims: Sequence[Any], others: Sequence[Any]) -> Any:
    """The extent that -1 stands for: common factors cancel first, so that symbolic dims stay plain."""
    have, need = list(dims), []
    for each in others:
        match = next((i for i, dim in enumerate(have) if _same(dim, each)), None)
        if match is None:
            need.append(each)
        else:
            have.pop(match)
    above, below = (
        context.emitter.simplify(_product(have)),
        context.emitter.simplify(_product(need)),
    )
    if isinstance(below, int) and below == 0:
        raise Decline("its shape has both 0 and -1")
    return context.emitter.simplify(above // below) if not _is(below, 1) else above


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, int) or isinstance(right, int):
        return isinstance(left, int) and isinstance(right, int) and left == right
    return bool(left.same_as(right))


def flatten(context: Context) -> Any:
    """Flatten to two dims around an axis."""
    dims = context.dims(0)
    axis = context.axis(context.attrs.get("axis", 1), len(dims))
    shape = [context.emitter.simplify(_product(part)) for part in (dims[:axis], dims[axis:])]
    return relax.op.reshape(context.arg(0), relax.ShapeExpr(shape))


def expand(context: Context) -> Any:
    """Expand: broadcasting in both directions."""
    target, dims = list(context.elements(1, "its shape")), context.dims(0)
    rank = max(len(target), len(dims))
    left = [1] * (rank - len(dims)) + dims
    right = [1] * (rank - len(target)) + target
    shape = [_broadcast(a, b) for a, b in zip(left, right, strict=True)]
    data = context.arg(0)
    return relax.op.broadcast_to(data, relax.ShapeExpr(shape))


def _broadcast(left: Any, right: Any) -> Any:
    if _is(left, 1) or _same(left, right):
        return right
    if _is(right, 1):
        return left
    raise Decline("whether a symbolic dimension is 1 is not known")


def constant_of_shape(context: Context) -> Any:
    """ConstantOfShape of a shape known at import."""
    import onnx

    value = [each.t for each in context.node.attribute if each.name == "value"]
    array = onnx.numpy_helper.to_array(value[0]).reshape(()) if value else None
    fill = relax.const(0.0, "float32") if array is None else relax.const(array)
    shape = [context.emitter.simplify(each) for each in context.elements(0, "its shape")]
    return relax.op.full(relax.ShapeExpr(shape), fill)


def _axes(context: Context, index: int) -> list[int] | None:
    """Axes as an input (newer opsets) or an attribute; None when absent."""
    if context.has(index):
        return [int(each) for each in context.constant(index, "its axes").reshape(-1)]
    axes = context.attrs.get("axes")
    return None if axes is None else [int(each) for each in axes]


def squeeze(context: Context) -> Any:
    """Squeeze given axes, or all of extent 1."""
    axes, dims = _axes(context, 1), context.dims(0)
    if axes is None:
        if not all(isinstance(dim, int) for dim in dims):
            raise Decline("whether a symbolic dimension is 1 is not known")
        axes = [axis for axis, dim in enumerate(dims) if dim == 1]
    if not all(_is(dims[context.axis(axis, len(dims))], 1) for axis in axes):
        raise Decline("whether a symbolic dimension is 1 is not known")
    return relax.op.squeeze(context.arg(0), axes) if axes else context.arg(0)


def unsqueeze(context: Context) -> Any:
    """Unsqueeze: axes count in the result."""
    axes = _axes(context, 1)
    if axes is None:
        raise Decline("it states no axes")
    rank = context.rank(0) + len(axes)
    return relax.op.expand_dims(context.arg(0), sorted(context.axis(axis, rank) for axis in axes))


def gather(context: Context) -> Any:
    """Gather along an axis; negative indices count from the end."""
    axis = context.axis(context.attrs.get("axis", 0), context.rank(0))
    indices = context.array(1)
    if indices is None:
        return relax.op.take(context.arg(0), context.arg(1), axis, mode="wrap")
    extent = context.dims(0)[axis]
    if (indices < 0).any():
        if not isinstance(extent, int):
            return relax.op.take(context.arg(0), context.arg(1), axis, mode="wrap")
        indices = indices + (indices < 0) * extent
    index = relax.const(indices.astype(context.dtype(1)))
    return relax.op.take(context.arg(0), index, axis)


def slice_(context: Context) -> Any:
    """Slice with constant bounds; a bound beyond the end stops at it."""
    if context.version < 10:
        starts, ends = context.attrs["starts"], context.attrs["ends"]
        axes, steps = context.attrs.get("axes"), None
    else:
        starts, ends = (_integers(context, index) for index in (1, 2))
        axes = _integers(context, 3) if context.has(3) else None
        steps = _integers(context, 4) if context.has(4) else None
    dims = context.dims(0)
    axes = [
        context.axis(axis, len(dims)) for axis in (axes if axes is not None else range(len(starts)))
    ]
    steps = list(steps) if steps is not None else [1] * len(starts)
    begins, stops = [], []
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        begin, stop = _span(dims[axis], start, end, step)
        begins.append(begin)
        stops.append(stop)
    return relax.op.strided_slice(context.arg(0), axes, begins, stops, steps)


def _integers(context: Context, index: int) -> list[int]:
    elements = context.elements(index, "where it cuts")
    if not all(isinstance(each, int) for each in elements):
        raise Decline("where it cuts depends on a symbolic dimension")
    return list(elements)


def _span(dim: Any, start: int, end: int, step: int) -> tuple[Any, Any]:
    """ONNX's clamping of one slice."""
    if isinstance(dim, int):
        begin, stop, _ = slice(start, end, step).indices(dim)
        if step < 0 and stop < 0:
            stop = -dim - 1
        return begin, stop
    if step == 1 and start >= 0 and end >= 2**31 - 1:
        if start == 0:
            return 0, dim
        raise Decline("whether it cuts beyond a symbolic dimension is not known")
    raise Decline("whether it cuts beyond a symbolic dimension is not known")


def pad(context: Context) -> Any:
    """Pad by constant amounts; the modes are those of `relax.op.nn.pad`."""
    if context.version < 11:
        amounts, value = list(context.attrs["pads"]), context.attrs.get("value", 0.0)
        axes = None
    else:
        amounts = [int(each) for each in context.constant(1, "its padding").reshape(-1)]
        value = context.constant(2, "its padding value").reshape(-1)[0] if context.has(2) else 0
        axes = (
            [int(each) for each in context.constant(3, "its axes").reshape(-1)]
            if context.has(3)
            else None
        )
    rank = context.rank(0)
    axes = list(range(rank)) if axes is None else [context.axis(axis, rank) for axis in axes]
    half = len(amounts) // 2
    widths = [0] * (2 * rank)
    for position, axis in enumerate(axes):
        widths[2 * axis], widths[2 * axis + 1] = amounts[position], amounts[half + position]
    mode = context.attrs.get("mode", "constant")
    if min(widths, default=0) < 0:
        raise Decline("it pads by a negative amount")
    if mode != "constant":
        raise Decline(f"TVM pads the {mode} mode in another way")
    value = float(value)
    return relax.op.nn.pad(context.arg(0), widths, pad_value=value, pad_mode="constant")


def tile(context: Context) -> Any:
    """Tile by constant repeats."""
    repeats = context.elements(1, "its repeats")
    if context.version < 6 or not all(isinstance(each, int) for each in repeats):
        raise Decline("its repeats depend on a symbolic dimension")
    return relax.op.tile(context.arg(0), list(repeats))


def split(context: Context) -> Any:
    """Split at constant places, or into equal parts."""
    count = len(context.node.output)
    axis = context.axis(context.attrs.get("axis", 0), context.rank(0))
    sizes = context.attrs.get("split")
    if context.version >= 13 and context.has(1):
        sizes = [int(each) for each in context.constant(1, "where it splits")]
    if sizes is None:
        extent = context.dims(0)[axis]
        if not isinstance(extent, int):
            raise Decline("it splits a symbolic dimension into equal parts")
        part = -(-extent // count)
        sizes = [min(part, max(extent - part * index, 0)) for index in range(count)]
    places = [sum(sizes[: index + 1]) for index in range(len(sizes) - 1)]
    if not places:
        return context.arg(0)
    return relax.op.split(context.arg(0), places, axis)


def trilu(context: Context) -> Any:
    """Trilu at a constant diagonal."""
    diagonal = int(context.constant(1, "its diagonal").reshape(-1)[0]) if context.has(1) else 0
    operation = relax.op.triu if context.attrs.get("upper", 1) else relax.op.tril
    return operation(context.arg(0), diagonal)


def space_to_depth(context: Context) -> Any:
    """SpaceToDepth in the order of depth, column, row."""
    if context.attrs.get("mode", "DCR") != "DCR":
        raise Decline("TVM's importer knows the DCR order only")
    return stock.convert(context)


CONVERTERS: dict[str, Callable[[Context], Any]] = {
    "Reshape": reshape,
    "Flatten": flatten,
    "Expand": expand,
    "ConstantOfShape": constant_of_shape,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Gather": gather,
    "Slice": slice_,
    "Pad": pad,
    "Tile": tile,
    "Split": split,
    "Trilu": trilu,
    "SpaceToDepth": space_to_depth,
}
