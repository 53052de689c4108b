"""Functions of stored integers: tables, Relay's integer softmax, and a slope below zero."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from tvm import relax

from byoc.frontends.relay.operation import Convert, Operation
from byoc.frontends.relay.ops.integer.fixed_point import fixed_point, fixed_point_multiplied
from byoc.frontends.relay.ops.integer.pairs import rescaled
from byoc.frontends.relay.ops.integer.scaling import requantized
from byoc.frontends.relay.ops.integer.tensors import (
    cast,
    centred,
    dtype_of,
    saturated,
    scalar_of,
    stored,
)
from byoc.frontends.relay.values import constant

if TYPE_CHECKING:
    from byoc.frontends.relay.ndarray import Array


def _erf(array: Array) -> Array:
    return np.asarray([math.erf(each) for each in array], np.float32)


def _hardswish(array: Array) -> Array:
    bounded = np.clip(array + np.float32(3), np.float32(0), np.float32(6))
    return array * bounded / np.float32(6)


_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "abs": np.abs,
    "erf": _erf,
    "exp": np.exp,
    "hardswish": _hardswish,
    "log": np.log,
    "rsqrt": lambda array: np.float32(1) / np.sqrt(array),
    "sigmoid": lambda array: np.float32(1) / (np.float32(1) + np.exp(-array)),
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}


def _table(op: Operation, dtype: str, function: Callable[[Array], Array]) -> Array:
    """The result for each stored integer, the least first: floats in between, rounded as by `qnn.quantize`."""
    scale, wanted = (np.float32(scalar_of(op, op.args[index], "a scale")) for index in (1, 3))
    zero, wanted_zero = (op.integers(index, "a zero point")[0] for index in (2, 4))
    limits = np.iinfo(dtype)
    every = np.arange(limits.min, limits.max + 1, dtype=np.int32)
    with np.errstate(all="ignore"):
        real = function((every - zero).astype(np.float32) * scale).astype(np.float32)
    return stored(real, np.asarray(wanted), np.asarray(wanted_zero), dtype)


def _function(name: str) -> Convert:
    def convert(op: Operation) -> Any:
        data = op.expr(0)
        dtype = str(data.ty.dtype)
        if dtype not in ("int8", "uint8"):
            op.misfit(f"it reads {dtype}; Relay has a table of 8 bits")
        table = constant(_table(op, dtype, _FUNCTIONS[name]))
        index = cast(op, data, "int32")
        if dtype == "int8":
            index = op.bind(relax.op.add(index, constant(np.asarray(128, np.int32))), "index")
        return relax.op.take(table, index, axis=0, mode="clip")

    return convert


def leaky_relu(op: Operation) -> Any:
    """Above the zero point in the scale of the result; below, times the slope by a fixed point."""
    if not 0 <= op["alpha"] <= 1:
        op.misfit(f"alpha {op['alpha']} is not between 0 and 1")
    data, zero = op.expr(0), op.args[2]
    below = op.bind(
        relax.op.less(cast(op, data, "int32"), cast(op, op.tensor(zero), "int32")), "below"
    )
    above = rescaled(op, data, (op.args[1], zero), (op.args[3], op.args[4]), -1)
    slope = fixed_point_multiplied(op, above, *fixed_point(op["alpha"]))
    wanted_zero = constant(np.asarray(op.integers(4, "the zero point of its result")[0], np.int32))
    rest = fixed_point_multiplied(op, wanted_zero, *fixed_point(1 - op["alpha"]))
    total = op.bind(relax.op.add(slope, rest), "slope")
    return saturated(op, op.bind(relax.op.where(below, total, above), "where"), dtype_of(op, data))


def softmax(op: Operation) -> Any:
    """Relay's softmax in integers (algorithm 1 of arXiv:2207.01405): powers of two, shifts, one division."""
    scale = scalar_of(op, op.args[1], "its scale")
    if not 0 < scale <= 1 or dtype_of(op, op.args[0]) != "int8":
        op.misfit("it reads other than int8 of a scale up to 1, which Relay refuses")
    axis = op["axis"]

    def bind(expr: Any, word: str) -> Any:
        return op.bind(expr, word)

    def whole(value: int) -> Any:
        return constant(np.asarray(value, np.int32))

    unit = min(math.floor(float(np.float32(1) / np.float32(scale)) + 0.5), 2**31 - 1)
    data = centred(op, op.args[0], op.args[2], -1)
    greatest = bind(relax.op.max(data, [axis], keepdims=True), "greatest")
    below = bind(relax.op.subtract(data, greatest), "below")
    half = bind(relax.op.right_shift(below, whole(1)), "half")
    sixteenth = bind(relax.op.right_shift(below, whole(4)), "sixteenth")
    more = bind(relax.op.add(below, half), "more")
    power = bind(relax.op.subtract(more, sixteenth), "power")
    quotient = bind(relax.op.divide(power, whole(-unit)), "quotient")
    octaves = bind(relax.op.clip(quotient, 0, 20), "octaves")
    most = bind(relax.op.max(octaves, [axis], keepdims=True), "most")
    used = bind(relax.op.multiply(octaves, whole(-unit)), "used")
    rest = bind(relax.op.subtract(power, used), "rest")
    line = bind(relax.op.right_shift(rest, whole(1)), "line")
    base = bind(relax.op.add(line, whole(unit)), "base")
    shift = bind(relax.op.subtract(most, octaves), "shift")
    powers = bind(relax.op.left_shift(base, shift), "powers")
    total = bind(relax.op.sum(powers, [axis], keepdims=True), "total")
    inverse = bind(relax.op.divide(whole(1 << 30), total), "inverse")
    share = bind(relax.op.multiply(inverse, powers), "share")
    output = bind(relax.op.right_shift(share, whole(23)), "share")
    given = (constant(np.asarray(1 / 128, np.float32)), whole(0))
    return requantized(op, output, given, (op.args[3], op.args[4]), "int8", 0)


CONVERSIONS: dict[str, Convert] = {
    **{f"qnn.{name}": _function(name) for name in _FUNCTIONS},
    "qnn.leaky_relu": leaky_relu,
    "qnn.softmax": softmax,
}
