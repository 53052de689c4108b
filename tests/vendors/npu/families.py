"""Families: small ONNX models, one or more for each composite of the npu's table, as exporters write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

KINDS = {"float32": TensorProto.FLOAT, "int8": TensorProto.INT8, "uint8": TensorProto.UINT8}


class Graph:
    """An ONNX model in the making. Values are names; `weights` are drawn from one generator."""

    def __init__(self, opset: int = 17, seed: int = 0) -> None:
        self.opset = opset
        self.rng = np.random.default_rng(seed)
        self.inputs: list[Any] = []
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def input(self, *shape: int, dtype: str = "float32") -> str:
        name = f"in{len(self.inputs)}"
        self.inputs.append(helper.make_tensor_value_info(name, KINDS[dtype], shape))
        return name

    def constant(self, value: Any, dtype: str = "float32") -> str:
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def weights(self, *shape: int, positive: bool = False) -> str:
        data = self.rng.standard_normal(shape) / 2
        return self.constant(np.abs(data) + 0.5 if positive else data)

    def node(self, op: str, *inputs: str, outputs: int = 1, **attrs: Any) -> Any:
        made = [f"v{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, made, f"n{len(self.nodes)}", **attrs))
        return made[0] if outputs == 1 else made

    def dq(
        self, value: str, scale: Any = 0.125, zero: Any = 3, dtype: str = "int8", **attrs: Any
    ) -> str:
        return self.node(
            "DequantizeLinear", value, self.constant(scale), self.constant(zero, dtype), **attrs
        )

    def q(self, value: str, scale: float = 0.25, zero: int = -5, dtype: str = "int8") -> str:
        return self.node("QuantizeLinear", value, self.constant(scale), self.constant(zero, dtype))

    def stored(self, *shape: int, dtype: str = "int8") -> str:
        low, high = (-100, 100) if dtype == "int8" else (20, 240)
        return self.constant(self.rng.integers(low, high, shape), dtype)

    def model(self, *outputs: str) -> onnx.ModelProto:
        values = [helper.make_empty_tensor_value_info(each) for each in outputs]
        graph = helper.make_graph(self.nodes, "g", self.inputs, values, self.constants)
        made = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8
        )
        return onnx.shape_inference.infer_shapes(made, strict_mode=True)


Build = Callable[[Graph], Any]

ACTS: Mapping[str, Callable[[Graph, str], str]] = {
    "none": lambda g, x: x,
    "relu": lambda g, x: g.node("Relu", x),
    "clip": lambda g, x: g.node("Clip", x, g.constant(-0.5), g.constant(2.0)),
    "leaky": lambda g, x: g.node("LeakyRelu", x, alpha=0.125),
    "sigmoid": lambda g, x: g.node("Sigmoid", x),
    "tanh": lambda g, x: g.node("Tanh", x),
    "hardswish": lambda g, x: g.node("HardSwish", x),
    "silu": lambda g, x: g.node("Mul", x, g.node("Sigmoid", x)),
}


def bn(g: Graph, x: str, channels: int) -> str:
    scale, shift, mean = (g.weights(channels) for _ in range(3))
    return g.node("BatchNormalization", x, scale, shift, mean, g.weights(channels, positive=True))


def conv(g: Graph, act: str = "relu", norm: str = "both", **attrs: Any) -> str:
    """A convolution with what stands around one: bias, batch norm or both, then scale and shift."""
    groups = attrs.get("group", 1)
    kernel = attrs.get("kernel_shape", [3, 3])
    given = [g.input(2, 6, 9, 8), g.weights(12, 6 // groups, *kernel)]
    made = g.node("Conv", *given, *([] if norm == "bn" else [g.weights(12)]), **attrs)
    if norm != "bias":
        made = bn(g, made, 12)
        made = g.node("Mul", made, g.weights(1, 12, 1, 1))
        made = g.node("Add", made, g.weights(12, 1, 1))
    return ACTS[act](g, made)


def conv1d(g: Graph, act: str) -> str:
    given = g.input(2, 6, 20), g.weights(8, 3, 5), g.weights(8)
    form: Any = {"strides": [2], "pads": [2, 1], "dilations": [2], "group": 2}
    return ACTS[act](g, g.node("Conv", *given, **form))


def deconv(g: Graph, act: str) -> str:
    given = g.input(2, 6, 5, 4), g.weights(6, 7, 2, 3), g.weights(7)
    return ACTS[act](g, bn(g, g.node("ConvTranspose", *given, strides=[2, 3]), 7))


def scale_shift(g: Graph) -> str:
    scaled = g.node("Mul", bn(g, joined(g, g.input(2, 5, 3, 3)), 5), g.weights(5, 1, 1))
    return g.node("Relu", g.node("Add", scaled, g.weights(1, 5, 1, 1)))


def residual(g: Graph, act: str) -> str:
    x = g.input(1, 8, 6, 6)
    made = g.node("Conv", x, g.weights(8, 8, 3, 3), g.weights(8), pads=[1, 1, 1, 1])
    return ACTS[act](g, g.node("Add", made, g.node("MaxPool", x, kernel_shape=[1, 1])))


def conv_qdq(g: Graph, stored: str, weights: str, per_channel: bool, act: str) -> str:
    x = g.dq(g.input(1, 5, 7, 7, dtype=stored), zero=7, dtype=stored)
    scale, zero = (
        (2.0 ** -np.arange(3, 7), [0] * 4)
        if per_channel
        else (0.0625, 0 if weights == "int8" else 131)
    )
    w = g.dq(
        g.stored(4, 5, 3, 3, dtype=weights),
        scale,
        zero,
        weights,
        **({"axis": 0} if per_channel else {}),
    )
    steps = np.asarray(scale) * 0.125
    bias = g.node(
        "DequantizeLinear",
        g.constant(g.rng.integers(-500, 500, 4), "int32"),
        g.constant(np.broadcast_to(steps, (4,))),
        axis=0,
    )
    made = g.node("Conv", x, w, bias, pads=[1, 1, 1, 1])
    return g.q(ACTS[act](g, made), 0.5, 7, stored)


def conv1d_qdq(g: Graph) -> str:
    x = g.dq(g.input(1, 5, 12, dtype="int8"))
    w = g.dq(g.stored(4, 5, 3), 2.0 ** -np.arange(3, 7), [0] * 4, axis=0)
    return g.q(g.node("Relu", g.node("Conv", x, w, pads=[1, 1])), 0.5, -100)


def residual_qdq(g: Graph) -> str:
    x = g.dq(g.input(1, 4, 5, 5, dtype="int8"))
    y = g.dq(g.input(1, 4, 5, 5, dtype="int8"), 0.5, -2)
    made = g.node("Conv", x, g.dq(g.stored(4, 4, 1, 1), 0.0625, 0))
    return g.q(g.node("Relu", g.node("Add", made, y)), 0.5, -100)


def attention(g: Graph, mask: tuple[int, ...] | None) -> str:
    q, k, v = (g.input(2, 3, 5, 4) for _ in range(3))
    scores = g.node("MatMul", q, g.node("Transpose", k, perm=[0, 1, 3, 2]))
    scores = g.node("Div", scores, g.constant(2.0))
    if mask is not None:
        scores = g.node("Add", scores, g.input(*mask))
    return g.node("MatMul", g.node("Softmax", scores, axis=-1), v)


def dense(g: Graph, tail: Callable[[Graph, str], str]) -> str:
    made = g.node("MatMul", g.input(2, 7, 8), g.weights(8, 10))
    return tail(g, g.node("Add", made, g.weights(10)))


def gelu(g: Graph, x: str) -> str:
    inner = g.node("Erf", g.node("Div", x, g.constant(2**0.5)))
    return g.node("Mul", g.node("Mul", x, g.node("Add", inner, g.constant(1.0))), g.constant(0.5))


def gelu_tanh(g: Graph, x: str) -> str:
    cube = g.node("Mul", g.node("Pow", x, g.constant(3.0)), g.constant(0.044715))
    inner = g.node("Mul", g.node("Add", x, cube), g.constant((2 / np.pi) ** 0.5))
    return g.node(
        "Mul",
        g.node("Mul", x, g.constant(0.5)),
        g.node("Add", g.node("Tanh", inner), g.constant(1.0)),
    )


def layer_norm(g: Graph, x: str, width: int) -> str:
    centred = g.node("Sub", x, g.node("ReduceMean", x, axes=[-1]))
    variance = g.node("ReduceMean", g.node("Pow", centred, g.constant(2.0)), axes=[-1])
    deviation = g.node("Sqrt", g.node("Add", variance, g.constant(1e-5)))
    made = g.node("Mul", g.node("Div", centred, deviation), g.weights(width))
    return g.node("Add", made, g.weights(width))


def dense_qdq(g: Graph, transposed: bool) -> str:
    x = g.dq(g.input(3, 8, dtype="uint8"), 0.125, 128, "uint8")
    w = (
        g.dq(g.stored(10, 8), 2.0 ** -np.arange(10) / 2, [0] * 10, axis=0)
        if transposed
        else g.dq(g.stored(8, 10), 0.0625, 0)
    )
    bias = g.node(
        "DequantizeLinear",
        g.constant(g.rng.integers(-500, 500, 10), "int32"),
        g.constant(np.full(10, 2.0**-7)),
        axis=0,
    )
    if transposed:
        return g.q(g.node("Gemm", x, w, bias, transB=1), 0.5, 120, "uint8")
    return g.q(g.node("Relu", g.node("Add", g.node("MatMul", x, w), bias)), 0.5, 0, "uint8")


def products_qdq(g: Graph) -> str:
    a = g.dq(g.input(2, 3, 4, 5, dtype="int8"))
    b = g.dq(g.input(2, 3, 5, 6, dtype="int8"), 0.5, -9)
    return g.q(g.node("MatMul", a, b), 2.0, 1)


def pool(g: Graph, op: str, **attrs: Any) -> str:
    return g.node(op, g.input(2, 5, 11, 9), **attrs)


def pool_qdq(g: Graph, op: str, out_scale: float, **attrs: Any) -> str:
    x = g.dq(g.input(1, 6, 8, 8, dtype="uint8"), 0.125, 100, "uint8")
    return g.q(g.node(op, x, **attrs), out_scale, 100, "uint8")


def joined(g: Graph, x: str) -> str:
    """`x`, behind an op that the npu takes by itself."""
    return g.node("MaxPool", x, kernel_shape=[1, 1])


def single(op: str) -> Callable[[Graph, str], str]:
    return lambda g, x: g.node(op, x)


def alone(g: Graph, function: Callable[[Graph, str], str]) -> str:
    return function(g, joined(g, g.input(1, 2, 3, 40)))


def of_positive(g: Graph, function: Callable[[Graph, str], str]) -> str:
    return function(g, g.node("Exp", joined(g, g.input(1, 2, 3, 40))))


def power(g: Graph, exponent: float) -> str:
    base = g.node("Exp", joined(g, g.input(1, 2, 3, 4)))
    return g.node("Pow", base, g.constant(exponent))


def elementwise(g: Graph, op: str, shape: tuple[int, ...]) -> str:
    x, y = joined(g, g.input(2, 4, 3, 5)), g.node("Exp", joined(g, g.input(2, 4, 3, 5)))
    left = g.node(op, x, g.weights(*shape, positive=True))
    right = g.node(op, g.weights(*shape), y)
    return g.node(op, left, right)


def elementwise_qdq(g: Graph, op: str) -> str:
    x = g.dq(g.input(1, 4, 6, 6, dtype="int8"))
    y = g.dq(g.input(1, 4, 6, 6, dtype="int8"), 0.5, 4)
    kept = g.q(g.node("MaxPool", x, kernel_shape=[1, 1]), 0.125, 3)
    made = g.q(g.node(op, g.dq(kept), y))
    bias = g.dq(g.stored(4, 1, 1), 0.25, 1)
    return g.q(g.node(op, g.dq(made, 0.25, -5), bias), 0.5, 11, "uint8")


def function_qdq(g: Graph, act: str) -> str:
    x = g.dq(g.input(1, 4, 6, 6, dtype="int8"), 0.0625, -3)
    kept = g.q(g.node("MaxPool", x, kernel_shape=[1, 1]), 0.0625, -3)
    return g.q(ACTS[act](g, g.dq(kept, 0.0625, -3)), 0.03125, 2)


def moves(g: Graph) -> tuple[str, ...]:
    x = joined(g, g.input(2, 6, 4, 8))
    first, second, third = g.node("Split", x, g.constant([1, 2, 3], "int64"), outputs=3, axis=1)
    joint = g.node("Concat", third, first, g.node("Relu", second), axis=1)
    shuffled = g.node("Reshape", joint, g.constant([2, 2, 3, 4, 8], "int64"))
    shuffled = g.node("Transpose", shuffled, perm=[0, 2, 1, 3, 4])
    back = g.node("Reshape", shuffled, g.constant([2, 6, 4, 8], "int64"))
    cut = g.node(
        "Slice",
        back,
        g.constant([1, -6], "int64"),
        g.constant([99, -1], "int64"),
        g.constant([2, 3], "int64"),
    )
    padded = g.node("Pad", cut, g.constant([0, 0, 1, 0, 0, 0, 2, 3], "int64"), g.constant(0.5))
    wide = g.node(
        "Resize",
        padded,
        "",
        g.constant([1, 1, 2, 3]),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    flat = g.node(
        "Squeeze", g.node("Unsqueeze", wide, g.constant([0], "int64")), g.constant([0], "int64")
    )
    return flat, back


def moves_qdq(g: Graph) -> str:
    def again(value: str) -> str:
        return g.dq(g.q(value, 0.125, 3))

    x = again(joined(g, g.dq(g.input(1, 4, 4, 6, dtype="int8"))))
    other = g.dq(g.input(1, 4, 4, 6, dtype="int8"), 0.5, 1)
    y = again(g.node("Transpose", again(g.node("Concat", x, other, axis=1)), perm=[0, 2, 3, 1]))
    y = again(g.node("Reshape", y, g.constant([1, 6, 4, 8], "int64")))
    y = again(
        g.node(
            "Slice", y, g.constant([1], "int64"), g.constant([5], "int64"), g.constant([1], "int64")
        )
    )
    y = again(g.node("Pad", y, g.constant([0, 0, 1, 0, 0, 0, 2, 3], "int64"), g.constant(0.3)))
    return g.q(y, 0.25, 0)


CONVOLUTIONS: Mapping[str, dict[str, Any]] = {
    "strides": {"strides": [2, 3]},
    "pads": {"pads": [4, 1, 0, 2]},
    "dilations": {"dilations": [2, 3], "pads": [2, 3, 2, 3]},
    "groups": {"group": 3},
    "depthwise": {"group": 6},
    "kernel": {"kernel_shape": [1, 5]},
}

POOLS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "max_pool": ("MaxPool", {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 2, 1]}),
    "max_pool_ceil": ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    "average_pool": (
        "AveragePool",
        {"kernel_shape": [3, 3], "strides": [2, 1], "pads": [1, 1, 0, 1]},
    ),
    "average_pool_padding": (
        "AveragePool",
        {"kernel_shape": [3, 3], "pads": [1, 1, 0, 1], "count_include_pad": 1},
    ),
    "average_pool_ceil": (
        "AveragePool",
        {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1},
    ),
    "global_average": ("GlobalAveragePool", {}),
    "global_max": ("GlobalMaxPool", {}),
    "mean": ("ReduceMean", {"axes": [2, 3], "keepdims": 0}),
}

QDQ_POOLS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "max_pool": ("MaxPool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    "average_pool": ("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "global": ("GlobalAveragePool", {}),
    "mean": ("ReduceMean", {"axes": [2, 3], "keepdims": 0}),
}

MASKS: Mapping[str, tuple[int, ...] | None] = {
    "none": None,
    "rows": (2, 1, 1, 5),
    "whole": (2, 3, 5, 5),
    "plane": (5, 5),
}

SINGLE: Mapping[str, Build] = {
    "conv_plain": lambda g: g.node("Conv", g.input(1, 3, 8, 8), g.weights(4, 3, 3, 3)),
    "scale_shift": scale_shift,
    "lrn": lambda g: g.node("LRN", g.input(1, 9, 4, 5), size=5, alpha=0.01, beta=0.6, bias=1.5),
    "qdq_conv1d": conv1d_qdq,
    "qdq_conv_residual": residual_qdq,
    "qdq_dense": partial(dense_qdq, transposed=False),
    "qdq_dense_transposed": partial(dense_qdq, transposed=True),
    "qdq_products": products_qdq,
    "qdq_moves": moves_qdq,
    "qdq_borders": lambda g: g.dq(g.q(joined(g, g.dq(g.q(g.input(1, 3, 4, 4)))))),
    "dense": partial(dense, tail=ACTS["none"]),
    "dense_gelu": partial(dense, tail=gelu),
    "dense_gelu_tanh": partial(dense, tail=gelu_tanh),
    "dense_residual": partial(dense, tail=lambda g, x: g.node("Add", x, g.input(2, 7, 10))),
    "gemm": lambda g: g.node("Gemm", g.input(3, 8), g.weights(5, 8), g.weights(5), transB=1),
    "layer_norm": lambda g: layer_norm(g, g.input(2, 5, 12), 12),
    "layer_norm_17": lambda g: g.node(
        "LayerNormalization", g.input(2, 5, 12), g.weights(12), g.weights(12)
    ),
    "softmax": lambda g: g.node("Softmax", g.input(2, 5, 12), axis=-1),
    "softmax_channels": lambda g: g.node("Softmax", g.input(2, 5, 1, 1), axis=1),
    "gelu": lambda g: gelu(g, joined(g, g.input(1, 2, 3, 4))),
    "gelu_tanh": lambda g: gelu_tanh(g, joined(g, g.input(1, 2, 3, 4))),
    "moves": moves,
}
"""Models that are alone of their kind."""


def _convolutions() -> Iterator[tuple[str, Build]]:
    for act in ACTS:
        for norm in ("both", "bias", "bn"):
            yield f"conv_{norm}_{act}", partial(conv, act=act, norm=norm)
        if act not in ("hardswish", "silu"):
            yield f"conv_residual_{act}", partial(residual, act=act)
    for name, attrs in CONVOLUTIONS.items():
        yield f"conv_{name}", partial(conv, **attrs)
    for act in ("none", "relu", "sigmoid"):
        yield f"conv1d_{act}", partial(conv1d, act=act)
        yield f"deconv_{act}", partial(deconv, act=act)


def _quantised() -> Iterator[tuple[str, Build]]:
    for stored, weights, per_channel in (
        ("int8", "int8", True),
        ("uint8", "int8", False),
        ("uint8", "uint8", False),
        ("uint8", "int8", True),
    ):
        for act in ("none", "relu", "clip", "leaky"):
            name = f"qdq_conv_{stored}_{weights}_{'channels' if per_channel else 'whole'}_{act}"
            form = partial(conv_qdq, stored=stored, weights=weights, per_channel=per_channel)
            yield name, partial(form, act=act)
    for name, (op, attrs) in QDQ_POOLS.items():
        for scale in (0.125, 0.5):
            yield f"qdq_{name}_{scale}", partial(pool_qdq, op=op, out_scale=scale, **attrs)
    for op in ("Add", "Sub", "Mul", "Max", "Min", "Div"):
        yield f"qdq_{op}", partial(elementwise_qdq, op=op)
    for act in ("relu", "clip", "leaky", "sigmoid", "tanh"):
        yield f"qdq_{act}", partial(function_qdq, act=act)


def _others() -> Iterator[tuple[str, Build]]:
    for name, mask in MASKS.items():
        yield f"attention_{name}", partial(attention, mask=mask)
    for act in ("relu", "clip", "sigmoid", "tanh"):
        yield f"dense_{act}", partial(dense, tail=ACTS[act])
    for act, function in ACTS.items():
        yield f"function_{act}", partial(alone, function=function)
    for op in ("Abs", "Neg", "Exp", "Erf", "HardSigmoid"):
        yield f"function_{op}", partial(alone, function=single(op))
    for op in ("Sqrt", "Log", "Reciprocal"):
        yield f"function_{op}", partial(of_positive, function=single(op))
    for exponent in (0.5, 2.0, 3.0, -1.5):
        yield f"power_{exponent}", partial(power, exponent=exponent)
    for op in ("Add", "Sub", "Mul", "Div", "Max", "Min"):
        for shape in ((), (4, 1, 1), (5,), (2, 4, 3, 5), (3, 5)):
            yield f"{op}_{'x'.join(map(str, shape))}", partial(elementwise, op=op, shape=shape)
    for name, (op, attrs) in POOLS.items():
        yield name, partial(pool, op=op, **attrs)


FAMILIES: Mapping[str, Build] = {
    **SINGLE,
    **dict(_convolutions()),
    **dict(_quantised()),
    **dict(_others()),
}
"""Every model, by name: what is given a Graph and gives its outputs."""


def family(name: str) -> onnx.ModelProto:
    """The model `name`."""
    graph = Graph()
    outputs = FAMILIES[name](graph)
    return graph.model(*((outputs,) if isinstance(outputs, str) else outputs))
