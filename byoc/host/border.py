"""Border: what crosses between host code and a segment, as the manifest's ports."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from tvm import ir, relax

from byoc.blob import Blob
from byoc.manifest import Extent, Port
from byoc.partition._plain import dim
from byoc.support.refusal import Refusal


def refusal(function: Any) -> Refusal | None:
    """Why a vendor's segment could not be called, None when it can.

    It takes tensors alone, because that is what drivers get, and the shapes of its outputs follow from those of its
    inputs, because the host allocates them.
    """
    for param in function.params:
        if not isinstance(param.ty, relax.TensorType):
            what = "a shape" if isinstance(param.ty, relax.ShapeType) else "no tensor"
            return Refusal(
                "dynamic",
                f"the segment needs {param.name!r}, which is {what} ({param.ty}); a driver is given tensors alone",
            )
    if is_allocatable(function.ret_ty):
        return None
    return Refusal(
        "dynamic",
        "the shapes of the segment's outputs do not follow from those of its inputs: it gives "
        f"{function.ret_ty}; host code allocates a vendor's outputs before the call",
    )


def is_allocatable(ty: Any) -> bool:
    """Whether a value of type `ty`, a tensor or a tuple of tensors, could be allocated before it is computed."""
    types = list(ty.fields) if isinstance(ty, relax.TupleType) else [ty]
    return all(isinstance(each, relax.TensorType) and _is_known(each) for each in types)


def is_callable(function: Any) -> bool:
    """Whether the host library's segment can be called at all: with tensors and shapes, giving tensors."""
    taken = (relax.TensorType, relax.ShapeType)
    given = function.ret_ty
    results = list(given.fields) if isinstance(given, relax.TupleType) else [given]
    return all(isinstance(each.ty, taken) for each in function.params) and all(
        isinstance(each, relax.TensorType) and _has_dtype(each) for each in results
    )


def ports(function: Any) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """The inputs and outputs of a Relax function. A shape is an int64 tensor of one axis.

    Outputs have the names of the variables that hold them, `output_N` where one is none or is given twice.
    """
    inputs = tuple(Port(param.name, *held(param.ty)) for param in function.params)
    types, names = _results(function)
    return inputs, tuple(Port(name, *held(ty)) for name, ty in zip(names, types, strict=True))


def arranged(given: tuple[Port, ...], blob: Blob) -> tuple[Port, ...]:
    """`given` with what a blob says of its driver's tensors."""
    return tuple(
        replace(port, alignment=blob.alignment, order=tuple(blob.orders.get(port.name, ())))
        for port in given
    )


def _is_known(ty: Any) -> bool:
    return _has_dtype(ty) and isinstance(ty.shape, relax.ShapeExpr)


def _has_dtype(ty: Any) -> bool:
    return ty.dtype is not None and not ty.dtype.is_missing()


def _results(function: Any) -> tuple[list[Any], list[str]]:
    """The types of the results, and their names."""
    result = function.body.body
    for block in reversed(function.body.blocks):
        for binding in reversed(block.bindings):
            # `gv = (a, b)` and `gv = lv` name what they stand for.
            if isinstance(binding, relax.VarBinding) and result.same_as(binding.var):
                value = binding.value
                result = value if isinstance(value, ir.Tuple | ir.Var) else result
    many = isinstance(function.ret_ty, relax.TupleType)
    types = list(function.ret_ty.fields) if many else [function.ret_ty]
    fields = list(result.fields) if isinstance(result, ir.Tuple) else [result]
    if len(fields) != len(types):
        fields = [None] * len(types)
    names: list[str] = []
    for place, each in enumerate(fields):
        name = each.name if isinstance(each, ir.Var) else ""
        names.append(name if name and name not in names else f"output_{place}")
    return types, names


def held(ty: Any) -> tuple[str, tuple[Extent, ...] | None]:
    """The dtype ("" for any) and shape of a tensor of type `ty`; a shape is an int64 tensor of one axis."""
    if isinstance(ty, relax.ShapeType):
        return "int64", (None if ty.ndim < 0 else int(ty.ndim),)
    if not isinstance(ty, relax.TensorType):
        return str(getattr(ty, "dtype", "") or "object"), None
    return str(ty.dtype) if _has_dtype(ty) else "", _extents(ty)


def _extents(ty: Any) -> tuple[Extent, ...] | None:
    values = None
    if isinstance(ty.shape, relax.ShapeExpr):
        values = ty.shape.values
    elif ty.shape is not None:
        values = ty.shape.ty.values
    if values is not None:
        return tuple(_extent(each) for each in values)
    return None if ty.ndim < 0 else (None,) * int(ty.ndim)


def _extent(value: Any) -> Extent:
    """A dimension; expressions in plain arithmetic, without TVM's marks (`n + 1` for `n + T.int64(1)`)."""
    found = dim(value)
    if not isinstance(found, str):
        return found
    return re.sub(r"T\.int64\((-?\d+)\)", r"\1", found).replace("T.", "")
