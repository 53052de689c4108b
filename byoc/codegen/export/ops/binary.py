"""Arithmetic, comparison and bit operations of two tensors."""

from __future__ import annotations

from byoc.codegen.export._call import Call, Emitter


def _same(op: str) -> Emitter:
    return Emitter(lambda call: call.emit(op, call[0], call[1]), (op,))


def _is_unsigned(call: Call) -> bool:
    return call.dtype().startswith("uint")


def floor_divide(call: Call) -> str:
    """Rounds to minus infinity, where ONNX's Div of integers rounds to zero."""
    left, right = call[0], call[1]
    if call.is_float():
        return call.emit("Floor", call.emit("Div", left, right))
    if not _is_unsigned(call):
        left = call.emit("Sub", left, call.emit("Mod", left, right))
    return call.emit("Div", left, right)


def floor_mod(call: Call) -> str:
    """The remainder with the divisor's sign; ONNX's Mod has that for integers only."""
    left, right = call[0], call[1]
    if not call.is_float():
        return call.emit("Mod", left, right)
    times = call.emit("Floor", call.emit("Div", left, right))
    return call.emit("Sub", left, call.emit("Mul", times, right))


def mod(call: Call) -> str:
    """The remainder with the dividend's sign, C's fmod."""
    return call.emit("Mod", call[0], call[1], fmod=1)


def not_equal(call: Call) -> str:
    """What is not equal."""
    return call.emit("Not", call.emit("Equal", call[0], call[1]))


def _bitwise(op: str, of_booleans: str) -> Emitter:
    def write(call: Call) -> str:
        return call.emit(of_booleans if call.dtype() == "bool" else op, call[0], call[1])

    return Emitter(write, (op, of_booleans))


def _logical(op: str) -> Emitter:
    def write(call: Call) -> str:
        given = [call.cast(call[index], "bool", call.dtype(index)) for index in (0, 1)]
        return call.emit(op, *given)

    return Emitter(write, (op, "Cast"))


def _shift(direction: str) -> Emitter:
    def write(call: Call) -> str:
        if not _is_unsigned(call):
            call.decline("ONNX shifts unsigned integers only")
        return call.emit("BitShift", call[0], call[1], direction=direction)

    return Emitter(write, ("BitShift",))


def log_add_exp(call: Call) -> str:
    """The greater one, plus log(1 + exp(-distance))."""
    left, right = call[0], call[1]
    distance = call.emit("Abs", call.emit("Sub", left, right))
    tail = call.emit("Softplus", call.emit("Neg", distance))
    return call.emit("Add", call.emit("Max", left, right), tail)


def ewise_fma(call: Call) -> str:
    """A product and a sum."""
    return call.emit("Add", call.emit("Mul", call[0], call[1]), call[2])


def outer(call: Call) -> str:
    """Each element times each."""
    column = call.emit("Unsqueeze", call[0], call.vector([1]))
    return call.emit("Mul", column, call[1])


EMITTERS: dict[str, Emitter] = {
    "add": _same("Add"),
    "subtract": _same("Sub"),
    "multiply": _same("Mul"),
    "divide": _same("Div"),
    "power": _same("Pow"),
    "maximum": _same("Max"),
    "minimum": _same("Min"),
    "floor_divide": Emitter(floor_divide, ("Div", "Floor", "Mod", "Sub")),
    "floor_mod": Emitter(floor_mod, ("Mod", "Floor", "Div", "Mul", "Sub")),
    "mod": Emitter(mod, ("Mod",)),
    "equal": _same("Equal"),
    "not_equal": Emitter(not_equal, ("Equal", "Not")),
    "less": _same("Less"),
    "less_equal": _same("LessOrEqual"),
    "greater": _same("Greater"),
    "greater_equal": _same("GreaterOrEqual"),
    "logical_and": _logical("And"),
    "logical_or": _logical("Or"),
    "logical_xor": _logical("Xor"),
    "bitwise_and": _bitwise("BitwiseAnd", "And"),
    "bitwise_or": _bitwise("BitwiseOr", "Or"),
    "bitwise_xor": _bitwise("BitwiseXor", "Xor"),
    "left_shift": _shift("LEFT"),
    "right_shift": _shift("RIGHT"),
    "log_add_exp": Emitter(log_add_exp, ("Max", "Abs", "Sub", "Neg", "Softplus", "Add")),
    "ewise_fma": Emitter(ewise_fma, ("Mul", "Add")),
    "outer": Emitter(outer, ("Mul", "Unsqueeze")),
}
