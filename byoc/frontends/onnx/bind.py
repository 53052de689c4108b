"""Bind shapes: what `--shape` and the model say of each input, as one type per input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
from onnx import TypeProto, helper

from byoc.errors import ModelError, UsageError, nearest
from byoc.frontends.onnx.load import Source
from byoc.frontends.onnx.types import is_tensor, type_name


def bind_inputs(
    source: Source, shapes: Mapping[str, Sequence[int]], dims: Mapping[str, int]
) -> dict[str, TypeProto]:
    """Return the type of every input that is no initializer, in order, with `shapes` and `dims` bound.

    Raises UsageError for an unknown input or dimension, a wrong rank, a size below 1, and a size that contradicts
    the model; ModelError for an input that no Relax tensor holds.
    """
    weights = {each.name for each in source.proto.graph.initializer}
    inputs = {each.name: each.type for each in source.proto.graph.input if each.name not in weights}
    for name, proto in inputs.items():
        if not is_tensor(proto) or proto.WhichOneof("value") is None:
            raise ModelError(
                f"{source.name}: input {name!r} is a {type_name(proto)}; byoc takes tensors of numbers as inputs. "
                "Move what makes tensors of it out of the model."
            )
    _known("input", shapes, inputs, source.name)
    symbols = {
        dim.dim_param for each in inputs.values() for dim in _dims(each) if dim.dim_param.strip("?")
    }
    _known("symbolic dimension", dims, symbols, source.name)
    return {
        name: _bind(name, proto, shapes.get(name), dims, source.name)
        for name, proto in inputs.items()
    }


def _dims(proto: TypeProto) -> list[onnx.TensorShapeProto.Dimension]:
    return list(proto.tensor_type.shape.dim)


def _known(
    what: str, given: Mapping[str, object], known: Mapping[str, object] | set[str], model: str
) -> None:
    for name in given:
        if name not in known:
            listed = ", ".join(map(repr, sorted(known))) or "none"
            raise UsageError(
                f"--shape {name}=...: {model} has no {what} {name!r}{nearest(name, known)} (it has: {listed})"
            )


def _bind(
    name: str, proto: TypeProto, shape: Sequence[int] | None, dims: Mapping[str, int], model: str
) -> TypeProto:
    declared = _dims(proto) if proto.tensor_type.HasField("shape") else None
    if declared is None and shape is None:
        return proto
    if shape is not None and declared is not None and len(shape) != len(declared):
        raise UsageError(
            f"--shape {name}={_text(shape)}: {model} declares {name!r} with {len(declared)} dimensions "
            f"({_declared(proto)}), {len(shape)} were given."
        )
    bound: list[int | str | None] = []
    for axis in range(len(declared if declared is not None else shape or ())):
        dim = declared[axis] if declared is not None else None
        size: int | str | None = _size(dim, dims)
        if shape is not None:
            _check(name, axis, shape[axis], size, model)
            size = shape[axis]
        bound.append(size)
    return helper.make_tensor_type_proto(proto.tensor_type.elem_type, bound)


def _size(dim: onnx.TensorShapeProto.Dimension | None, dims: Mapping[str, int]) -> int | str | None:
    if dim is None:
        return None
    # Some exporters write -1 for a dimension that they do not know.
    if dim.HasField("dim_value"):
        return int(dim.dim_value) if dim.dim_value >= 0 else None
    if dim.dim_param in dims:
        if dims[dim.dim_param] < 1:
            raise UsageError(
                f"--shape {dim.dim_param}={dims[dim.dim_param]}: a dimension is at least 1."
            )
        return dims[dim.dim_param]
    # "?" is what some exporters call every dimension that they do not know.
    return None if dim.dim_param == "?" else dim.dim_param or None


def _check(name: str, axis: int, given: int, known: int | str | None, model: str) -> None:
    if given < 1:
        raise UsageError(f"--shape {name}: dimension {axis} is {given}; a dimension is at least 1.")
    if isinstance(known, int) and known != given:
        raise UsageError(
            f"--shape {name}: dimension {axis} is {given}, but {model} fixes it at {known}. "
            "Leave it at that, or export the model with a symbolic dimension."
        )


def _text(shape: Sequence[int]) -> str:
    return ",".join(map(str, shape))


def _declared(proto: TypeProto) -> str:
    return ",".join(
        str(each.dim_value) if each.HasField("dim_value") else each.dim_param or "?"
        for each in _dims(proto)
    )
