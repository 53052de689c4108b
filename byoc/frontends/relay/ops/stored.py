"""Operators that move or compare stored integers, between a dequantize and a quantize as in ONNX's QDQ models.

Relay runs them on the integers. Where the integers come from a quantize of one scale, the float form gives the same
ones: it keeps the order of numbers, and what is dequantized is quantized to the integer that it was. Means are the
exception: Relay's are divided towards zero, those of the float form are rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from tvm import ir, relax

from byoc.frontends.relay.operation import Convert, Operation, Row
from byoc.frontends.relay.values import Accumulator, Value, array_of, constant

if TYPE_CHECKING:
    from byoc.frontends.relay.ndarray import Array

_MOVES = (
    "expand_dims",
    "max",
    "nn.batch_flatten",
    "nn.depth_to_space",
    "nn.global_max_pool1d",
    "nn.global_max_pool2d",
    "nn.global_max_pool3d",
    "nn.max_pool1d",
    "nn.max_pool2d",
    "nn.max_pool3d",
    "nn.relu",
    "nn.space_to_depth",
    "reshape",
    "reverse",
    "squeeze",
    "strided_slice",
    "transpose",
)
"""Operators whose integers are integers that they were given, whatever the scale; `nn.relu` where zero is zero."""

_WIDE = "int32"


@dataclass(frozen=True, slots=True)
class _Stored:
    """How a tensor is stored: one scale, one zero point."""

    scale: Array
    zero_point: Array
    dtype: str

    def real(self, op: Operation, value: Any) -> Any:
        """The floats that stored integers stand for."""
        scale, zero_point = constant(self.scale), constant(self.zero_point)
        whole = relax.op.dequantize(value, scale, zero_point, axis=0, out_dtype="float32")
        return op.bind(whole, "dequantize")

    def store(self, value: Any) -> Any:
        """Floats as stored integers."""
        scale, zero_point = constant(self.scale), constant(self.zero_point)
        return relax.op.quantize(value, scale, zero_point, axis=0, out_dtype=self.dtype)

    def bound(self, integer: float) -> float:
        """The float that an integer stands for."""
        return float((integer - int(self.zero_point)) * np.float64(self.scale))


def _stored(op: Operation, value: Value) -> _Stored | None:
    """How a tensor is stored, None for one that no quantize of one scale made."""
    made = op.definition(value)
    if not (
        isinstance(made, ir.Call)
        and isinstance(made.op, ir.Op)
        and made.op.name == "relax.quantize"
    ):
        return None
    scale, zero_point = array_of(made.args[1]), array_of(made.args[2])
    if scale is None or zero_point is None or scale.size != 1:
        return None
    return _Stored(scale.reshape(()), zero_point.reshape(()), str(made.attrs.out_dtype))


def _moved(row: Row) -> Convert:
    """The operator on floats; `row` has its form."""

    def convert(op: Operation) -> Value:
        stored = _stored(op, op.args[0])
        if stored is None or (op.name == "nn.relu" and stored.zero_point.any()):
            return row.convert(op)
        real = stored.real(op, op.args[0])
        made = row.convert(replace(op, args=(real, *op.args[1:])))
        return stored.store(op.bind(made, op.name.rpartition(".")[2]))

    return convert


def _concatenated(row: Row) -> Convert:
    """Tensors that are stored alike, one behind the other."""

    def convert(op: Operation) -> Value:
        parts = op.fields(0)
        found = [_stored(op, each) for each in parts]
        first = found[0] if found else None
        if first is None or any(each != first for each in found):
            return row.convert(op)
        reals = tuple(first.real(op, each) for each in parts)
        made = row.convert(replace(op, args=(reals, *op.args[1:])))
        return first.store(op.bind(made, "concat"))

    return convert


def _clipped(row: Row) -> Convert:
    """Integers between bounds are floats between what the bounds stand for."""

    def convert(op: Operation) -> Value:
        stored = _stored(op, op.args[0])
        given = (op["a_min"], op["a_max"])
        if stored is None or None in given or not np.isfinite(given).all():
            return row.convert(op)
        bounds = {name: stored.bound(op[name]) for name in ("a_min", "a_max")}
        real = stored.real(op, op.args[0])
        made = row.convert(replace(op, args=(real,), attrs={**op.attrs, **bounds}))
        return stored.store(op.bind(made, "clip"))

    return convert


def _largest(row: Row) -> Convert:
    """The larger of an integer and the zero point is a relu."""

    def convert(op: Operation) -> Value:
        stored = _stored(op, op.args[0])
        bound = None if isinstance(op.args[1], tuple) else array_of(op.args[1])
        if stored is None or bound is None or (bound != stored.zero_point).any():
            return row.convert(op)
        real = stored.real(op, op.args[0])
        return stored.store(op.bind(relax.op.nn.relu(real), "relu"))

    return convert


def _margined(row: Row) -> Convert:
    """Margins of an integer are margins of the float that it stands for."""

    def convert(op: Operation) -> Value:
        stored = _stored(op, op.args[0])
        margin = array_of(op.args[1]) if len(op.args) == 2 else np.asarray(op["pad_value"])
        if stored is None or margin is None or margin.size != 1:
            return row.convert(op)
        real = stored.real(op, op.args[0])
        value = np.asarray(stored.bound(float(margin.reshape(()))), np.float32)
        made = row.convert(replace(op, args=(real, constant(value))))
        return stored.store(op.bind(made, "pad"))

    return convert


def _cast(row: Row) -> Convert:
    """Stored integers in 32 bits are an accumulator, and an accumulator in 8 or 16 bits is stored."""

    def convert(op: Operation) -> Value:
        value, dtype = op.args[0], op["dtype"]
        if isinstance(value, Accumulator):
            if dtype not in ("int8", "uint8", "int16", "uint16") or value.scale.size != 1:
                return row.convert(op)
            zero_point = value.zero_point.reshape(()).astype(dtype)
            return _Stored(value.scale.reshape(()), zero_point, dtype).store(value.real)
        stored = _stored(op, value)
        if stored is None or dtype != _WIDE:
            return row.convert(op)
        zero_point = stored.zero_point.astype(np.int32)
        return Accumulator(stored.real(op, value), stored.scale, zero_point, 0, _WIDE)

    return convert


def _accumulated(value: Value, total: Accumulator, axis: int | None) -> Value:
    """A constant of integers that is added to an accumulator, as the float constant that it stands for.

    `axis` is that of a vector; without one the constant broadcasts. Any other value, or a constant that does not
    have a number for each scale, stays what it is.
    """
    array = None if isinstance(value, tuple | Accumulator) else array_of(value)
    if array is None or array.dtype.kind not in "iu" or total.zero_point.any():
        return value
    rank = total.real.ty.ndim
    if axis is None:
        scale = total.along(rank)[0]
    elif total.scale.size > 1 and axis % rank != total.axis % rank:
        return value
    else:
        scale = total.scale if total.scale.size > 1 else total.scale.reshape(())
    real = (array.astype(np.float64) * scale.astype(np.float64)).astype(np.float32)
    if real.shape != array.shape:
        return value
    return Accumulator(constant(real), total.scale, total.zero_point, total.axis, total.dtype)


def _summed(row: Row) -> Convert:
    """A bias of integers, which networks of TFLite have, is a bias of floats."""

    def convert(op: Operation) -> Value:
        left, right = op.args
        axis = op["axis"] if op.name == "nn.bias_add" else None
        if isinstance(left, Accumulator):
            right = _accumulated(right, left, axis)
        elif isinstance(right, Accumulator) and axis is None:
            left = _accumulated(left, right, axis)
        return row.convert(replace(op, args=(left, right)))

    return convert


def hold_margins(op: Operation, zero_point: Array) -> None:
    """Raise Misfit for means that count margins: Relay's are integers of zero, which stand for another number."""
    if op["count_include_pad"] and any(op["padding"]) and zero_point.any():
        op.misfit("it counts margins of stored zeros, which stand for another number than zero")


def _averaged(row: Row) -> Convert:
    """Means of an accumulator, where margins are none or stand for zero."""

    def convert(op: Operation) -> Value:
        if isinstance(op.args[0], Accumulator):
            hold_margins(op, op.args[0].zero_point)
        return row.convert(op)

    return convert


FORMS: dict[str, Callable[[Row], Convert]] = {
    **dict.fromkeys(_MOVES, _moved),
    **{f"nn.avg_pool{rank}d": _averaged for rank in (1, 2, 3)},
    **dict.fromkeys(("add", "nn.bias_add", "subtract"), _summed),
    "cast": _cast,
    "clip": _clipped,
    "concatenate": _concatenated,
    "maximum": _largest,
    "nn.pad": _margined,
}
"""What makes the conversion of each operator out of its row."""
