"""Element types and tensor types, between ONNX, numpy and Relax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, TypeProto, helper
from tvm import relax

Dims = tuple["int | str | None", ...]

_RELAX_DTYPES: dict[int, str] = {
    TensorProto.FLOAT: "float32",
    TensorProto.DOUBLE: "float64",
    TensorProto.FLOAT16: "float16",
    TensorProto.BFLOAT16: "bfloat16",
    TensorProto.INT8: "int8",
    TensorProto.INT16: "int16",
    TensorProto.INT32: "int32",
    TensorProto.INT64: "int64",
    TensorProto.UINT8: "uint8",
    TensorProto.UINT16: "uint16",
    TensorProto.UINT32: "uint32",
    TensorProto.UINT64: "uint64",
    TensorProto.BOOL: "bool",
    TensorProto.FLOAT8E4M3FN: "float8_e4m3fn",
    TensorProto.FLOAT8E4M3FNUZ: "float8_e4m3fnuz",
    TensorProto.FLOAT8E5M2: "float8_e5m2",
    TensorProto.FLOAT8E5M2FNUZ: "float8_e5m2fnuz",
}
_ELEMENTS = {dtype: element for element, dtype in _RELAX_DTYPES.items()}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor type as ONNX's inference knows it: Relax's dtype name, and dims or None for an unknown rank."""

    dtype: str
    shape: Dims | None


def relax_dtype(element: int) -> str | None:
    """Return Relax's name of an ONNX element type; None for strings, 4-bit and complex numbers."""
    return _RELAX_DTYPES.get(element)


def element_type(dtype: str) -> int:
    """Return the ONNX element type of a Relax dtype."""
    return _ELEMENTS[dtype]


def type_name(proto: TypeProto) -> str:
    """Return a TypeProto in words, for messages: `seq(tensor(float))`, `tensor(string)`."""
    kind = proto.WhichOneof("value")
    if kind == "tensor_type":
        return f"tensor({TensorProto.DataType.Name(proto.tensor_type.elem_type).lower()})"
    if kind == "sequence_type":
        return f"seq({type_name(proto.sequence_type.elem_type)})"
    if kind == "optional_type":
        return f"optional({type_name(proto.optional_type.elem_type)})"
    return (kind or "unknown").removesuffix("_type")


def is_tensor(proto: TypeProto) -> bool:
    """Whether a Relax tensor can hold values of this type; an absent or unknown type is taken for a tensor."""
    kind = proto.WhichOneof("value")
    if kind is None:
        return True
    element = proto.tensor_type.elem_type
    return kind == "tensor_type" and (element == 0 or element in _RELAX_DTYPES)


def spec_of(proto: TypeProto | None) -> TensorSpec | None:
    """Read a tensor TypeProto; None when it is absent, no tensor, or names no element type."""
    if proto is None or proto.WhichOneof("value") != "tensor_type":
        return None
    tensor = proto.tensor_type
    dtype = relax_dtype(tensor.elem_type)
    if dtype is None:
        return None
    if not tensor.HasField("shape"):
        return TensorSpec(dtype, None)
    return TensorSpec(dtype, tuple(map(_read_dim, tensor.shape.dim)))


def _read_dim(dim: Any) -> int | str | None:
    if dim.HasField("dim_value"):
        return int(dim.dim_value)
    return dim.dim_param or None


def type_proto(ty: Any) -> TypeProto:
    """Return the ONNX type of a Relax tensor type; symbolic variables become named dims, other dims unknown."""
    dims: list[int | str | None] | None = None
    if ty.shape is not None:
        dims = [plain_dim(dim) for dim in ty.shape.values]
    elif ty.ndim >= 0:
        dims = [None] * ty.ndim
    return helper.make_tensor_type_proto(element_type(dtype_of(ty)), dims)


def plain_dim(dim: Any) -> int | str | None:
    """Return a dim as an extent or a variable's name; None for any other expression."""
    from tvm import tirx

    if isinstance(dim, int | tirx.IntImm):
        return int(dim)
    return dim.name if isinstance(dim, relax.Var | tirx.Var) else None


def dtype_of(ty: Any) -> str:
    """Return the dtype of a Relax tensor type as a string."""
    return str(ty.dtype.dtype if hasattr(ty.dtype, "dtype") else ty.dtype)


def numpy_dtype(dtype: str) -> np.dtype[Any]:
    """Return the numpy dtype (from ml_dtypes for small floats) of a Relax dtype."""
    return np.dtype(helper.tensor_dtype_to_np_dtype(element_type(dtype)))


def array_type(array: np.ndarray[Any, Any]) -> TypeProto:
    """Return the ONNX type of an array."""
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def value_info(name: str, proto: TypeProto) -> onnx.ValueInfoProto:
    """Return a ValueInfoProto of `name` with a type."""
    return onnx.ValueInfoProto(name=name, type=proto)


def attributes(node: onnx.NodeProto, version: int) -> dict[str, Any]:
    """Return a node's attributes as plain Python, defaults of the schema included; graphs are left out."""
    values: dict[str, Any] = {}
    if onnx.defs.has(node.op_type, node.domain):
        try:
            schema = onnx.defs.get_schema(node.op_type, version, node.domain)
        except onnx.defs.SchemaError:
            schema = None
        for name, attribute in sorted(schema.attributes.items()) if schema else ():
            if attribute.default_value.type:
                values[name] = _plain(helper.get_attribute_value(attribute.default_value))
    for attribute in node.attribute:
        if attribute.type not in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS):
            values[attribute.name] = _plain(helper.get_attribute_value(attribute))
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, TensorProto):
        return _plain(onnx.numpy_helper.to_array(value).tolist())
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, Sequence) or hasattr(value, "__iter__"):
        return tuple(_plain(each) for each in value)
    return str(value)
