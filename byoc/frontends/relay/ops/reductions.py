"""Reductions, sums along axes, and order."""

from __future__ import annotations

from typing import Any

from tvm import relax

from byoc.frontends.relay.operation import Family, Operation
from byoc.frontends.relay.values import Accumulator, Value

FAMILY = Family("Reductions and order")

_AXES: dict[str, Any] = {"axis": None, "keepdims": False, "exclude": False}


def _reduced(op: Operation, rank: int) -> list[int]:
    axes = op.axes(op["axis"], rank)
    if not op["exclude"]:
        return axes
    return [each for each in range(rank) if each not in axes]


def _reductions() -> None:
    for name in ("sum", "max", "min", "prod"):

        def convert(op: Operation, name: str = name) -> Any:
            expr = op.expr()
            axes = _reduced(op, len(op.dims(expr)))
            return getattr(relax.op, name)(expr, axes, keepdims=op["keepdims"])

        FAMILY.operator(name, f"`{name}`", **_AXES)(convert)
    for name, make in (("all", "min"), ("any", "max")):

        def convert_truth(op: Operation, make: str = make) -> Any:
            expr = op.expr()
            axes = _reduced(op, len(op.dims(expr)))
            whole = op.bind(relax.op.astype(expr, "int8"), "int")
            found = op.bind(getattr(relax.op, make)(whole, axes, keepdims=op["keepdims"]), make)
            return relax.op.astype(found, "bool")

        FAMILY.operator(name, f"`{make}` of integers", **_AXES)(convert_truth)


_reductions()


@FAMILY.operator("mean", "`mean`", **_AXES)
def mean(op: Operation) -> Value:
    """The mean; of an accumulator with one scale, of what it stands for."""
    value = op.args[0]
    if isinstance(value, Accumulator) and value.scale.size == 1:
        axes = _reduced(op, len(op.dims(value.real)))
        real = op.bind(relax.op.mean(value.real, axes, keepdims=op["keepdims"]), "mean")
        return Accumulator(real, value.scale, value.zero_point, 0, value.dtype)
    expr = op.expr()
    if not str(expr.ty.dtype).startswith(("float", "bfloat")):
        op.misfit("a mean of integers that no qnn operator made")
    return relax.op.mean(expr, _reduced(op, len(op.dims(expr))), keepdims=op["keepdims"])


@FAMILY.operator("variance", "`variance`", arguments=(1, 2), unbiased=False, **_AXES)
def variance(op: Operation) -> Any:
    """The mean square of the distance to the mean, which Relay is given and Relax finds itself."""
    if op["unbiased"]:
        op.misfit("it is unbiased")
    expr = op.expr()
    return relax.op.variance(expr, _reduced(op, len(op.dims(expr))), keepdims=op["keepdims"])


def _extremes() -> None:
    for name in ("argmax", "argmin"):

        def convert(op: Operation, name: str = name) -> Any:
            expr = op.expr()
            rank = len(op.dims(expr))
            axes = _reduced(op, rank)
            if op["select_last_index"] or len(axes) not in (1, rank):
                op.misfit("it selects the last of equals, or reduces several axes")
            axis = axes[0] if len(axes) == 1 else None
            found = op.bind(getattr(relax.op, name)(expr, axis, keepdims=op["keepdims"]), name)
            return relax.op.astype(found, "int32")

        FAMILY.operator(name, f"`{name}`, `astype` int32", select_last_index=False, **_AXES)(
            convert
        )


_extremes()


@FAMILY.operator("logsumexp", "`max`, `subtract`, `exp`, `sum`, `log`, `add`", **_AXES)
def logsumexp(op: Operation) -> Any:
    """The logarithm of a sum of powers of e."""
    expr = op.expr()
    axes = _reduced(op, len(op.dims(expr)))
    top = op.bind(relax.op.max(expr, axes, keepdims=True), "max")
    powers = op.bind(relax.op.exp(op.bind(relax.op.subtract(expr, top), "less")), "exp")
    total = op.bind(relax.op.sum(powers, axes, keepdims=True), "sum")
    whole = op.bind(relax.op.add(op.bind(relax.op.log(total), "log"), top), "logsumexp")
    return whole if op["keepdims"] else relax.op.squeeze(whole, axes)


def _running() -> None:
    for name in ("cumsum", "cumprod"):

        def convert(op: Operation, name: str = name) -> Any:
            make = getattr(relax.op, name)
            return make(op.expr(), op["axis"], op["dtype"] or None, exclusive=bool(op["exclusive"]))

        FAMILY.operator(name, f"`{name}`", axis=None, dtype="", exclusive=False)(convert)


_running()


@FAMILY.operator("sort", "`sort`", axis=-1, is_ascend=True)
def sort(op: Operation) -> Any:
    """Elements in order."""
    return relax.op.sort(op.expr(), op["axis"], not op["is_ascend"])


@FAMILY.operator("argsort", "`argsort`", axis=-1, is_ascend=True, dtype="int32")
def argsort(op: Operation) -> Any:
    """Where the elements in order stand."""
    return relax.op.argsort(op.expr(), op["axis"], not op["is_ascend"], op["dtype"])


@FAMILY.operator("topk", "`topk`", k=1, axis=-1, ret_type="both", is_ascend=False, dtype="int32")
def topk(op: Operation) -> Any:
    """The largest or smallest."""
    return relax.op.topk(
        op.expr(), op["k"], op["axis"], op["ret_type"], not op["is_ascend"], op["dtype"]
    )
