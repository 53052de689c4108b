"""Normalisations."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import relax

from byoc.frontends.relay.operation import (
    Family,
    Operation,
    product,
    relax_dtype,
    scalar,
    shape_of,
)
from byoc.frontends.relay.values import Value, constant

FAMILY = Family("Normalisations")


@FAMILY.operator(
    "nn.batch_norm", "`nn.batch_norm`", arguments=5, axis=1, epsilon=1e-5, center=True, scale=True
)
def batch_norm(op: Operation) -> Value:
    """Inference with the moving statistics, a tuple of three."""
    data, gamma, beta, mean, variance = (op.expr(each) for each in range(5))
    if _floating(op, data) in ("float16", "bfloat16"):
        return _narrow_batch_norm(op, data, (gamma, beta, mean, variance))
    return relax.op.nn.batch_norm(
        data,
        gamma,
        beta,
        mean,
        variance,
        axis=op["axis"],
        epsilon=op["epsilon"],
        center=op["center"],
        scale=op["scale"],
        training=False,
    )


def _narrow_batch_norm(op: Operation, data: Any, statistics: tuple[Any, ...]) -> Value:
    """In 16 bits, where TVM's kernel of the op gives 32: one scale and one offset, as Relay writes it out."""
    dims, dtype = op.dims(data), str(data.ty.dtype)
    axis = op.axis(op["axis"], len(dims))
    gamma, beta, mean, variance = (_along(op, each, axis, len(dims)) for each in statistics)
    noisy = op.bind(relax.op.add(variance, scalar(op["epsilon"], dtype)), "noisy")
    factor = op.bind(
        relax.op.divide(scalar(1.0, dtype), op.bind(relax.op.sqrt(noisy), "root")), "factor"
    )
    if op["scale"]:
        factor = op.bind(relax.op.multiply(factor, gamma), "factor")
    shift = op.bind(
        relax.op.multiply(op.bind(relax.op.negative(mean), "negative"), factor), "shift"
    )
    if op["center"]:
        shift = op.bind(relax.op.add(shift, beta), "shift")
    wide = op.bind(relax.op.multiply(data, factor), "scaled")
    return (relax.op.add(wide, shift), statistics[2], statistics[3])


def _along(op: Operation, vector: Any, axis: int, rank: int) -> Any:
    shape = [1] * rank
    shape[axis] = op.ranked(vector, 1)[0]
    return op.bind(relax.op.reshape(vector, shape_of(shape)), "along")


_NORM: dict[str, Any] = {"epsilon": 1e-5, "center": True, "scale": True}


def _switched(op: Operation) -> tuple[Any, Any]:
    """Scale and offset; without `scale` and `center` they are ones and zeros, whatever the arguments are."""
    found = []
    for index, switch, fill in ((1, "scale", np.ones), (2, "center", np.zeros)):
        given = op.expr(index)
        if not op[switch]:
            given = constant(fill(op.static(given), relax_dtype(str(given.ty.dtype))))
        found.append(given)
    return found[0], found[1]


@FAMILY.operator("nn.layer_norm", "`nn.layer_norm`", arguments=3, axis=-1, **_NORM)
def layer_norm(op: Operation) -> Any:
    """Over one axis."""
    data = op.expr(0)
    op.axis(op["axis"], len(op.dims(data)))
    return relax.op.nn.layer_norm(
        data, *_switched(op), [op["axis"]], op["epsilon"], op["center"], op["scale"]
    )


@FAMILY.operator("nn.group_norm", "`nn.group_norm`", arguments=3, axis=1, num_groups=0, **_NORM)
def group_norm(op: Operation) -> Any:
    """Over groups of channels and all axes behind them."""
    data = op.expr(0)
    dims = op.dims(data)
    axis = op.axis(op["axis"], len(dims))
    groups, channels = op["num_groups"], dims[axis]
    if groups < 1 or (isinstance(channels, int) and channels % groups):
        op.misfit(f"{groups} groups of {channels} channels")
    axes = list(range(axis + 1, len(dims)))
    return relax.op.nn.group_norm(
        data,
        *_switched(op),
        op["num_groups"],
        axis,
        axes,
        op["epsilon"],
        op["center"],
        op["scale"],
    )


@FAMILY.operator("nn.instance_norm", "`nn.instance_norm`", arguments=3, axis=1, **_NORM)
def instance_norm(op: Operation) -> Any:
    """Over all axes but the batch's and the channels'."""
    data = op.expr(0)
    rank = len(op.dims(data))
    axis = op.axis(op["axis"], rank)
    axes = [each for each in range(1, rank) if each != axis]
    return relax.op.nn.instance_norm(
        data, *_switched(op), axis, axes, op["epsilon"], op["center"], op["scale"]
    )


def _floating(op: Operation, data: Any) -> str:
    dtype = str(data.ty.dtype)
    if not dtype.startswith(("float", "bfloat")):
        op.misfit(f"it reads {dtype}")
    return dtype


@FAMILY.operator(
    "nn.l2_normalize", "`multiply`, `sum`, `maximum`, `sqrt`, `divide`", eps=0.0, axis=None
)
def l2_normalize(op: Operation) -> Any:
    """Over the root of the sum of squares, at least `eps`."""
    data = op.expr()
    dtype = _floating(op, data)
    squares = op.bind(relax.op.multiply(data, data), "squares")
    axes = op.axes(op["axis"], len(op.dims(data)))
    total = op.bind(relax.op.sum(squares, axes, keepdims=True), "total")
    least = op.bind(relax.op.maximum(total, scalar(op["eps"], dtype)), "least")
    return relax.op.divide(data, op.bind(relax.op.sqrt(least), "root"))


@FAMILY.operator(
    "nn.lrn",
    "`multiply`, `nn.avg_pool2d`, `power`, `divide`",
    size=5,
    axis=1,
    bias=2.0,
    alpha=1e-4,
    beta=0.75,
)
def lrn(op: Operation) -> Any:
    """Each element over a power of the mean square of its neighbours in other channels."""
    data = op.expr()
    dims, dtype, size = op.dims(data), _floating(op, data), op["size"]
    axis = op.axis(op["axis"], len(dims))
    if size % 2 == 0 or size < 1:
        op.misfit("its size is even, or below 1")
    squares = op.bind(relax.op.multiply(data, data), "squares")
    planes = shape_of((product(dims[:axis]), 1, dims[axis], product(dims[axis + 1 :])))
    flat = op.bind(relax.op.reshape(squares, planes), "flat")
    half = size // 2
    mean = relax.op.nn.avg_pool2d(
        flat, (size, 1), padding=(half, 0, half, 0), count_include_pad=True
    )
    near = op.bind(relax.op.reshape(op.bind(mean, "mean"), shape_of(dims)), "near")
    scaled = op.bind(relax.op.multiply(near, scalar(op["alpha"], dtype)), "scaled")
    total = op.bind(relax.op.add(scaled, scalar(op["bias"], dtype)), "total")
    return relax.op.divide(data, op.bind(relax.op.power(total, scalar(op["beta"], dtype)), "power"))
