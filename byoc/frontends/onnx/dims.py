"""Shape arithmetic: what exporters compute with Shape, Gather, Concat and the like, done at import.

A value of known elements (integers, and expressions over symbolic dims) needs no tensor: Reshape, Expand and
Slice read it directly. Whatever is not covered here is a tensor like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from onnx import TensorProto
from tvm import tirx

from byoc.frontends.onnx.values import Value, shape_value

Known = tuple[Any, ...]

_INTEGERS = {TensorProto.INT64: "int64", TensorProto.INT32: "int32"}


def shape_arithmetic(
    name: str, op: str, attrs: dict[str, Any], inputs: Sequence[Value | None]
) -> Value | None:
    """Return the result as the value `name`; None when this is no shape arithmetic."""
    dtype = "int64"
    if op in ("Shape", "Size"):
        result = _shape(op, attrs, inputs[0])
    else:
        symbolic = [each for each in inputs if each is not None and each.dims is not None]
        known = [None if each is None else each.elements() for each in inputs]
        if op not in _RULES or not symbolic or (None in known and not _absent(inputs, known)):
            return None
        dtype = _INTEGERS.get(attrs.get("to", 0), symbolic[0].dtype)
        result = _RULES[op](attrs, inputs, known)
    return None if result is None else shape_value(name, *result, dtype)


def _absent(inputs: Sequence[Value | None], known: Sequence[Any]) -> bool:
    """Whether only absent inputs have no known elements."""
    return all(
        each is None or elements is not None for each, elements in zip(inputs, known, strict=True)
    )


def _scalar(value: Value | None) -> bool:
    return value is not None and (
        value.scalar or (value.array is not None and value.array.ndim == 0)
    )


def _shape(op: str, attrs: dict[str, Any], value: Value | None) -> tuple[Known, bool] | None:
    if value is None or value.opaque is not None:
        return None
    if value.array is not None:
        dims: Known = value.array.shape
    elif value.dims is not None:
        dims = () if value.scalar else (len(value.dims),)
    else:
        expr = value.fresh() if value.expr is None and value.fresh else value.expr
        if expr is None or expr.ty.shape is None:
            return None
        dims = tuple(expr.ty.shape.values)
    if op == "Shape":
        return dims[slice(attrs.get("start", 0), attrs.get("end"))], False
    total: Any = 1
    for dim in dims:
        total = total * dim
    return (total,), True


def _gather(attrs: dict[str, Any], inputs: Sequence[Any], known: Sequence[Any]) -> Any:
    indices = inputs[1].array
    if inputs[0].scalar or indices is None or attrs.get("axis", 0) not in (0, -1):
        return None
    if any(not -len(known[0]) <= int(each) < len(known[0]) for each in indices.reshape(-1)):
        return None
    return tuple(known[0][int(each)] for each in indices.reshape(-1)), indices.ndim == 0


def _concat(attrs: dict[str, Any], inputs: Sequence[Any], known: Sequence[Any]) -> Any:
    if any(_scalar(each) for each in inputs):
        return None
    return tuple(dim for each in known for dim in each), False


def _slice(attrs: dict[str, Any], inputs: Sequence[Any], known: Sequence[Any]) -> Any:
    if (
        inputs[0].scalar
        or inputs[0].dims is None
        or any(each is not None and each.array is None for each in inputs[1:])
    ):
        return None
    if len(inputs) == 1:
        starts, ends, steps = attrs["starts"], attrs["ends"], (1,)
    else:
        starts, ends = known[1], known[2]
        steps = known[4] if len(inputs) > 4 and known[4] is not None else (1,)
    if len(starts) != 1 or steps[0] == 0:
        return None
    stop = None if steps[0] < 0 and ends[0] < -len(known[0]) else ends[0]
    return known[0][slice(starts[0], stop, steps[0])], False


def _unsqueeze(attrs: dict[str, Any], inputs: Sequence[Any], known: Sequence[Any]) -> Any:
    axes = known[1] if len(inputs) > 1 else attrs.get("axes", ())
    return (known[0], False) if inputs[0].scalar and len(axes) == 1 else None


def _squeeze(attrs: dict[str, Any], inputs: Sequence[Any], known: Sequence[Any]) -> Any:
    return (known[0], True) if not inputs[0].scalar and len(known[0]) == 1 else None


def _reshape(attrs: dict[str, Any], inputs: Sequence[Any], known: Sequence[Any]) -> Any:
    if inputs[1].array is None:
        return None
    if len(known[1]) == 0:
        return known[0], True
    return (known[0], False) if known[1] in ((-1,), (len(known[0]),)) else None


def _cast(attrs: dict[str, Any], inputs: Sequence[Any], known: Sequence[Any]) -> Any:
    return (known[0], inputs[0].scalar) if attrs.get("to") in _INTEGERS else None


def _identity(attrs: dict[str, Any], inputs: Sequence[Any], known: Sequence[Any]) -> Any:
    return known[0], inputs[0].scalar


def _binary(operation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def rule(attrs: dict[str, Any], inputs: Sequence[Any], known: Sequence[Any]) -> Any:
        left, right = known
        length = max(len(left), len(right))
        if not {len(left), len(right)} <= {1, length} or 0 in (len(left), len(right)):
            return None
        if operation is _divide and any(isinstance(each, int) and each == 0 for each in right):
            return None
        pairs = zip(left * (length // len(left)), right * (length // len(right)), strict=True)
        return tuple(operation(a, b) for a, b in pairs), all(map(_scalar, inputs))

    return rule


def _divide(left: Any, right: Any) -> Any:
    if isinstance(left, int):
        left = tirx.const(left, "int64")
    return tirx.truncdiv(left, right)


_RULES: dict[str, Callable[..., Any]] = {
    "Gather": _gather,
    "Concat": _concat,
    "Slice": _slice,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Reshape": _reshape,
    "Cast": _cast,
    "Identity": _identity,
    "Add": _binary(lambda a, b: a + b),
    "Sub": _binary(lambda a, b: a - b),
    "Mul": _binary(lambda a, b: a * b),
    "Div": _binary(_divide),
}
