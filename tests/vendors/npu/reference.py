"""Reference: what a Network computes, in numpy; sums in float64, of 8-bit products exact, the rest float32."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from byoc.vendors.npu.isa import Act, Binary, Dtype, Window
from byoc.vendors.npu.layers import (
    Alias,
    Concat,
    Conv,
    Copy,
    Deconv,
    Epilogue,
    Map,
    MatMul,
    Network,
    Norm,
    Pad,
    Pool,
    Resize,
    Softmax,
    Tensor,
)

Array = Any

STORED = {Dtype.F32: np.float32, Dtype.S8: np.int8, Dtype.U8: np.uint8}


def evaluate(network: Network, inputs: Sequence[Array]) -> list[Array]:
    """The outputs for `inputs`, both as they are stored."""
    return Evaluation(network, inputs).outputs


class Evaluation:
    """One run; `stored` has every tensor's array by the tensor's identity."""

    def __init__(self, network: Network, inputs: Sequence[Array]) -> None:
        self.stored: dict[int, Array] = {}
        for tensor, array in zip(network.inputs, inputs, strict=True):
            self._keep(tensor, np.asarray(array))
        for layer in network.layers:
            self._keep(layer.out, run(layer, self))
        self.outputs = [self.get(tensor) for tensor in network.outputs]

    def _keep(self, tensor: Tensor, array: Array) -> None:
        assert array.shape == tensor.shape, (tensor, array.shape)
        assert array.dtype == STORED[tensor.dtype], (tensor, array.dtype)
        assert (tensor.quant is None) == (tensor.dtype is Dtype.F32), tensor
        assert id(tensor) not in self.stored, tensor
        self.stored[id(tensor)] = array

    def get(self, tensor: Tensor) -> Array:
        """A tensor as it is stored."""
        return self.stored[id(tensor)] if tensor.data is None else tensor.data

    def real(self, tensor: Tensor) -> Array:
        """What a tensor means, in float32."""
        array = self.get(tensor)
        if tensor.quant is None:
            return array
        return self.shifted(tensor).astype(np.float32) * np.float32(tensor.quant.scale)

    def shifted(self, tensor: Tensor) -> Array:
        """A tensor as float64: what it means, or `stored - zero`, which is exact."""
        zero = 0 if tensor.quant is None else tensor.quant.zero
        return self.get(tensor).astype(np.float64) - zero

    def finished(
        self, sums: Array, epilogue: Epilogue, out: Tensor, axis: int, *, is_integer: bool
    ) -> Array:
        """Sums of products after the epilogue, as `out` stores them. `axis` is that of the channels."""
        spread = [1] * sums.ndim
        spread[axis] = -1
        values = sums * np.float64(np.float32(epilogue.scale))
        if epilogue.mult is not None:
            values = values * epilogue.mult.astype(np.float64).reshape(spread)
        values = values if is_integer else values.astype(np.float32)
        if epilogue.bias is not None:
            values = values + epilogue.bias.reshape(spread)
        if epilogue.other is not None:
            assert epilogue.other.shape == out.shape
            values = binary(epilogue.op, values, self.real(epilogue.other))
        assert (epilogue.op is Binary.NONE) == (epilogue.other is None)
        return store(activation(epilogue.act, values, epilogue.p, epilogue.q), out)


def store(values: Array, out: Tensor) -> Array:
    """Values, float32 or float64, as `out` stores them."""
    if out.quant is None:
        return values.astype(np.float32)
    rounded = np.rint(values / np.float32(out.quant.scale)).astype(np.float64) + out.quant.zero
    info = np.iinfo(STORED[out.dtype])
    return np.clip(rounded, info.min, info.max).astype(STORED[out.dtype])


def binary(op: Binary, t: Array, b: Array) -> Array:
    """t OP b."""
    functions: Mapping[Binary, Callable[[Array, Array], Array]] = {
        Binary.ADD: np.add,
        Binary.SUB: np.subtract,
        Binary.RSUB: lambda left, right: right - left,
        Binary.MUL: np.multiply,
        Binary.DIV: np.divide,
        Binary.RDIV: lambda left, right: right / left,
        Binary.MAX: np.maximum,
        Binary.MIN: np.minimum,
    }
    with np.errstate(all="ignore"):
        return functions[op](t, b)


_erf = np.frompyfunc(math.erf, 1, 1)


def erf(t: Array) -> Array:
    """The error function."""
    return np.asarray(_erf(t), np.float64)


def sigmoid(t: Array) -> Array:
    """1 / (1 + exp(-t))."""
    return 1 / (1 + np.exp(-t))


def activation(act: Act, values: Array, p: float, q: float) -> Array:
    """The function in float64, rounded to what it is given."""
    p, q = float(np.float32(p)), float(np.float32(q))
    functions: Mapping[Act, Callable[[Array], Array]] = {
        Act.NONE: lambda t: t,
        Act.RELU: lambda t: np.maximum(t, 0),
        Act.CLIP: lambda t: np.minimum(np.maximum(t, p), q),
        Act.LEAKY: lambda t: np.where(t >= 0, t, p * t),
        Act.SIGMOID: sigmoid,
        Act.TANH: np.tanh,
        Act.HARDSIGMOID: lambda t: np.clip(p * t + q, 0, 1),
        Act.HARDSWISH: lambda t: t * np.clip(t / 6 + 0.5, 0, 1),
        Act.GELU: lambda t: t * (1 + erf(t / math.sqrt(2))) / 2,
        Act.GELU_TANH: lambda t: (
            t / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (t + 0.044715 * t**3)))
        ),
        Act.SILU: lambda t: t * sigmoid(t),
        Act.EXP: np.exp,
        Act.SQRT: lambda t: np.sqrt(t + p),
        Act.RSQRT: lambda t: 1 / np.sqrt(t + p),
        Act.SQUARE: np.square,
        Act.ERF: erf,
        Act.RECIP: lambda t: 1 / t,
        Act.ABS: np.abs,
        Act.NEG: np.negative,
        Act.POW: lambda t: t**p,
        Act.LOG: np.log,
    }
    with np.errstate(all="ignore"):
        return functions[act](values.astype(np.float64)).astype(values.dtype)


@singledispatch
def run(layer: Any, given: Evaluation) -> Array:
    """The result of a layer, as it is stored."""
    raise TypeError(layer)


@run.register
def _(layer: Conv, given: Evaluation) -> Array:
    x, weight = given.shifted(layer.x), given.shifted(layer.weight)
    assert (layer.x.quant is None) == (layer.weight.quant is None)
    assert layer.x.quant is None or layer.epilogue.mult is not None
    top, left, bottom, right = layer.padding
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    batch, channels = x.shape[:2]
    made, depth, high, wide = weight.shape
    groups = layer.groups
    rows, columns = layer.out.shape[2:]
    (down, across), (gap, step) = layer.strides, layer.dilation
    assert rows == (x.shape[2] - gap * (high - 1) - 1) // down + 1
    assert columns == (x.shape[3] - step * (wide - 1) - 1) // across + 1
    assert channels == groups * depth and made % groups == 0
    filters = weight.reshape(groups, made // groups, depth, high, wide)
    sums = np.zeros((batch, groups, made // groups, rows * columns))
    for i in range(high):
        for j in range(wide):
            part = x[
                :,
                :,
                i * gap : i * gap + (rows - 1) * down + 1 : down,
                j * step : j * step + (columns - 1) * across + 1 : across,
            ]
            taps = part.reshape(batch, groups, depth, rows * columns)
            sums += filters[:, :, :, i, j] @ taps
    sums = sums.reshape(layer.out.shape)
    return given.finished(sums, layer.epilogue, layer.out, 1, is_integer=layer.x.quant is not None)


@run.register
def _(layer: Deconv, given: Evaluation) -> Array:
    x, weight = given.shifted(layer.x), given.shifted(layer.weight)
    assert weight.shape[2:] == layer.strides
    sums = np.einsum("nchw,coab->nohawb", x, weight).reshape(layer.out.shape)
    return given.finished(sums, layer.epilogue, layer.out, 1, is_integer=layer.x.quant is not None)


@run.register
def _(layer: MatMul, given: Evaluation) -> Array:
    a, b = given.shifted(layer.a), given.shifted(layer.b)
    assert (layer.a.quant is None) == (layer.b.quant is None)
    assert b.ndim == 2 or b.shape[:-2] == a.shape[:-2]
    is_integer = layer.a.quant is not None
    return given.finished(a @ b, layer.epilogue, layer.out, a.ndim - 1, is_integer=is_integer)


@run.register
def _(layer: Pool, given: Evaluation) -> Array:
    is_max = layer.kind is Window.MAX
    if is_max:
        assert (layer.x.dtype, layer.x.quant) == (layer.out.dtype, layer.out.quant)
    x = given.get(layer.x).astype(np.float64) if is_max else given.shifted(layer.x)
    top, left, bottom, right = layer.padding
    widths = ((0, 0), (0, 0), (top, bottom), (left, right))
    inside = np.pad(np.ones(x.shape[2:]), widths[2:])
    padded = np.pad(x, widths, constant_values=-np.inf if is_max else 0)
    rows, columns = layer.out.shape[2:]
    (down, across), (high, wide) = layer.strides, layer.window
    assert (rows - 1) * down + high <= padded.shape[2]
    assert (columns - 1) * across + wide <= padded.shape[3]
    best = np.full(layer.out.shape, -np.inf)
    sums, counts = np.zeros(layer.out.shape), np.zeros((rows, columns))
    for i in range(high):
        for j in range(wide):
            part = np.s_[
                i : i + (rows - 1) * down + 1 : down, j : j + (columns - 1) * across + 1 : across
            ]
            best = np.maximum(best, padded[:, :, *part])
            sums = sums + padded[:, :, *part]
            counts += inside[part]
    assert (counts > 0).all()
    if is_max:
        return best.astype(STORED[layer.out.dtype])
    averages = sums / (high * wide if layer.include_pad else counts)
    if layer.x.quant is None:
        return store(averages.astype(np.float32), layer.out)
    return store(averages * np.float64(np.float32(layer.x.quant.scale)), layer.out)


@run.register
def _(layer: Map, given: Evaluation) -> Array:
    values = given.real(layer.a)
    assert values.shape == layer.out.shape
    for vector in (layer.mult, layer.bias):
        assert vector is None or vector.size in (1, values.shape[layer.axis])
    spread = [1] * values.ndim
    if values.ndim:
        spread[layer.axis] = -1
    if layer.mult is not None:
        values = values * layer.mult.reshape(spread)
    if layer.bias is not None:
        values = values + layer.bias.reshape(spread)
    assert (layer.op is Binary.NONE) == (layer.b is None)
    if layer.b is not None:
        values = binary(layer.op, values, given.real(layer.b))
    return store(activation(layer.act, values, layer.p, layer.q), layer.out)


@run.register
def _(layer: Softmax, given: Evaluation) -> Array:
    x = given.real(layer.x).astype(np.float64)
    assert all(extent == 1 for extent in x.shape[layer.axis + 1 :])
    powers = np.exp(x - x.max(axis=layer.axis, keepdims=True))
    shares = powers / powers.sum(axis=layer.axis, keepdims=True)
    return store(shares.astype(np.float32), layer.out)


@run.register
def _(layer: Norm, given: Evaluation) -> Array:
    x = given.real(layer.x).astype(np.float64)
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    values = centred / np.sqrt(variance + layer.epsilon) * layer.gamma + layer.beta
    return store(values.astype(np.float32), layer.out)


@run.register
def _(layer: Alias, given: Evaluation) -> Array:
    x = given.get(layer.x)
    assert layer.x.dtype is layer.out.dtype
    if layer.kind == "reshape":
        return x.reshape(layer.out.shape)
    if layer.kind == "transpose":
        return x.transpose(layer.axes)
    assert layer.kind == "slice"
    places = zip(layer.starts, layer.out.shape, strict=True)
    return x[tuple(slice(start, start + count) for start, count in places)]


@run.register
def _(layer: Concat, given: Evaluation) -> Array:
    same = {(each.dtype, each.quant) for each in (*layer.xs, layer.out)}
    if len(same) == 1:
        return np.concatenate([given.get(each) for each in layer.xs], layer.axis)
    return store(np.concatenate([given.real(each) for each in layer.xs], layer.axis), layer.out)


@run.register
def _(layer: Resize, given: Evaluation) -> Array:
    assert (layer.x.dtype, layer.x.quant) == (layer.out.dtype, layer.out.quant)
    return given.get(layer.x).repeat(layer.scale[0], 2).repeat(layer.scale[1], 3)


@run.register
def _(layer: Pad, given: Evaluation) -> Array:
    assert (layer.x.dtype, layer.x.quant) == (layer.out.dtype, layer.out.quant)
    value = store(np.float32(layer.value), layer.out)
    widths = list(zip(layer.before, layer.after, strict=True))
    return np.pad(given.get(layer.x), widths, constant_values=value)


@run.register
def _(layer: Copy, given: Evaluation) -> Array:
    return given.get(layer.x)
