"""Ops that move data: reshape, transpose, join, split, repeat."""

from __future__ import annotations

from typing import Any

from byoc.codegen.export._call import Call, Emitter

_MAX = 2**63 - 1


def reshape(call: Call) -> str:
    """Reshape to a constant shape where one says it: 0 copies a dim, -1 is what is left."""
    target, dims = _target(call), call.expr.args[0].ty.shape
    have = [] if dims is None else list(dims.values)
    pattern = [_copied(have, index, each) for index, each in enumerate(target)]
    unknown = [index for index, each in enumerate(pattern) if not isinstance(each, int)]
    if 0 in target or len(unknown) > 1:
        return call.emit("Reshape", call[0], call.vector(target), allowzero=_allowed(call, target))
    if unknown:
        pattern[unknown[0]] = -1
    return call.emit("Reshape", call[0], call.vector(pattern))


def _target(call: Call) -> list[Any]:
    return call.out_shape()


def _copied(have: list[Any], index: int, dim: Any) -> Any:
    """0 for a symbolic dim that stays in its place."""
    if isinstance(dim, int) or index >= len(have):
        return dim
    return 0 if have[index].same_as(dim) else dim


def _allowed(call: Call, target: list[Any]) -> int | None:
    """Zeros that are meant; opset 14 has a word for them."""
    if 0 not in target:
        return None
    call.need(14, "Reshape to an extent of 0")
    return 1


def flatten(call: Call) -> str:
    """All elements in a row."""
    return call.reshape(call[0], [-1])


def batch_flatten(call: Call) -> str:
    """The first axis, and the rest in a row."""
    return call.emit("Flatten", call[0], axis=1)


def expand_dims(call: Call) -> str:
    """Unsqueeze; axes count in the result."""
    axes = call.ints("axis") or []
    rank = call.rank() + len(axes)
    return call.emit(
        "Unsqueeze", call[0], call.vector(sorted(call.axis(each, rank) for each in axes))
    )


def squeeze(call: Call) -> str:
    """Squeeze of the given axes, of all that are 1 when there are none."""
    axes = call.ints("axis")
    if axes is None:
        axes = [axis for axis, dim in enumerate(call.static()) if dim == 1]
    if not axes:
        return call[0]
    return call.emit(
        "Squeeze", call[0], call.vector([call.axis(each, call.rank()) for each in axes])
    )


def permute_dims(call: Call) -> str:
    """Transpose; no axes reverse them."""
    axes = call.ints("axes")
    if axes is None:
        axes = list(reversed(range(call.rank())))
    return call.transpose(call[0], [call.axis(each, call.rank()) for each in axes])


def concat(call: Call) -> str:
    """Concat; without an axis, of the flattened tensors."""
    items = call.items(0)
    if call.attrs.axis is None:
        items = tuple(call.reshape(each, [-1]) for each in items)
        return call.emit("Concat", *items, axis=0)
    if len(items) == 1:
        return items[0]
    return call.emit("Concat", *items, axis=int(call.attrs.axis))


def split(call: Call) -> tuple[str, ...]:
    """Split at places, or into parts."""
    fields = list(call.expr.ty.fields)
    axis = call.axis(call.attrs.axis, call.rank())
    sizes = [field.shape.values[axis] for field in fields]
    return call.emit_many("Split", len(fields), call[0], call.vector(sizes), axis=axis)


def stack(call: Call) -> str:
    """Concat along a new axis."""
    axis = int(call.attrs.axis or 0)
    axis = axis + len(call.out_shape()) if axis < 0 else axis
    items = [call.emit("Unsqueeze", each, call.vector([axis])) for each in call.items(0)]
    return call.emit("Concat", *items, axis=axis)


def broadcast_to(call: Call) -> str:
    """Expand."""
    return call.emit("Expand", call[0], call.vector(call.out_shape()))


def tile(call: Call) -> str:
    """Tile; more repeats than axes make axes of 1 first, fewer repeat the last ones."""
    repeats, rank, data = call.ints("repeats") or [], call.rank(), call[0]
    if len(repeats) > rank:
        data = call.emit("Unsqueeze", data, call.vector(list(range(len(repeats) - rank))))
    repeats = [1] * (rank - len(repeats)) + repeats
    return call.emit("Tile", data, call.vector(repeats))


def repeat(call: Call) -> str:
    """Each element several times: a new axis behind its own, expanded."""
    times, axis = int(call.attrs.repeats), call.attrs.axis
    data = call[0]
    if axis is None:
        data, dims, place = call.reshape(data, [-1]), [call.out_shape()[0] // times], 0
    else:
        dims, place = call.shape(), call.axis(axis, call.rank())
    apart = call.emit("Unsqueeze", data, call.vector([place + 1]))
    wide = [*[1] * (place + 1), times, *[1] * (len(dims) - place - 1)]
    return call.reshape(call.emit("Expand", apart, call.vector(wide)), call.out_shape())


def flip(call: Call) -> str:
    """A slice backwards."""
    axis = call.axis(call.attrs.axis, call.rank())
    bounds = ([-1], [-_MAX], [axis], [-1])
    return call.emit("Slice", call[0], *[call.vector(each) for each in bounds])


def meshgrid(call: Call) -> tuple[str, ...]:
    """Each vector along its own axis, expanded to all."""
    if str(call.attrs.indexing or "ij") != "ij":
        call.decline("TVM's type of a grid in xy order is not what it computes")
    dims = list(call.expr.ty.fields[0].shape.values)
    target = call.vector(dims)
    results = []
    for place, each in enumerate(call.items(0)):
        line = call.reshape(each, [-1 if axis == place else 1 for axis in range(len(dims))])
        results.append(call.emit("Expand", line, target))
    return tuple(results)


def pixel_shuffle(call: Call) -> str:
    """DepthToSpace in the order of channels, rows, columns."""
    return call.emit("DepthToSpace", call[0], blocksize=int(call.attrs.upscale_factor), mode="CRD")


_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "edge": "edge"}


def pad(call: Call) -> str:
    """Pad; TVM's amounts stand axis by axis, ONNX's are begins, then ends."""
    widths = call.ints("pad_width") or []
    mode = str(call.attrs.pad_mode)
    amounts = call.vector([*widths[::2], *widths[1::2]])
    if mode == "constant":
        return call.emit("Pad", call[0], amounts, call.like(float(call.attrs.pad_value)))
    if mode == "circular":
        call.need(19, "Pad of the wrap mode")
        return call.emit("Pad", call[0], amounts, mode="wrap")
    if mode not in _MODES:
        call.decline(f"it pads by {mode}")
    return call.emit("Pad", call[0], amounts, mode=_MODES[mode])


EMITTERS: dict[str, Emitter] = {
    "reshape": Emitter(reshape, ("Reshape",)),
    "flatten": Emitter(flatten, ("Reshape",)),
    "nn.batch_flatten": Emitter(batch_flatten, ("Flatten",)),
    "expand_dims": Emitter(expand_dims, ("Unsqueeze",)),
    "squeeze": Emitter(squeeze, ("Squeeze",)),
    "permute_dims": Emitter(permute_dims, ("Transpose",)),
    "concat": Emitter(concat, ("Concat", "Reshape")),
    "split": Emitter(split, ("Split",)),
    "stack": Emitter(stack, ("Concat", "Unsqueeze")),
    "broadcast_to": Emitter(broadcast_to, ("Expand",)),
    "tile": Emitter(tile, ("Tile", "Unsqueeze")),
    "repeat": Emitter(repeat, ("Expand", "Unsqueeze", "Reshape")),
    "flip": Emitter(flip, ("Slice",)),
    "meshgrid": Emitter(meshgrid, ("Expand", "Reshape")),
    "nn.pixel_shuffle": Emitter(pixel_shuffle, ("DepthToSpace",)),
    "nn.pad": Emitter(pad, ("Pad",)),
}
