"""Functions of one tensor, element by element."""

from __future__ import annotations

from byoc.codegen.export._call import Call, Emitter


def _same(op: str) -> Emitter:
    return Emitter(lambda call: call.emit(op, call[0]), (op,))


def _rounding(op: str) -> Emitter:
    """Integers are whole already."""
    return Emitter(lambda call: call.emit(op, call[0]) if call.is_float() else call[0], (op,))


def trunc(call: Call) -> str:
    """Rounds to zero: up below it, down above; the sign of a zero stays."""
    if not call.is_float():
        return call[0]
    below = call.emit("Less", call[0], call.like(0))
    return call.emit("Where", below, call.emit("Ceil", call[0]), call.emit("Floor", call[0]))


def rsqrt(call: Call) -> str:
    """One divided by the root."""
    return call.emit("Reciprocal", call.emit("Sqrt", call[0]))


def square(call: Call) -> str:
    """The product with itself."""
    return call.emit("Mul", call[0], call[0])


def isfinite(call: Call) -> str:
    """Neither infinite nor no number."""
    either = call.emit("Or", call.emit("IsInf", call[0]), call.emit("IsNaN", call[0]))
    return call.emit("Not", either)


def logical_not(call: Call) -> str:
    """The negation."""
    return call.emit("Not", call.cast(call[0], "bool", call.dtype()))


def bitwise_not(call: Call) -> str:
    """The complement of each bit; of a boolean its negation."""
    return call.emit("Not" if call.dtype() == "bool" else "BitwiseNot", call[0])


def astype(call: Call) -> str:
    """Another dtype."""
    return call.cast(call[0], call.out_dtype(), call.dtype())


def clip(call: Call) -> str:
    """Between two numbers; one that is infinite is no bound."""
    bounds: list[str | None] = []
    for index in (1, 2):
        bound = call.number(index)
        if not isinstance(bound, int | float):
            call.decline("a bound is symbolic")
        bounds.append(None if abs(bound) == float("inf") else call.like(bound))
    return call.emit("Clip", call[0], *bounds)


def identity(call: Call) -> str:
    """The tensor as it is."""
    return call[0]


_PASSED_ON = (
    "builtin.stop_lift_params",
    "grad.end_checkpoint",
    "grad.no_grad",
    "grad.start_checkpoint",
    "hint_on_device",
    "memory.ensure_zero_offset",
    "to_vdevice",
)

EMITTERS: dict[str, Emitter] = {
    "abs": _same("Abs"),
    "acos": _same("Acos"),
    "acosh": _same("Acosh"),
    "asin": _same("Asin"),
    "asinh": _same("Asinh"),
    "atan": _same("Atan"),
    "atanh": _same("Atanh"),
    "ceil": _rounding("Ceil"),
    "cos": _same("Cos"),
    "cosh": _same("Cosh"),
    "erf": _same("Erf"),
    "exp": _same("Exp"),
    "floor": _rounding("Floor"),
    "isinf": _same("IsInf"),
    "isnan": _same("IsNaN"),
    "isfinite": Emitter(isfinite, ("IsInf", "IsNaN", "Or", "Not")),
    "log": _same("Log"),
    "negative": _same("Neg"),
    "round": _rounding("Round"),
    "rsqrt": Emitter(rsqrt, ("Sqrt", "Reciprocal")),
    "sigmoid": _same("Sigmoid"),
    "sign": _same("Sign"),
    "sin": _same("Sin"),
    "sinh": _same("Sinh"),
    "sqrt": _same("Sqrt"),
    "square": Emitter(square, ("Mul",)),
    "tan": _same("Tan"),
    "tanh": _same("Tanh"),
    "trunc": Emitter(trunc, ("Floor", "Ceil", "Less", "Where")),
    "logical_not": Emitter(logical_not, ("Not", "Cast")),
    "bitwise_not": Emitter(bitwise_not, ("BitwiseNot", "Not")),
    "astype": Emitter(astype, ("Cast",)),
    "clip": Emitter(clip, ("Clip",)),
    **{name: Emitter(identity, ("Identity",)) for name in _PASSED_ON},
}
