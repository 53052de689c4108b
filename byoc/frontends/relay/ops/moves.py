"""Operators that move, repeat, pick and make elements."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from tvm import relax

from byoc.frontends.relay.operation import (
    Family,
    Operation,
    product,
    relax_dtype,
    scalar,
    shape_of,
)
from byoc.frontends.relay.values import Accumulator, Value, array_of, constant

FAMILY = Family("Data")

_MOST_AXES = 32
"""More axes than any network has; numpy stops at 64."""


def _reshaped(op: Operation, make: Any, word: str) -> Value:
    """Move the elements of a tensor, or of what an accumulator with one scale stands for."""
    value = op.args[0]
    if isinstance(value, Accumulator) and value.scale.size == 1:
        real = op.bind(make(value.real), word)
        return Accumulator(real, value.scale, value.zero_point, 0, value.dtype)
    return make(op.expr())


def target_shape(
    op: Operation, dims: list[Any], wanted: tuple[Any, ...], allowzero: bool
) -> list[Any]:
    """The shape of `newshape`: 0 copies, -1 is the rest, -2 all that is left, -3 joins two, -4 splits."""
    found: list[Any] = []
    source, index = 0, 0
    rest = None
    while index < len(wanted):
        each = wanted[index]
        index += 1
        if not isinstance(each, int) or each < -4:
            op.misfit(f"newshape {wanted}")
        if each > 0 or (each == 0 and allowzero):
            found.append(each)
            source += 1
        elif each == -1:
            rest = len(found)
            found.append(-1)
            source += 1
        elif each == -2:
            found += dims[source:]
            source = len(dims)
        elif each == -4:
            if source >= len(dims) or index + 2 > len(wanted):
                op.misfit(f"newshape {wanted}")
            first, second = wanted[index : index + 2]
            if first == -1:
                first = dims[source] // second
            found += [first, dims[source] // first if second == -1 else second]
            source, index = source + 1, index + 2
        else:
            count = 1 if each == 0 else 2
            if source + count > len(dims):
                op.misfit(f"newshape {wanted} of a tensor of shape {dims}")
            found.append(product(dims[source : source + count]))
            source += count
    if rest is not None:
        others = product(found[:rest] + found[rest + 1 :])
        if isinstance(others, int) and others <= 0:
            op.misfit(f"newshape {wanted} of a tensor of shape {dims}")
        found[rest] = product(dims) // others
    return found


@FAMILY.operator("reshape", "`reshape`", arguments=(1, 2), newshape=None, allowzero=False)
def reshape(op: Operation) -> Value:
    """Another shape of as many elements."""
    wanted = op["newshape"]
    if len(op.args) == 2:
        wanted = tuple(op.integers(1, "its shape"))
    if wanted is None:
        op.misfit("it states no newshape")
    if not isinstance(wanted, tuple):
        wanted = (wanted,)

    def make(data: Any) -> Any:
        shape = target_shape(op, op.dims(data), wanted, bool(op["allowzero"]))
        return relax.op.reshape(data, shape_of(shape))

    return _reshaped(op, make, "reshape")


@FAMILY.operator(
    "reshape_like", "`reshape`", arguments=2, lhs_begin=0, lhs_end=None, rhs_begin=0, rhs_end=None
)
def reshape_like(op: Operation) -> Any:
    """The shape of another tensor, whole or in part."""
    have, want = op.dims(op.expr(0)), op.dims(op.expr(1))
    left = slice(op["lhs_begin"], op["lhs_end"])
    part = want[op["rhs_begin"] : op["rhs_end"]]
    begin, end, _ = left.indices(len(have))
    return relax.op.reshape(op.expr(0), shape_of([*have[:begin], *part, *have[end:]]))


@FAMILY.operator("transpose", "`permute_dims`", axes=None)
def transpose(op: Operation) -> Value:
    """The axes in another order, reversed where none is given."""

    def make(data: Any) -> Any:
        rank = len(op.dims(data))
        axes = op["axes"] or tuple(range(rank))[::-1]
        order = op.axes(axes, rank)
        if len(order) != rank:
            op.misfit(f"axes {axes} of a tensor of rank {rank}")
        return relax.op.permute_dims(data, order)

    return _reshaped(op, make, "permute_dims")


@FAMILY.operator("expand_dims", "`expand_dims`", axis=0, num_newaxis=1)
def expand_dims(op: Operation) -> Any:
    """New axes of extent 1."""
    data, count = op.expr(), op["num_newaxis"]
    if not 0 <= count <= 32:
        op.misfit(f"{count} new axes")
    first = op.axis(op["axis"], len(op.dims(data)) + 1)
    return relax.op.expand_dims(data, list(range(first, first + count))) if count else data


@FAMILY.operator("squeeze", "`squeeze`", axis=None)
def squeeze(op: Operation) -> Value:
    """Without axes of extent 1."""

    def make(data: Any) -> Any:
        dims = op.dims(data)
        axes = op["axis"]
        if axes is None or axes == ():
            return relax.op.squeeze(data, [each for each, dim in enumerate(dims) if dim == 1])
        return relax.op.squeeze(data, op.axes(axes, len(dims)))

    return _reshaped(op, make, "squeeze")


@FAMILY.operator("concatenate", "`concat`", axis=0)
def concatenate(op: Operation) -> Any:
    """Tensors one behind the other."""
    return relax.op.concat(op.exprs(), op["axis"])


@FAMILY.operator("stack", "`stack`", axis=0)
def stack(op: Operation) -> Any:
    """Tensors along a new axis."""
    return relax.op.stack(op.exprs(), op["axis"])


@FAMILY.operator("split", "`split`", indices_or_sections=None, axis=0)
def split(op: Operation) -> Any:
    """A tuple of parts: as many of one extent as is written, or between the indices that are."""
    data, parts = op.expr(), op["indices_or_sections"]
    extent = op.dims(data)[op.axis(op["axis"], len(op.dims(data)))]
    if isinstance(parts, tuple):
        if any(low >= high for low, high in pairwise((0, *parts))):
            op.misfit(f"the indices {parts} do not rise")
        return relax.op.split(data, list(parts), op["axis"])
    if parts is None or parts < 1 or (isinstance(extent, int) and extent % parts):
        op.misfit(f"{parts} parts of an extent of {extent}")
    if not isinstance(extent, int) and parts > 2**16:
        op.misfit(f"{parts} parts")
    return relax.op.split(data, parts, op["axis"])


@FAMILY.operator(
    "strided_slice",
    "`strided_slice`",
    arguments=(1, 4),
    begin=(),
    end=(),
    strides=(),
    slice_mode="end",
    axes=None,
)
def strided_slice(op: Operation) -> Any:
    """A part of a tensor; bounds count from the end when negative, and stop at the extents."""
    data = op.expr()
    dims = op.dims(data)
    bounds = [op["begin"], op["end"], op["strides"]]
    for index in range(1, len(op.args)):
        bounds[index - 1] = tuple(op.integers(index, "its bounds"))
    begin, end, strides = bounds
    if op["slice_mode"] not in ("end", "size"):
        op.misfit(f"slice_mode {op['slice_mode']!r}")
    axes = op.axes(op["axes"], len(dims)) if op["axes"] is not None else list(range(len(dims)))
    if max(len(begin), len(end), len(strides)) > len(axes):
        op.misfit("more bounds than axes")
    if op["slice_mode"] == "size":
        strides, end = (), _sized(begin, end)
    steps = [*strides, *[1] * (len(axes) - len(strides))]
    if not all(steps):
        op.misfit("a stride of 0")
    starts = [*begin, *[None] * (len(axes) - len(begin))]
    ends = [*end, *[0 if step < 0 else None for step in steps[len(end) :]]]
    return relax.op.strided_slice(
        data,
        axes,
        [_bound(each, 0 if step > 0 else _FAR) for each, step in zip(starts, steps, strict=True)],
        [_bound(each, _FAR if step > 0 else -_FAR) for each, step in zip(ends, steps, strict=True)],
        steps,
    )


def _sized(begin: tuple[Any, ...], sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Ends out of sizes; a negative size, or none, is all that is left."""
    return tuple(
        None if size is None or size < 0 else (first or 0) + size
        for first, size in zip(begin, sizes, strict=False)
    )


_FAR = 2**31 - 1
"""Beyond every extent, and clear of 64 bits' own bounds."""


def _bound(value: Any, missing: int) -> int:
    return missing if value is None else max(min(int(value), _FAR), -_FAR)


@FAMILY.operator("slice_like", "`strided_slice`", arguments=2, axes=None)
def slice_like(op: Operation) -> Any:
    """As much of a tensor as another has."""
    data, dims, other = op.expr(0), op.dims(op.expr(0)), op.static(op.expr(1))
    axes = op.axes(op["axes"], len(dims))
    if any(
        each >= len(other) or (isinstance(dims[each], int) and other[each] > dims[each])
        for each in axes
    ):
        op.misfit(f"the shape {other} of a tensor of shape {dims}")
    return relax.op.strided_slice(data, axes, [0] * len(axes), [other[each] for each in axes])


@FAMILY.operator("take", "`take`", arguments=2, batch_dims=0, axis=None, mode="clip")
def take(op: Operation) -> Any:
    """Elements along an axis by their indices, of all elements where there is no axis."""
    if op["mode"] not in ("clip", "wrap", "fast"):
        op.misfit(f"mode {op['mode']!r}")
    data, axis = op.expr(0), op["axis"]
    if op["batch_dims"]:
        return _batched_take(op, data, op.expr(1))
    if axis is None:
        flat = relax.op.reshape(data, shape_of([product(op.dims(data))]))
        data, axis = op.bind(flat, "flat"), 0
    return relax.op.take(data, op.expr(1), op.axis(axis, len(op.dims(data))), mode=op["mode"])


def _batched_take(op: Operation, data: Any, indices: Any) -> Any:
    """Each batch of indices picks in its own batch of the data: a take of rows, numbered through all batches."""
    dims, wanted = op.static(data), op.static(indices)
    count = op["batch_dims"] % max(len(wanted), 1) if op["batch_dims"] < 0 else op["batch_dims"]
    axis = op.axis(op["axis"], len(dims))
    if count > min(len(wanted), axis) or dims[:count] != wanted[:count]:
        op.misfit(f"batch_dims {count} of indices of shape {wanted}")
    before, extent, behind = dims[count:axis], dims[axis], dims[axis + 1 :]
    batches, dtype = math.prod(dims[:count]), str(indices.ty.dtype)
    others = [each for each in range(count, len(dims)) if each != axis]
    first = op.bind(relax.op.permute_dims(data, [*range(count), axis, *others]), "first")
    rows = relax.op.reshape(first, shape_of((batches * extent, *before, *behind)))
    if op["mode"] == "clip":
        indices = op.bind(relax.op.clip(indices, 0, extent - 1), "clip")
    elif op["mode"] == "wrap":
        indices = op.bind(relax.op.floor_mod(indices, scalar(extent, dtype)), "wrap")
    begins = np.arange(batches).reshape(*dims[:count], *[1] * (len(wanted) - count)) * extent
    numbered = relax.op.add(indices, constant(begins.astype(dtype)))
    taken = relax.op.take(op.bind(rows, "rows"), op.bind(numbered, "rows"), 0, mode="fast")
    rest = len(wanted) - count
    head = [*range(count), *range(len(wanted), len(wanted) + len(before))]
    tail = range(len(wanted) + len(before), len(wanted) + len(before) + len(behind))
    order = [*head, *range(count, count + rest), *tail]
    return relax.op.permute_dims(op.bind(taken, "taken"), order)


@FAMILY.operator("embedding", "`take`", arguments=2)
def embedding(op: Operation) -> Any:
    """Rows of a table."""
    return relax.op.take(op.expr(0), op.expr(1), 0)


@FAMILY.operator("gather", "`gather_elements`", arguments=2, axis=0)
def gather(op: Operation) -> Any:
    """One element along an axis for each index."""
    return relax.op.gather_elements(op.expr(0), op.expr(1), op["axis"])


@FAMILY.operator(
    "gather_nd",
    "`permute_dims` of the indices, `gather_nd`",
    arguments=2,
    batch_dims=0,
    index_rank=None,
)
def gather_nd(op: Operation) -> Any:
    """Slices by index tuples, which Relay has along the first axis and Relax along the last."""
    indices = op.expr(1)
    rank = len(op.dims(indices))
    turned = op.bind(relax.op.permute_dims(indices, [*range(1, rank), 0]), "indices")
    if str(turned.ty.dtype) != "int64":
        turned = op.bind(relax.op.astype(turned, "int64"), "indices")
    return relax.op.gather_nd(op.expr(0), turned, op["batch_dims"])


@FAMILY.operator("scatter_elements", "`scatter_elements`", arguments=3, axis=0, reduction="update")
def scatter_elements(op: Operation) -> Any:
    """Elements put, added, multiplied or compared along an axis."""
    return relax.op.scatter_elements(
        op.expr(0), op.expr(1), op.expr(2), op["axis"], op["reduction"]
    )


def _old_scatters() -> None:
    for name, reduction in (("scatter", "update"), ("scatter_add", "add")):

        def convert(op: Operation, reduction: str = reduction) -> Any:
            return relax.op.scatter_elements(
                op.expr(0), op.expr(1), op.expr(2), op["axis"], reduction
            )

        FAMILY.operator(name, "`scatter_elements`", arguments=3, axis=0)(convert)


_old_scatters()


@FAMILY.operator(
    "scatter_nd", "`permute_dims` of the indices, `scatter_nd`", arguments=3, mode="update"
)
def scatter_nd(op: Operation) -> Any:
    """Slices put by index tuples."""
    indices = op.expr(1)
    rank = len(op.dims(indices))
    turned = op.bind(relax.op.permute_dims(indices, [*range(1, rank), 0]), "indices")
    return relax.op.scatter_nd(op.expr(0), turned, op.expr(2), op["mode"])


@FAMILY.operator("tile", "`tile`", reps=())
def tile(op: Operation) -> Any:
    """A tensor several times along its axes."""
    return relax.op.tile(op.expr(), list(op["reps"]))


@FAMILY.operator("repeat", "`repeat`", repeats=1, axis=0)
def repeat(op: Operation) -> Any:
    """Each element several times."""
    return relax.op.repeat(op.expr(), op["repeats"], op["axis"])


@FAMILY.operator("reverse", "`flip`", axis=0)
def reverse(op: Operation) -> Any:
    """An axis from its end."""
    return relax.op.flip(op.expr(), op["axis"])


@FAMILY.operator("broadcast_to", "`broadcast_to`", arguments=(1, 2), shape=None, dtype="")
def broadcast_to(op: Operation) -> Any:
    """A larger shape."""
    shape = op.integers(1, "its shape") if len(op.args) == 2 else op["shape"]
    if shape is None:
        op.misfit("it states no shape")
    return relax.op.broadcast_to(op.expr(0), shape_of(shape))


@FAMILY.operator("broadcast_to_like", "`broadcast_to`", arguments=2)
def broadcast_to_like(op: Operation) -> Any:
    """The shape of another tensor."""
    return relax.op.broadcast_to(op.expr(0), shape_of(op.dims(op.expr(1))))


def _made(op: Operation, shape: Any, value: Any, dtype: str) -> Any:
    if any(not isinstance(each, int) or each < 0 for each in shape):
        op.misfit(f"the shape {shape}")
    if len(shape) > _MOST_AXES:
        op.misfit(f"a shape of {len(shape)} axes")
    if math.prod(shape) > 2**26:
        return relax.op.full(
            shape_of(shape), constant(np.asarray(value, relax_dtype(dtype))), dtype
        )
    return constant(np.full(shape, value, relax_dtype(dtype)))


@FAMILY.operator("full", "a constant, or `full`", arguments=(1, 2), shape=None, dtype="")
def full(op: Operation) -> Any:
    """A tensor of one value."""
    shape = tuple(op.integers(1, "its shape")) if len(op.args) == 2 else op["shape"] or ()
    value = array_of(op.args[0])
    dtype = op["dtype"] or str(op.expr(0).ty.dtype)
    if value is None:
        return relax.op.full(shape_of(shape), op.expr(0), dtype)
    return _made(op, shape, op.number(0, "its value"), dtype)


def _filled() -> None:
    for name, value in (("zeros", 0), ("ones", 1)):

        def convert(op: Operation, value: int = value) -> Any:
            shape = tuple(op.integers(0, "its shape")) if op.args else op["shape"] or ()
            return _made(op, shape, value, op["dtype"] or "float32")

        FAMILY.operator(name, "a constant, or `full`", arguments=(0, 1), shape=None, dtype="")(
            convert
        )


_filled()


@FAMILY.operator("full_like", "`full_like`", arguments=2)
def full_like(op: Operation) -> Any:
    """One value in the shape of a tensor."""
    return relax.op.full_like(op.expr(0), op.expr(1))


@FAMILY.operator(
    "arange", "a constant", arguments=3, start=None, stop=None, step=None, dtype="float32"
)
def arange(op: Operation) -> Any:
    """Numbers in equal steps, where the bounds are constants."""
    start, stop, step = (op.number(each, "a bound") for each in range(3))
    span, width = float(stop) - float(start), float(step)
    if not (math.isfinite(span) and math.isfinite(width)) or width == 0 or span / width > 2**26:
        op.misfit("its steps lead nowhere")
    count = max(math.ceil(span / width), 0)
    steps = np.arange(count).astype(step.dtype) * step
    return constant((start + steps).astype(relax_dtype(op["dtype"])))


@FAMILY.operator(
    "sequence_mask",
    "`reshape` of the lengths, `less`, `where`",
    arguments=2,
    mask_value=0.0,
    axis=0,
)
def sequence_mask(op: Operation) -> Any:
    """One value behind the end of each sequence; batches are the other of the first two axes."""
    data, lengths, axis = op.expr(0), op.expr(1), op["axis"]
    dims = op.static(data)
    if axis not in (0, 1) or len(dims) < 2 or op.ranked(lengths, 1) != [dims[1 - axis]]:
        op.misfit(f"axis {axis} of a tensor of shape {dims}")
    dtype, rank = str(data.ty.dtype), len(dims)
    places = [1] * rank
    places[axis] = dims[axis]
    counted = np.arange(dims[axis]).astype(relax_dtype(str(lengths.ty.dtype))).reshape(places)
    batches = [1] * rank
    batches[1 - axis] = dims[1 - axis]
    ends = op.bind(relax.op.reshape(lengths, shape_of(batches)), "ends")
    inside = op.bind(relax.op.less(constant(counted), ends), "inside")
    return relax.op.where(inside, data, scalar(op["mask_value"], dtype))


@FAMILY.operator("one_hot", "`one_hot`", arguments=3, depth=1, axis=-1, dtype="float32")
def one_hot(op: Operation) -> Any:
    """One value where an index points, another elsewhere."""
    from tvm import tirx

    dtype = op["dtype"]
    on, off = (op.number(each, "its value") for each in (1, 2))
    if "float" in dtype:
        values = [tirx.FloatImm(dtype, float(each)) for each in (on, off)]
    else:
        values = [tirx.IntImm(dtype, int(each)) for each in (on, off)]
    return relax.op.one_hot(op.expr(0), *values, op["depth"], op["axis"])


@FAMILY.operator("shape_of", "a constant", dtype="int32")
def dimensions(op: Operation) -> Any:
    """The extents, where they are known."""
    return constant(np.asarray(op.static(op.expr()), op["dtype"] or "int32"))


@FAMILY.operator("ndarray_size", "a constant", dtype="int32")
def size(op: Operation) -> Any:
    """The number of elements, where it is known."""
    return constant(np.asarray(math.prod(op.static(op.expr())), op["dtype"] or "int32"))


@FAMILY.operator("layout_transform", "`permute_dims`", src_layout="", dst_layout="")
def layout_transform(op: Operation) -> Any:
    """Axes in another order, between layouts without blocks."""
    source, target = op["src_layout"], op["dst_layout"]
    if sorted(source) != sorted(target) or not source.isalpha() or not source.isupper():
        op.misfit(f"from layout {source!r} to {target!r}")
    return relax.op.permute_dims(op.expr(), [source.index(axis) for axis in target])


@FAMILY.operator("meshgrid", "`meshgrid`", indexing="ij")
def meshgrid(op: Operation) -> Any:
    """Grids of coordinates."""
    return relax.op.meshgrid(op.exprs(), op["indexing"])


@FAMILY.operator("trilu", "`tril` or `triu`", arguments=2, upper=True)
def trilu(op: Operation) -> Any:
    """A triangle of a matrix."""
    make = relax.op.triu if op["upper"] else relax.op.tril
    return make(op.expr(0), int(op.number(1, "its diagonal")))
