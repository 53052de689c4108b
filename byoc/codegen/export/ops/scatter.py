"""Writing at indices."""

from __future__ import annotations

from byoc.codegen.export._call import Call, Emitter
from byoc.codegen.export.ops.index import together

_REDUCTIONS = {"update": None, "add": "add", "mul": "mul", "max": "max", "min": "min"}


def _reduction(call: Call) -> str | None:
    name = str(call.attrs.reduction)
    if name not in _REDUCTIONS:
        call.decline(f"it reduces by {name}")
    word = _REDUCTIONS[name]
    if word is not None:
        call.need(16 if word in ("add", "mul") else 18, f"{word} where indices meet")
    return word


def scatter_elements(call: Call) -> str:
    """ScatterElements."""
    indices = call.cast(call[1], "int64", call.dtype(1))
    attrs = {"axis": int(call.attrs.axis), "reduction": _reduction(call)}
    return call.emit("ScatterElements", call[0], indices, call[2], **attrs)


def scatter_nd(call: Call) -> str:
    """ScatterND."""
    indices = call.cast(call[1], "int64", call.dtype(1))
    return call.emit("ScatterND", call[0], indices, call[2], reduction=_reduction(call))


def index_put(call: Call) -> str:
    """ScatterND at the indices of each axis, added where it accumulates."""
    indices = call.expr.args[1]
    fields = list(getattr(indices.ty, "fields", None) or [indices.ty])
    places = together(call, call.items(1), fields)
    add = bool(call.attrs.accumulate)
    if add:
        call.need(16, "add where indices meet")
    extents = call.emit("Slice", call.emit("Shape", places), *_bounds(call, -1))
    rest = call.vector(call.shape()[len(fields) :])
    values = call.emit("Expand", call[2], call.emit("Concat", extents, rest, axis=0))
    return call.emit("ScatterND", call[0], places, values, reduction="add" if add else None)


def _bounds(call: Call, end: int) -> list[str]:
    return [call.vector([each]) for each in (0, end)]


EMITTERS: dict[str, Emitter] = {
    "scatter_elements": Emitter(scatter_elements, ("ScatterElements", "Cast")),
    "scatter_nd": Emitter(scatter_nd, ("ScatterND", "Cast")),
    "index_put": Emitter(
        index_put,
        ("ScatterND", "Concat", "Unsqueeze", "Expand", "Shape", "Slice", "Add", "Cast"),
    ),
}
