"""Reductions, sums along axes, and order."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import ir, relax

from byoc.frontends.relay.operation import Family, Operation, product, scalar, shape_of
from byoc.frontends.relay.values import Accumulator, Value

FAMILY = Family("Reductions and order")

_AXES: dict[str, Any] = {"axis": None, "keepdims": False, "exclude": False}


def _reduced(op: Operation, rank: int) -> list[int]:
    axes = op.axes(op["axis"], rank)
    if not op["exclude"] or op["axis"] in (None, ()):
        return axes
    return [each for each in range(rank) if each not in axes]


def _reductions() -> None:
    for name in ("sum", "max", "min", "prod"):

        def convert(op: Operation, name: str = name) -> Any:
            expr = op.expr()
            axes = _reduced(op, len(op.dims(expr)))
            if not axes:
                return expr
            return getattr(relax.op, name)(expr, axes, keepdims=op["keepdims"])

        FAMILY.operator(name, f"`{name}`", **_AXES)(convert)
    for name, make in (("all", "min"), ("any", "max")):

        def convert_truth(op: Operation, make: str = make) -> Any:
            expr = op.expr()
            axes = _reduced(op, len(op.dims(expr)))
            if not axes:
                return expr
            whole = op.bind(relax.op.astype(expr, "int8"), "int")
            found = op.bind(getattr(relax.op, make)(whole, axes, keepdims=op["keepdims"]), make)
            return relax.op.astype(found, "bool")

        FAMILY.operator(name, f"`{make}` of integers", **_AXES)(convert_truth)


_reductions()


@FAMILY.operator("mean", "`mean`; of integers, `sum` and `divide`", **_AXES)
def mean(op: Operation) -> Value:
    """The mean; of an accumulator with one scale, of what it stands for."""
    value = op.args[0]
    if isinstance(value, Accumulator) and value.scale.size == 1:
        axes = _reduced(op, len(op.dims(value.real)))
        real = op.bind(relax.op.mean(value.real, axes, keepdims=op["keepdims"]), "mean")
        return Accumulator(real, value.scale, value.zero_point, 0, value.dtype)
    expr = op.expr()
    return mean_along(op, expr, _reduced(op, len(op.dims(expr))), keepdims=op["keepdims"])


def mean_along(op: Operation, data: Any, axes: list[int], keepdims: bool) -> Any:
    """The mean along axes; of integers it has their dtype, and no fraction."""
    dtype = str(data.ty.dtype)
    if not axes:
        return data
    if dtype.startswith(("float", "bfloat")):
        return relax.op.mean(data, axes, keepdims=keepdims)
    count = product([op.static(data)[axis] for axis in axes])
    if dtype == "bool" or count > np.iinfo(dtype).max:
        op.misfit(f"a mean of {count} elements of dtype {dtype}")
    total = op.bind(relax.op.sum(data, axes, keepdims=keepdims), "sum")
    return relax.op.divide(total, scalar(count, dtype))


@FAMILY.operator(
    "variance",
    "`variance`; around anything but the mean `subtract`, `multiply`, `sum`, `divide`",
    arguments=(1, 2),
    unbiased=False,
    **_AXES,
)
def variance(op: Operation) -> Any:
    """The mean square of the distance to the second argument, which is the mean where Relay makes the call."""
    data = op.expr(0)
    axes = _reduced(op, len(op.dims(data)))
    around_mean = len(op.args) == 1 or _is_mean(op, op.expr(1), data, axes)
    if around_mean and not op["unbiased"]:
        return relax.op.variance(data, axes, keepdims=op["keepdims"])
    middle = op.expr(len(op.args) - 1)
    if len(op.args) == 1:
        middle = op.bind(mean_along(op, data, axes, keepdims=True), "mean")
    distance = op.bind(relax.op.subtract(data, middle), "distance")
    squares = op.bind(relax.op.multiply(distance, distance), "squares")
    total = op.bind(relax.op.sum(squares, axes, keepdims=op["keepdims"]), "total")
    count = product([op.static(data)[axis] for axis in axes]) - int(op["unbiased"])
    return relax.op.divide(total, scalar(count, str(data.ty.dtype)))


def _is_mean(op: Operation, value: Any, data: Any, axes: list[int]) -> bool:
    """Whether a value is the mean of `data` along these axes, which are kept."""
    made = op.definition(value)
    return bool(
        isinstance(made, ir.Call)
        and isinstance(made.op, ir.Op)
        and made.op.name == "relax.mean"
        and made.args[0].same_as(data)
        and made.attrs.keepdims
        and sorted(int(axis) for axis in made.attrs.axis or ()) == sorted(axes)
    )


def _extremes() -> None:
    for name in ("argmax", "argmin"):
        FAMILY.operator(name, f"`{name}`, `astype` int32", select_last_index=False, **_AXES)(
            _extreme
        )


def _extreme(op: Operation) -> Any:
    """Where the largest or smallest stands: the first of equals, or the last; counted over all reduced axes."""
    data = op.expr()
    dims = op.dims(data)
    axes = _reduced(op, len(dims))
    flat, axis = (data, axes[0]) if len(axes) == 1 else _gathered(op, data, axes)
    if op["select_last_index"]:
        extent = op.dims(flat)[axis]
        if not isinstance(extent, int):
            op.misfit("the extent of its axis is symbolic")
        flat = op.bind(relax.op.flip(flat, axis), "flip")
    keep = op["keepdims"] and len(axes) == 1
    found = op.bind(getattr(relax.op, op.name)(flat, axis, keepdims=keep), op.name)
    index = relax.op.astype(found, "int32")
    if op["select_last_index"]:
        index = relax.op.subtract(scalar(extent - 1, "int32"), op.bind(index, "index"))
    if op["keepdims"] and len(axes) != 1:
        kept = [1 if each in axes else dim for each, dim in enumerate(dims)]
        index = relax.op.reshape(op.bind(index, "index"), shape_of(kept))
    return index


def _gathered(op: Operation, data: Any, axes: list[int]) -> tuple[Any, int]:
    """The tensor with these axes as one, the last."""
    dims = op.dims(data)
    others = [each for each in range(len(dims)) if each not in axes]
    turned = op.bind(relax.op.permute_dims(data, [*others, *axes]), "turned")
    shape = [*[dims[each] for each in others], product([dims[each] for each in axes])]
    return op.bind(relax.op.reshape(turned, shape_of(shape)), "flat"), len(others)


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
            make, axis, data = getattr(relax.op, name), op["axis"], op.expr()
            if axis is not None:
                op.axis(axis, len(op.dims(data)))
            return make(data, axis, op["dtype"] or None, exclusive=op["exclusive"])

        FAMILY.operator(name, f"`{name}`", axis=None, dtype="", exclusive=False)(convert)


_running()


@FAMILY.operator("sort", "`sort`", axis=-1, is_ascend=True)
def sort(op: Operation) -> Any:
    """Elements in order."""
    data = op.expr()
    op.axis(op["axis"], len(op.dims(data)))
    return relax.op.sort(data, op["axis"], not op["is_ascend"])


@FAMILY.operator("argsort", "`argsort`", axis=-1, is_ascend=True, dtype="int32")
def argsort(op: Operation) -> Any:
    """Where the elements in order stand."""
    data = op.expr()
    op.axis(op["axis"], len(op.dims(data)))
    return relax.op.argsort(data, op["axis"], not op["is_ascend"], op["dtype"] or "int32")


@FAMILY.operator("topk", "`topk`", k=1, axis=-1, ret_type="both", is_ascend=False, dtype="int32")
def topk(op: Operation) -> Any:
    """The largest or smallest, all where `k` is below 1."""
    data, kinds = op.expr(), ("both", "values", "indices")
    axis = op.axis(op["axis"], len(op.dims(data)))
    if op["ret_type"] not in kinds:
        op.misfit(f"ret_type {op['ret_type']!r}")
    extent = op.dims(data)[axis]
    count = op["k"] if op["k"] >= 1 else op.static(data)[axis]
    if isinstance(extent, int) and count > extent:
        op.misfit(f"the first {count} of {extent}")
    dtype = op["dtype"] or "int32"
    descending = not op["is_ascend"]
    return relax.op.topk(data, count, op["axis"], op["ret_type"], descending, dtype)
