"""Shapes as values."""

from __future__ import annotations

from typing import Any

from tvm import relax

from byoc.codegen.export._call import Call, Emitter, Value


def shape_of(call: Call) -> Value:
    """Nothing where the type says the shape: whoever reads it computes the dims that it needs."""
    if getattr(call.expr.ty, "values", None) is None:
        return call.emit("Shape", call[0])
    return ()


def shape_to_tensor(call: Call) -> str:
    """The dims as an integer vector."""
    known = _known(call.expr.args[0])
    if known is None:
        return call[0]
    return call.vector(known)


def _known(shape: Any) -> list[Any] | None:
    values = (
        shape.values if isinstance(shape, relax.ShapeExpr) else getattr(shape.ty, "values", None)
    )
    return None if values is None else list(values)


def tensor_to_shape(call: Call) -> str:
    """The vector itself: a shape that only the run knows."""
    return call.cast(call[0], "int64", call.dtype())


def size(call: Call) -> str:
    """Size."""
    return call.emit("Size", call[0])


EMITTERS: dict[str, Emitter] = {
    "shape_of": Emitter(shape_of, ("Shape",)),
    "shape_to_tensor": Emitter(shape_to_tensor, ("Shape", "Concat")),
    "tensor_to_shape": Emitter(tensor_to_shape, ("Cast",)),
    "size": Emitter(size, ("Size",)),
}
