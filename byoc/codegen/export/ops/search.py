"""Sorting, searching, running sums."""

from __future__ import annotations

from typing import Any

from byoc.codegen.export._call import Call, Emitter
from byoc.frontends.onnx.types import dtype_of


def _sorted(call: Call, axis: int, count: Any, largest: bool) -> tuple[str, ...]:
    """The values and int64 indices of the `count` first along an axis."""
    return call.emit_many("TopK", 2, call[0], call.vector([count]), axis=axis, largest=int(largest))


def sort(call: Call) -> str:
    """TopK of everything, its values."""
    axis = call.axis(call.attrs.axis, call.rank())
    return _sorted(call, axis, call.shape()[axis], bool(call.attrs.descending))[0]


def argsort(call: Call) -> str:
    """TopK of everything, its indices."""
    axis = call.axis(call.attrs.axis, call.rank())
    places = _sorted(call, axis, call.shape()[axis], bool(call.attrs.descending))[1]
    return call.cast(places, call.out_dtype(), "int64")


def topk(call: Call) -> Any:
    """TopK; no count means everything."""
    attrs = call.attrs
    axis = call.axis(attrs.axis, call.rank())
    count = int(attrs.k) if int(attrs.k) > 0 else call.shape()[axis]
    values, places = _sorted(call, axis, count, bool(attrs.largest))
    kind, ty = str(attrs.ret_type), call.expr.ty
    if kind == "values":
        return values
    if kind == "indices":
        return call.cast(places, call.out_dtype(), "int64")
    return values, call.cast(places, dtype_of(ty.fields[1]), "int64")


def _running(op: str) -> Emitter:
    def write(call: Call) -> str:
        out, axis = call.out_dtype(), call.attrs.axis
        data = call.cast(call[0], out, call.dtype())
        if axis is None:
            data = call.reshape(data, [-1])
        place = call.constant(0 if axis is None else int(axis), "int64", "axis")
        return call.emit(op, data, place, exclusive=int(call.attrs.exclusive or 0) or None)

    return Emitter(write, (op, "Cast", "Reshape"))


def nonzero(call: Call) -> str:
    """NonZero."""
    return call.emit("NonZero", call[0])


def unique(call: Call) -> Any:
    """Unique; the outputs that were asked for, in order."""
    is_sorted, *wanted = (bool(call.number(index)) for index in (1, 2, 3, 4))
    axis = call.number(5) if len(call.expr.args) > 5 else None
    attrs = {"sorted": int(is_sorted), "axis": int(axis) if isinstance(axis, int) else None}
    outputs = call.emit_many("Unique", 4, call[0], **attrs)
    chosen = [outputs[0], *(each for each, keep in zip(outputs[1:], wanted, strict=True) if keep)]
    return tuple(chosen) if len(chosen) > 1 else chosen[0]


EMITTERS: dict[str, Emitter] = {
    "sort": Emitter(sort, ("TopK",)),
    "argsort": Emitter(argsort, ("TopK", "Cast")),
    "topk": Emitter(topk, ("TopK", "Cast")),
    "cumsum": _running("CumSum"),
    "cumprod": _running("CumProd"),
    "nonzero": Emitter(nonzero, ("NonZero",)),
    "unique": Emitter(unique, ("Unique",)),
}
