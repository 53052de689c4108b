"""Types as the text writes them: as Relax types, and held against what was inferred."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tvm import relax, tirx

from byoc.frontends.relay import ast
from byoc.frontends.relay.parser import fail
from byoc.frontends.relay.values import Accumulator, Closure, Value


def identifier(name: str) -> str:
    """`name` as Relax can spell it."""
    base = re.sub(r"\W", "_", name, flags=re.ASCII) or "v"
    return base if base[0].isalpha() or base[0] == "_" else f"v_{base}"


def parameter_type(param: ast.Parameter, file: str) -> Any:
    """The Relax type of a parameter. Raises ModelError for one without a type, or of a type Relax has not."""
    if param.type is None:
        fail(file, param.at, f"the type of %{param.name} is not written")
    return _relax_type(param.type, param, file)


def _relax_type(written: ast.Type, param: ast.Parameter, file: str) -> Any:
    if isinstance(written, ast.TupleType):
        return relax.TupleType([_relax_type(each, param, file) for each in written.fields])
    if isinstance(written, ast.OtherType):
        fail(file, param.at, f"the type of %{param.name} has no form in Relax")
    dims: list[Any] = []
    for axis, dim in enumerate(written.shape):
        if isinstance(dim, str):
            fail(file, param.at, f"the dimension {dim} of %{param.name} has no form in Relax")
        symbol = identifier(f"{param.name}_{axis}")
        dims.append(tirx.Var(symbol, "int64") if dim is None else dim)
    return relax.TensorType(dims, written.dtype)


def check_type(
    written: ast.Type | None, value: Value, what: str, at: ast.Position, file: str
) -> None:
    """Raise ModelError when `value`, which is `what`, cannot be of the type that is written.

    A dimension that is `?`, a variable, or symbolic may be any.
    """
    if written is None or isinstance(written, ast.OtherType) or isinstance(value, Closure):
        return
    found = _fields(value)
    if found is not None and isinstance(written, ast.TupleType):
        if len(found) == len(written.fields):
            for index, (each, field) in enumerate(zip(written.fields, found, strict=True)):
                check_type(each, field, f"item {index} of {what}", at, file)
            return
    elif found is None and isinstance(written, ast.TensorType) and _fits(written, value):
        return
    fail(file, at, f"{what} is {_type_words(value)}, but {_words(written)} is expected")


def _fields(value: Value) -> list[Any] | None:
    """The items of a tuple, or their types; None for a tensor."""
    if isinstance(value, tuple):
        return list(value)
    ty = getattr(value, "ty", value)
    return list(ty.fields) if isinstance(ty, relax.TupleType) else None


def _tensor(value: Value) -> tuple[list[Any] | None, str]:
    """Shape and dtype of a tensor, or of a type of one."""
    real = value.real if isinstance(value, Accumulator) else value
    ty = getattr(real, "ty", real)
    shape = getattr(ty, "shape", None)
    dims = (
        None if shape is None else [int(d) if isinstance(d, tirx.IntImm) else None for d in shape]
    )
    dtype = value.dtype if isinstance(value, Accumulator) else str(getattr(ty, "dtype", ""))
    return dims, dtype


def _fits(written: ast.TensorType, value: Value) -> bool:
    dims, dtype = _tensor(value)
    if dtype != written.dtype:
        return False
    if dims is None:
        return True
    return len(dims) == len(written.shape) and all(
        have == dim or have is None or not isinstance(dim, int)
        for dim, have in zip(written.shape, dims, strict=True)
    )


def _words(written: ast.Type) -> str:
    if isinstance(written, ast.TupleType):
        return _tuple_words([_words(each) for each in written.fields])
    if isinstance(written, ast.OtherType):
        return "?"
    return _tensor_words(["?" if dim is None else dim for dim in written.shape], written.dtype)


def _type_words(value: Value) -> str:
    fields = _fields(value)
    if fields is not None:
        return _tuple_words([_type_words(each) for each in fields])
    dims, dtype = _tensor(value)
    return _tensor_words(
        ["?" if dim is None else dim for dim in (["..."] if dims is None else dims)], dtype
    )


def _tuple_words(fields: Sequence[str]) -> str:
    return f"({fields[0]},)" if len(fields) == 1 else f"({', '.join(fields)})"


def _tensor_words(dims: Sequence[Any], dtype: str) -> str:
    return f"Tensor[({', '.join(map(str, dims))}), {dtype}]"
