"""`qnn.quantize`, `qnn.dequantize` and `qnn.requantize`, and the scaling that other operators have inside."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import relax

from byoc.frontends.relay.operation import Convert, Operation
from byoc.frontends.relay.ops.integer.fixed_point import multiplied, multiplied_along
from byoc.frontends.relay.ops.integer.tensors import (
    BEYOND,
    LAST,
    along,
    cast,
    centred,
    hold_kind,
    is_zero,
    one_for_each,
    rounded,
    same,
    saturated,
    scalar_of,
    scales_of,
    shifted,
    stored,
)
from byoc.frontends.relay.values import Value, array_of, constant


def quantize(op: Operation) -> Any:
    """Floats over the scale, rounded with halves away from zero, plus the zero point, saturated.

    What is no number is the greatest integer, as in the code that TVM makes for CPUs.
    """
    return quantized(op, op.expr(0), op.args[1], op.args[2], op["axis"], op["out_dtype"])


def quantized(
    op: Operation, data: Any, scale: Value, zero_point: Value, axis: int, dtype: str
) -> Any:
    """Floats as stored integers."""
    if not dtype.startswith(("int", "uint")):
        op.misfit(f"its out_dtype {dtype!r} is none of integers")
    hold_kind(op, scale, "scale")
    hold_kind(op, zero_point, "zero point")
    if not str(data.ty.dtype).startswith("float"):
        op.misfit(f"it reads {data.ty.dtype}")
    rank = len(op.dims(data))
    folded = _folded(op, data, (scale, zero_point), axis, dtype)
    if folded is not None:
        return folded
    steps = op.bind(relax.op.divide(data, along(op, scale, axis, rank, "float32")), "scaled")
    whole = rounded(op, op.bind(relax.op.clip(steps, -BEYOND, BEYOND), "finite"))
    if not is_zero(zero_point):
        zero = along(op, zero_point, axis, rank, "float32")
        whole = op.bind(relax.op.add(whole, zero), "shifted")
    limits = np.iinfo(dtype)
    bounded = relax.op.clip(whole, float(limits.min), min(float(limits.max), LAST))
    return op.bind(relax.op.astype(op.bind(bounded, "clip"), dtype), "quantize")


def _folded(op: Operation, data: Any, wanted: tuple[Value, Value], axis: int, dtype: str) -> Any:
    """Constants stored as constants; None when there is something that is none."""
    real = array_of(data)
    if real is None:
        return None
    spread = []
    for each in wanted:
        array = array_of(op.tensor(each))
        if array is None:
            return None
        one_for_each(op, array, axis, real.shape)
        shape = [1] * real.ndim
        if array.size > 1:
            shape[op.axis(axis, real.ndim)] = -1
        spread.append(array.reshape(shape))
    return constant(stored(real, spread[0], spread[1], dtype))


def dequantize(op: Operation) -> Any:
    """Stored integers less the zero point, as floats times the scale."""
    whole = centred(op, op.args[0], op.args[2], op["axis"])
    rank = len(op.dims(whole))
    hold_kind(op, op.args[1], "scale")
    scale = along(op, op.args[1], op["axis"], rank, "float32")
    real = op.bind(relax.op.multiply(cast(op, whole, "float32"), scale), "dequantize")
    if op["out_dtype"] == "float32":
        return real
    if not op["out_dtype"].startswith("float"):
        op.misfit(f"its out_dtype {op['out_dtype']!r} is none of floats")
    limit = float(np.finfo(op["out_dtype"]).max)
    bounded = op.bind(relax.op.clip(real, -limit, limit), "clip")
    return cast(op, bounded, op["out_dtype"])


def requantize(op: Operation) -> Any:
    """Stored integers to others, by Relay's default in integers of 64 bits with halves upward.

    `compute_dtype` "None" is "int64": what Relay takes on every target but x86 with SSE 4.1, where it is "float32".
    """
    rounding, compute = op["rounding"], op["compute_dtype"]
    return requantized(
        op,
        op.expr(0),
        (op.args[1], op.args[2]),
        (op.args[3], op.args[4]),
        op["out_dtype"],
        axis=op["axis"],
        rounding="UPWARD" if rounding == "None" else rounding,
        compute="int64" if compute == "None" else compute,
    )


def requantized(
    op: Operation,
    data: Any,
    given: tuple[Value, Value],
    wanted: tuple[Value, Value],
    dtype: str,
    axis: int = -1,
    rounding: str = "UPWARD",
    compute: str = "int64",
) -> Any:
    """Integers of one scale and zero point as those of another; `given` and `wanted` are (scale, zero point)."""
    if rounding not in ("UPWARD", "TONEAREST"):
        op.misfit(f"rounding {rounding!r}")
    if scalar_of(op, wanted[0], "the scale of its result") == 0:
        op.misfit("the scale of its result is zero")
    whole = centred(op, data, given[1], axis)
    if compute in ("float32", "float64"):
        return _in_floats(op, whole, given[0], wanted, dtype, axis, rounding, compute)
    if compute != "int64":
        op.misfit(f"compute_dtype {compute!r}")
    scaled = _scaled(op, whole, given[0], wanted[0], axis, rounding)
    return saturated(op, shifted(op, scaled, wanted[1]), dtype)


def _ratios(op: Operation, given: Value, wanted: Value) -> list[float]:
    one = scalar_of(op, wanted, "the scale of its result")
    return [float(each) / one for each in scales_of(op, given, "its scale").reshape(-1)]


def _scaled(
    op: Operation, whole: Any, given: Value, wanted: Value, axis: int, rounding: str
) -> Any:
    if same(given, wanted):
        return whole
    ratios = _ratios(op, given, wanted)
    if scales_of(op, given, "its scale").ndim == 0:
        return multiplied(op, whole, ratios[0], rounding)
    return multiplied_along(op, whole, ratios, axis, rounding)


def _in_floats(
    op: Operation,
    whole: Any,
    given: Value,
    wanted: tuple[Value, Value],
    dtype: str,
    axis: int,
    rounding: str,
    compute: str,
) -> Any:
    """By a product of floats; beyond 32 bits, which Relay does not define, saturated."""
    real = cast(op, whole, compute)
    if not same(given, wanted[0]):
        ratios = np.asarray(_ratios(op, given, wanted[0]), compute)
        factor = ratios.reshape(()) if ratios.size == 1 else ratios
        spread = along(op, constant(factor), axis, len(op.dims(whole)), compute)
        real = op.bind(relax.op.multiply(real, spread), "product")
    real = shifted(op, real, wanted[1])
    last = LAST if compute == "float32" else BEYOND - 1
    if rounding == "UPWARD":
        half = op.bind(relax.op.add(real, constant(np.asarray(0.5, compute))), "half")
        real = op.bind(relax.op.floor(half), "floor")
    else:
        real = rounded(op, real)
    bounded = op.bind(relax.op.clip(real, -BEYOND, last), "finite")
    return saturated(op, cast(op, bounded, "int32"), dtype)


CONVERSIONS: dict[str, Convert] = {
    "qnn.quantize": quantize,
    "qnn.dequantize": dequantize,
    "qnn.requantize": requantize,
}
