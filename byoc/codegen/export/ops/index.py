"""Reading at indices."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from byoc.codegen.export._call import Call, Emitter
from byoc.frontends.onnx.types import dtype_of


def _index(call: Call, value: str, dtype: str) -> str:
    """Indices as ONNX takes them: int32 or int64."""
    return value if dtype in ("int32", "int64") else call.cast(value, "int64", dtype)


def take(call: Call) -> str:
    """Gather; indices that are clipped are clipped first.

    Those that wrap are taken as they are: ONNX's count from the end when negative, and are errors beyond that.
    """
    mode, axis, data = str(call.attrs.mode), call.attrs.axis, call[0]
    if mode not in ("fast", "wrap", "clip"):
        call.decline(f"what is out of bounds becomes {mode}")
    place = 0 if axis is None else call.axis(axis, call.rank())
    indices = _index(call, call[1], call.dtype(1))
    if mode == "clip":
        indices = _clipped(call, indices, call.shape()[place])
    return call.emit("Gather", data, indices, axis=place)


def _clipped(call: Call, indices: str, extent: Any) -> str:
    array = call.array(1)
    if array is not None and isinstance(extent, int) and array.min() >= 0 and array.max() < extent:
        return indices
    wide = call.cast(indices, "int64", call.dtype(1))
    last = call.dims.scalar(extent - 1)
    return call.emit("Clip", wide, call.constant(0, "int64"), last)


def gather_elements(call: Call) -> str:
    """GatherElements."""
    indices = _index(call, call[1], call.dtype(1))
    return call.emit("GatherElements", call[0], indices, axis=int(call.attrs.axis))


def gather_nd(call: Call) -> str:
    """GatherND."""
    indices = call.cast(call[1], "int64", call.dtype(1))
    return call.emit("GatherND", call[0], indices, batch_dims=int(call.attrs.batch_dims) or None)


def together(call: Call, indices: Sequence[str], fields: Sequence[Any]) -> str:
    """Index tensors, broadcast and stacked along a last axis: one tuple of indices an element."""
    wide = [
        call.cast(each, "int64", dtype_of(ty)) for each, ty in zip(indices, fields, strict=True)
    ]
    if len({tuple(map(str, ty.shape.values)) for ty in fields}) > 1:
        every = functools.reduce(lambda left, right: call.emit("Add", left, right), wide)
        common = call.emit("Shape", every)
        wide = [call.emit("Expand", each, common) for each in wide]
    apart = [call.emit("Unsqueeze", each, call.vector([-1])) for each in wide]
    return apart[0] if len(apart) == 1 else call.emit("Concat", *apart, axis=-1)


def index_tensor(call: Call) -> str:
    """GatherND of the indices of each axis."""
    places = together(call, call.items(1), list(call.expr.args[1].ty.fields))
    return call.emit("GatherND", call[0], places)


def one_hot(call: Call) -> str:
    """OneHot of a constant depth."""
    pair = call.constant([call.number(2), call.number(1)], call.out_dtype(), "values")
    indices = _index(call, call[0], call.dtype())
    depth = call.constant(int(call.attrs.depth), "int64", "depth")
    return call.emit("OneHot", indices, depth, pair, axis=int(call.attrs.axis))


def where(call: Call) -> str:
    """Where."""
    return call.emit("Where", call.cast(call[0], "bool", call.dtype()), call[1], call[2])


def reverse_sequence(call: Call) -> str:
    """ReverseSequence."""
    lengths = call.cast(call[1], "int64", call.dtype(1))
    time, batch = int(call.attrs.seq_axis), int(call.attrs.batch_axis)
    return call.emit("ReverseSequence", call[0], lengths, time_axis=time, batch_axis=batch)


EMITTERS: dict[str, Emitter] = {
    "take": Emitter(take, ("Gather", "Clip", "Cast")),
    "gather_elements": Emitter(gather_elements, ("GatherElements", "Cast")),
    "gather_nd": Emitter(gather_nd, ("GatherND", "Cast")),
    "index_tensor": Emitter(
        index_tensor, ("GatherND", "Concat", "Unsqueeze", "Expand", "Shape", "Add", "Cast")
    ),
    "one_hot": Emitter(one_hot, ("OneHot", "Cast")),
    "where": Emitter(where, ("Where", "Cast")),
    "reverse_sequence": Emitter(reverse_sequence, ("ReverseSequence", "Cast")),
}
