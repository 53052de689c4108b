"""Element by element: arithmetic of two values, and functions of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from byoc.vendors.npu.isa import Act, Binary
from byoc.vendors.npu.lower.builder import fold_axis, value_shape
from byoc.vendors.npu.lower.op import Lowering, Op
from byoc.vendors.npu.lower.values import Constant, Value

_FOLDED: Final[Mapping[Binary, Callable[[Any, Any], Any]]] = {
    Binary.ADD: np.add,
    Binary.SUB: np.subtract,
    Binary.MUL: np.multiply,
    Binary.DIV: np.divide,
    Binary.MAX: np.maximum,
    Binary.MIN: np.minimum,
}


def arithmetic(kind: Binary) -> Lowering:
    """An op of two values; a constant is folded into what makes the other."""

    def lowering(op: Op) -> Value:
        left, right = op.operand(0), op.operand(1)
        if isinstance(left, Constant) and isinstance(right, Constant):
            return Constant(np.asarray(_FOLDED[kind](left.real, right.real), np.float32))
        folded = _with_constant(op, kind, left, right)
        if folded is None:
            folded = op.builder.joined(kind, left, right, op.shape, op.var)
        return folded

    return lowering


def _with_constant(op: Op, kind: Binary, left: Value, right: Value) -> Value | None:
    """The op as a factor or an offset of one number, or one a channel; None when it is neither."""
    constant, value = (left, right) if isinstance(left, Constant) else (right, left)
    if not isinstance(constant, Constant) or value_shape(value) != op.shape:
        return None
    known = fold_axis(constant, op.shape)
    if known is None:
        return None
    number, axis = known
    if kind is Binary.MUL:
        return op.builder.scaled(value, number, axis, op.var)
    if kind is Binary.ADD:
        return op.builder.shifted(value, number, axis, op.var)
    if kind is Binary.SUB and constant is right:
        return op.builder.shifted(value, -number, axis, op.var)
    if kind is Binary.SUB:
        negative = op.builder.scaled(value, np.array([-1.0]), None, op.var)
        return op.builder.shifted(negative, number, axis, op.var)
    if kind is Binary.DIV and constant is right and np.all(number != 0):
        return op.builder.scaled(value, 1 / number, axis, op.var)
    return None


def function(act: Act, p: float = 0.0, q: float = 0.0) -> Lowering:
    """An op that is a function of the machine."""

    def lowering(op: Op) -> Value:
        return op.builder.activated(op.operand(0), act, op.var, p, q)

    return lowering


def clip(op: Op) -> Value:
    """Clip between two literal numbers."""
    return op.builder.activated(op.operand(0), Act.CLIP, op.var, op.number(1), op.number(2))


def leakyrelu(op: Op) -> Value:
    """nn.leakyrelu."""
    return op.builder.activated(op.operand(0), Act.LEAKY, op.var, float(op.call.attrs.alpha))


def power(op: Op) -> Value:
    """Power with a constant exponent."""
    exponent = op.constant(1)
    op.demand(exponent.stored.size == 1, "its exponent is no single number")
    number = float(exponent.real.reshape(-1)[0])
    act, p = {0.5: (Act.SQRT, 0.0), 2.0: (Act.SQUARE, 0.0)}.get(number, (Act.POW, number))
    return op.builder.activated(op.operand(0), act, op.var, p)


LOWERINGS: Final[Mapping[str, Lowering]] = {
    "add": arithmetic(Binary.ADD),
    "subtract": arithmetic(Binary.SUB),
    "multiply": arithmetic(Binary.MUL),
    "divide": arithmetic(Binary.DIV),
    "maximum": arithmetic(Binary.MAX),
    "minimum": arithmetic(Binary.MIN),
    "power": power,
    "clip": clip,
    "nn.relu": function(Act.RELU),
    "nn.leakyrelu": leakyrelu,
    "nn.gelu": function(Act.GELU),
    "nn.gelu_tanh": function(Act.GELU_TANH),
    "nn.silu": function(Act.SILU),
    "sigmoid": function(Act.SIGMOID),
    "tanh": function(Act.TANH),
    "exp": function(Act.EXP),
    "log": function(Act.LOG),
    "sqrt": function(Act.SQRT),
    "rsqrt": function(Act.RSQRT),
    "erf": function(Act.ERF),
    "abs": function(Act.ABS),
    "negative": function(Act.NEG),
    "square": function(Act.SQUARE),
}
