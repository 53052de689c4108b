"""Reductions over axes."""

from __future__ import annotations

from byoc.codegen.export._call import Call, Emitter


def _axes(call: Call) -> list[int] | None:
    """The axes, None for all."""
    return call.ints("axis")


def _reduction(op: str) -> Emitter:
    def write(call: Call) -> str:
        axes = _axes(call)
        if axes == [] or not call.expr.args[0].ty.ndim:
            return call[0]
        return call.reduce(op, call[0], axes, bool(call.attrs.keepdims))

    return Emitter(write, (op,))


def _variance(call: Call) -> str:
    axes = _axes(call)
    centred = call.emit("Sub", call[0], call.reduce("ReduceMean", call[0], axes))
    squares = call.emit("Mul", centred, centred)
    return call.reduce("ReduceMean", squares, axes, bool(call.attrs.keepdims))


def deviation(call: Call) -> str:
    """The root of the variance."""
    return call.emit("Sqrt", _variance(call))


def _argument(op: str) -> Emitter:
    def write(call: Call) -> str:
        axis, keep = call.attrs.axis, bool(call.attrs.keepdims)
        data = call[0]
        if axis is None:
            data = call.reshape(data, [-1])
        result = call.emit(
            op, data, axis=0 if axis is None else int(axis), keepdims=int(keep and axis is not None)
        )
        if axis is None and keep:
            result = call.reshape(result, [1] * call.rank())
        return call.cast(result, call.out_dtype(), "int64")

    return Emitter(write, (op, "Reshape", "Cast"))


EMITTERS: dict[str, Emitter] = {
    "sum": _reduction("ReduceSum"),
    "mean": _reduction("ReduceMean"),
    "max": _reduction("ReduceMax"),
    "min": _reduction("ReduceMin"),
    "prod": _reduction("ReduceProd"),
    "variance": Emitter(_variance, ("ReduceMean", "Sub", "Mul")),
    "std": Emitter(deviation, ("ReduceMean", "Sub", "Mul", "Sqrt")),
    "argmax": _argument("ArgMax"),
    "argmin": _argument("ArgMin"),
}
