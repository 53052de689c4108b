"""Normalisations, and softmax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from byoc.vendors.npu.layers import Norm, Softmax, Tensor
from byoc.vendors.npu.lower.op import Lowering, Op
from byoc.vendors.npu.lower.values import Constant, Floats, Value, spread


def batch_norm(op: Op) -> Value:
    """nn.batch_norm of inference: a factor and an offset a channel; its statistics are constants."""
    op.demand(not getattr(op.call.attrs, "training", False), "it trains")
    axis = op.axis(int(op.call.attrs.axis), len(op.operand_shape(0)))
    gamma, beta, mean, variance = (op.constant(index) for index in (1, 2, 3, 4))
    factor = 1 / np.sqrt(_wide(variance) + float(op.call.attrs.epsilon))
    if op.call.attrs.scale:
        factor = factor * _wide(gamma)
    offset = -_wide(mean) * factor
    if op.call.attrs.center:
        offset = offset + _wide(beta)
    value = op.builder.scaled(op.operand(0), factor, axis, op.var)
    return (op.builder.shifted(value, offset, axis, op.var), mean, variance)


def layer_norm(op: Op) -> Tensor:
    """nn.layer_norm over the last dimension."""
    rank = len(op.shape)
    op.demand(op.axes("axes", rank) == (rank - 1,), f"its axes are {op.ints('axes')}")
    gamma, beta = op.constant(1).real, op.constant(2).real
    if not op.call.attrs.scale:
        gamma = np.ones(1, np.float32)
    if not op.call.attrs.center:
        beta = np.zeros(1, np.float32)
    return normalised(op, op.floats(0), gamma, beta, float(op.call.attrs.epsilon))


def normalised(op: Op, x: Tensor, gamma: object, beta: object, epsilon: float) -> Tensor:
    """The layer; `gamma` and `beta` are one number, or one for each place of the last dimension."""
    width = x.shape[-1]
    vectors = [np.asarray(each, np.float64).reshape(-1) for each in (gamma, beta)]
    op.demand(
        all(each.size in (1, width) for each in vectors),
        f"its scale and shift have {vectors[0].size} and {vectors[1].size} elements, a row has {width}",
    )
    out = op.builder.tensor(op.var, x.shape, x.dtype)
    scale, shift = (spread(each, width) for each in vectors)
    op.builder.add([Norm(x, out, op.builder.composite, scale, shift, epsilon)])
    return out


def softmax(op: Op) -> Tensor:
    """nn.softmax over the last dimension that is not 1."""
    axis = op.axis(int(op.call.attrs.axis), len(op.shape))
    op.demand(all(each == 1 for each in op.shape[axis + 1 :]), f"its axis is {axis} of {op.shape}")
    x = op.floats(0)
    out = op.builder.tensor(op.var, op.shape, x.dtype)
    op.builder.add([Softmax(x, out, op.builder.composite, axis)])
    return out


def _wide(constant: Constant) -> Floats:
    return constant.real.astype(np.float64).reshape(-1)


LOWERINGS: Final[Mapping[str, Lowering]] = {
    "nn.batch_norm": batch_norm,
    "nn.layer_norm": layer_norm,
    "nn.softmax": softmax,
}
