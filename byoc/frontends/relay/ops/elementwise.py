"""Operators of one element, or of two that broadcast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tvm import relax

from byoc.frontends.relay.operation import Family, Operation, scalar
from byoc.frontends.relay.values import Accumulator, Value, array_of
from byoc.relay.names import NAMES

FAMILY = Family("Elementwise")

_UNARY = [
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "ceil",
    "cos",
    "cosh",
    "erf",
    "exp",
    "floor",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "logical_not",
    "negative",
    "rsqrt",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "trunc",
    "bitwise_not",
    "zeros_like",
    "ones_like",
]
_BINARY = [
    "divide",
    "equal",
    "floor_divide",
    "greater",
    "greater_equal",
    "left_shift",
    "less",
    "less_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
    "minimum",
    "mod",
    "multiply",
    "not_equal",
    "power",
    "right_shift",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "floor_mod",
]


def _named(name: str) -> Callable[..., Any]:
    """The Relax op that one of Relay's is called."""
    relax_name = NAMES[name].relax if name in NAMES else name
    made: Callable[..., Any] = getattr(relax.op, relax_name)
    return made


def _unary(name: str) -> None:
    make = _named(name)

    @FAMILY.operator(name, f"`{make.__name__}`")
    def convert(op: Operation) -> Any:
        return make(op.expr())


def _binary(name: str) -> None:
    make = _named(name)

    @FAMILY.operator(name, f"`{make.__name__}`", arguments=2)
    def convert(op: Operation) -> Any:
        return make(op.expr(0), op.expr(1))


for _name in _UNARY:
    _unary(_name)
for _name in _BINARY:
    _binary(_name)


def real_sum(op: Operation, make: Callable[[Any, Any], Any]) -> Value | None:
    """Add or subtract two accumulators of one scale as the tensors they stand for; None for other arguments."""
    left, right = op.args
    if not (isinstance(left, Accumulator) and isinstance(right, Accumulator)):
        return None
    if left.zero_point.any() or right.zero_point.any() or left.scale.size != right.scale.size:
        return None
    close = abs(left.scale.reshape(-1) - right.scale.reshape(-1)) <= 1e-6 * abs(
        left.scale.reshape(-1)
    )
    if not close.all():
        return None
    wide = left if left.real.ty.ndim >= right.real.ty.ndim else right
    return Accumulator(
        make(left.real, right.real), wide.scale, wide.zero_point, wide.axis, wide.dtype
    )


@FAMILY.operator("add", "`add`", arguments=2)
def add(op: Operation) -> Value:
    """Addition; of a bias to an accumulator too."""
    total = real_sum(op, lambda a, b: op.bind(relax.op.add(a, b), "sum"))
    return relax.op.add(op.expr(0), op.expr(1)) if total is None else total


@FAMILY.operator("subtract", "`subtract`", arguments=2)
def subtract(op: Operation) -> Value:
    """Subtraction; of accumulators too."""
    total = real_sum(op, lambda a, b: op.bind(relax.op.subtract(a, b), "difference"))
    return relax.op.subtract(op.expr(0), op.expr(1)) if total is None else total


@FAMILY.operator("trunc_divide", "`divide`; of floats, `trunc` of it", arguments=2)
def trunc_divide(op: Operation) -> Any:
    """The quotient without its fraction."""
    quotient = relax.op.divide(op.expr(0), op.expr(1))
    if str(op.expr(0).ty.dtype).startswith(("int", "uint")):
        return quotient
    return relax.op.trunc(op.bind(quotient, "quotient"))


@FAMILY.operator("trunc_mod", "`mod`", arguments=2)
def trunc_mod(op: Operation) -> Any:
    """What `trunc_divide` leaves; it has the sign of the dividend."""
    return relax.op.mod(op.expr(0), op.expr(1))


@FAMILY.operator("maximum", "`maximum`; `nn.relu` of an accumulator against zeros", arguments=2)
def maximum(op: Operation) -> Value:
    """The larger; an accumulator against its zero point is a relu of what it stands for."""
    left, right = op.args
    if isinstance(left, Accumulator) and not isinstance(right, tuple):
        bound = array_of(right)
        if bound is not None and not bound.any() and not left.zero_point.any():
            return rectified(op, left)
    return relax.op.maximum(op.expr(0), op.expr(1))


def rectified(op: Operation, value: Accumulator) -> Accumulator:
    """The relu of what an accumulator stands for."""
    real = op.bind(relax.op.nn.relu(value.real), "relu")
    return Accumulator(real, value.scale, value.zero_point, value.axis, value.dtype)


@FAMILY.operator("clip", "`clip`", a_min=None, a_max=None, out_dtype="")
def clip(op: Operation) -> Value:
    """Bounds; on an accumulator of one scale, of what it stands for."""
    value, low, high = op.args[0], op["a_min"], op["a_max"]
    if low is None or high is None or np.isnan([low, high]).any():
        op.misfit("it states no bounds")
    if isinstance(value, Accumulator) and value.scale.size == 1:
        scale, zero_point = float(value.scale.reshape(())), int(value.zero_point.reshape(()))
        bounds = [(bound - zero_point) * scale for bound in (low, high)]
        real = op.bind(relax.op.clip(value.real, *bounds), "clip")
        return Accumulator(real, value.scale, value.zero_point, value.axis, value.dtype)
    expr = op.expr()
    dtype = str(expr.ty.dtype)
    if dtype.startswith(("int", "uint")):
        extent = np.iinfo(dtype)
        low, high = (int(min(max(bound, extent.min), extent.max)) for bound in (low, high))
    return relax.op.clip(expr, low, high)


@FAMILY.operator("cast", "`astype`", dtype="")
def cast(op: Operation) -> Any:
    """Another dtype; the same is the argument."""
    expr = op.expr()
    if not op["dtype"]:
        op.misfit("it states no dtype")
    return expr if str(expr.ty.dtype) == op["dtype"] else relax.op.astype(expr, op["dtype"])


@FAMILY.operator("cast_like", "`astype`", arguments=2)
def cast_like(op: Operation) -> Any:
    """The dtype of the second argument."""
    return relax.op.astype(op.expr(0), str(op.expr(1).ty.dtype))


for _fast, _exact in (("fast_exp", "exp"), ("fast_tanh", "tanh"), ("fast_erf", "erf")):

    def _exactly(exact: str = _exact, fast: str = _fast) -> None:
        @FAMILY.operator(fast, f"`{exact}`, exact")
        def convert(op: Operation) -> Any:
            return getattr(relax.op, exact)(op.expr())

    _exactly()


@FAMILY.operator("round", "`trunc`, `round`, `where`: halves away from zero")
def round_away(op: Operation) -> Any:
    """The nearest whole number; Relay's halves go away from zero, Relax's to the even one."""
    expr = op.expr()
    dtype = str(expr.ty.dtype)
    if not dtype.startswith(("float", "bfloat")):
        return expr
    whole = op.bind(relax.op.trunc(expr), "trunc")
    rest = op.bind(relax.op.abs(op.bind(relax.op.subtract(expr, whole), "rest")), "rest")
    half = op.bind(relax.op.equal(rest, scalar(0.5, dtype)), "half")
    away = op.bind(relax.op.add(whole, op.bind(relax.op.sign(expr), "sign")), "away")
    return relax.op.where(half, away, op.bind(relax.op.round(expr), "even"))


@FAMILY.operator("log2", "`log` over a constant")
def log2(op: Operation) -> Any:
    """The logarithm to base 2."""
    import math

    expr = op.expr()
    logarithm = op.bind(relax.op.log(expr), "log")
    return relax.op.divide(logarithm, scalar(math.log(2), str(expr.ty.dtype)))


@FAMILY.operator("log10", "`log` over a constant")
def log10(op: Operation) -> Any:
    """The logarithm to base 10."""
    import math

    expr = op.expr()
    logarithm = op.bind(relax.op.log(expr), "log")
    return relax.op.divide(logarithm, scalar(math.log(10), str(expr.ty.dtype)))


@FAMILY.operator("where", "`where`", arguments=3)
def where(op: Operation) -> Any:
    """A choice for each element."""
    condition = op.expr(0)
    if str(condition.ty.dtype) != "bool":
        condition = op.bind(relax.op.astype(condition, "bool"), "condition")
    return relax.op.where(condition, op.expr(1), op.expr(2))


_IDENTITIES: dict[str, dict[str, Any]] = {
    "annotation.compiler_begin": {"compiler": ""},
    "annotation.compiler_end": {"compiler": ""},
    "annotation.stop_fusion": {},
    "copy": {},
    "device_copy": {"src_virtual_device": None, "dst_virtual_device": None},
    "identity": {},
    "on_device": {"virtual_device": None, "constrain_result": False, "constrain_body": True},
}


def _passed(op: Operation) -> Value:
    return op.args[0]


for _identity, _attributes in _IDENTITIES.items():
    FAMILY.operator(_identity, "its argument", **_attributes)(_passed)
