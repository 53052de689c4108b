"""What QNN is tried with: at least one case for every row and pattern of its table."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.vendors.qnn_forms import Case, Given

IMAGE = Given((1, 16, 12, 12))
OTHER = Given((1, 16, 12, 12))
POSITIVE = Given((1, 16, 12, 12), 0.5, 2.0)
SIGNAL = Given((1, 16, 40))
VOLUME = Given((1, 8, 8, 8, 8))
TOKENS = Given((1, 12, 32))
ROWS = Given((12, 32))
WHOLE = np.random.default_rng(9).integers(-3, 4, (2, 1, 16, 12, 12))
"""Whole numbers, some of them equal."""


def weight(*shape: int, channel: int | None = 0, most: float = 0.3) -> Given:
    return Given(shape, -most, most, "weight", channel=channel)


def uneven(*shape: int, channel: int) -> Given:
    """A weight whose channels differ in size, so that it matters which scale is whose."""
    ramp = np.linspace(0.02, 1.0, shape[channel])
    sizes = ramp.reshape([-1 if each == channel else 1 for each in range(len(shape))])
    drawn = np.random.default_rng(7).uniform(-1.0, 1.0, shape) * sizes
    return Given(role="weight", values=drawn.astype(np.float32), channel=channel)


def bias(size: int) -> Given:
    return Given((size,), -1.0, 1.0, "bias")


def scale(*shape: int) -> Given:
    return Given(shape, 0.5, 1.5, "weight")


def plain(*values: Any, dtype: str = "int64") -> Given:
    return Given(role="plain", values=np.array(values, dtype))


def bound(value: float) -> Given:
    return Given(role="bound", values=np.array(value, np.float32))


def scalar(value: Any, dtype: str = "float32") -> Given:
    return Given(role="weight" if dtype == "float32" else "plain", values=np.array(value, dtype))


def fixed(values: Any, dtype: str) -> Given:
    return Given(values=np.asarray(values).astype(dtype))


def resize(mode: str, transform: str, factor: float, **attrs: Any) -> Case:
    scales = plain(1, 1, factor, factor, dtype="float32")
    attrs |= {"mode": mode, "coordinate_transformation_mode": transform}
    return Case("Resize", (IMAGE, None, scales), attrs)


def floats(op: str, *inputs: Given, **attrs: Any) -> Case:
    return Case(op, inputs, attrs, quantised=False)


UNARY = (
    *("Abs", "Neg", "Relu", "Sigmoid", "Tanh", "Exp", "Elu", "HardSigmoid", "HardSwish"),
    *("Softplus", "Sin", "Cos", "Atan", "Floor", "Ceil", "Round", "Sign", "LeakyRelu", "Selu"),
)
SIX = {"kernel_shape": [3, 3], "strides": [2, 2]}
PADDED = {**SIX, "pads": [1] * 4}

CASES: dict[str, Case] = {
    **{op: Case(op, (IMAGE,)) for op in UNARY},
    **{op: Case(op, (POSITIVE,)) for op in ("Log", "Sqrt", "Reciprocal")},
    **{op: Case(op, (IMAGE, OTHER)) for op in ("Add", "Sub", "Mul", "Max", "Min")},
    "Div": Case("Div", (IMAGE, POSITIVE)),
    "Pow": Case("Pow", (POSITIVE, POSITIVE)),
    "square": floats("Pow", IMAGE, scalar(2.0)),
    "Add, by channel": Case("Add", (IMAGE, weight(16, 1, 1, channel=None))),
    "Mul, by one": Case("Mul", (IMAGE, scalar(0.5))),
    "Add, of integers": floats("Add", *(fixed(each * 9, "int32") for each in WHOLE)),
    "Gelu": Case("Gelu", (IMAGE,), opset=20),
    "Gelu, by tanh": Case("Gelu", (IMAGE,), {"approximate": "tanh"}, opset=20),
    "Mish": Case("Mish", (IMAGE,), opset=18, quantised=False),
    "Clip": Case("Clip", (IMAGE, bound(-1), bound(1))),
    "PRelu": floats("PRelu", IMAGE, weight(16, 1, 1)),
    "Conv": Case("Conv", (IMAGE, weight(24, 16, 3, 3)), {"pads": [1] * 4}),
    "Conv, biased": Case("Conv", (IMAGE, weight(24, 16, 3, 3), bias(24)), {"strides": [2, 2]}),
    "Conv, Relu": Case("Conv", (IMAGE, weight(24, 16, 3, 3)), then="Relu"),
    "Conv, biased, Relu": Case("Conv", (IMAGE, weight(24, 16, 3, 3), bias(24)), then="Relu"),
    "Gemm, Relu": Case("Gemm", (ROWS, weight(32, 24, channel=1), bias(24)), then="Relu"),
    "Conv, in groups": Case("Conv", (IMAGE, weight(32, 4, 3, 3)), {"group": 4}),
    "Conv, by depth": Case("Conv", (IMAGE, weight(16, 1, 3, 3), bias(16)), {"group": 16}),
    "Conv, by depth, lopsided": Case(
        "Conv", (IMAGE, weight(16, 1, 3, 3)), {"group": 16, "strides": [2, 1]}
    ),
    "Conv, with gaps": Case("Conv", (IMAGE, weight(24, 16, 3, 3)), {"dilations": [2, 2]}),
    "Conv, of data": Case("Conv", (IMAGE, Given((8, 16, 3, 3), -0.3, 0.3))),
    "Conv, 1d": Case("Conv", (SIGNAL, weight(24, 16, 3)), {"pads": [1, 1]}),
    "Conv, 1d, biased": Case("Conv", (SIGNAL, weight(24, 16, 3), bias(24))),
    "Conv, 3d": Case("Conv", (VOLUME, weight(8, 8, 3, 3, 3)), {"pads": [1] * 6}),
    "ConvTranspose": Case("ConvTranspose", (IMAGE, weight(16, 24, 2, 2, channel=1))),
    "ConvTranspose, biased": Case(
        "ConvTranspose",
        (IMAGE, weight(16, 24, 3, 3, channel=1), bias(24)),
        {"strides": [2, 2], "pads": [1] * 4, "output_padding": [1, 1]},
    ),
    "ConvTranspose, in groups": Case(
        "ConvTranspose", (IMAGE, weight(16, 6, 2, 2, channel=None)), {"group": 4}
    ),
    "ConvTranspose, 1d": Case("ConvTranspose", (SIGNAL, weight(16, 24, 2, channel=1))),
    "MatMul": Case("MatMul", (TOKENS, weight(32, 24, channel=1))),
    "MatMul, of data": Case("MatMul", (Given((1, 4, 12, 32)), Given((1, 4, 32, 12)))),
    "Gemm": Case("Gemm", (ROWS, weight(32, 24, channel=1), bias(24))),
    "Gemm, transposed": Case("Gemm", (ROWS, weight(24, 32), bias(24)), {"transB": 1}),
    "Gemm, transposed, no bias": Case("Gemm", (ROWS, weight(24, 32)), {"transB": 1}),
    "Einsum": floats("Einsum", Given((2, 12, 32)), Given((2, 32, 12)), equation="bij,bjk->bik"),
    "MaxPool": Case("MaxPool", (IMAGE,), SIX),
    "MaxPool, padded": Case("MaxPool", (IMAGE,), PADDED),
    "MaxPool, rounded up": Case("MaxPool", (IMAGE,), {**SIX, "ceil_mode": 1}),
    "MaxPool, 1d": Case("MaxPool", (SIGNAL,), {"kernel_shape": [3]}),
    "AveragePool": Case("AveragePool", (IMAGE,), PADDED),
    "AveragePool, counting": Case("AveragePool", (IMAGE,), {**PADDED, "count_include_pad": 1}),
    "AveragePool, 1d": Case("AveragePool", (SIGNAL,), {"kernel_shape": [3]}),
    "AveragePool, 3d": Case("AveragePool", (VOLUME,), {"kernel_shape": [2] * 3}),
    "GlobalAveragePool": Case("GlobalAveragePool", (IMAGE,)),
    "GlobalMaxPool": Case("GlobalMaxPool", (IMAGE,)),
    "LRN": floats("LRN", IMAGE, size=5, alpha=0.1),
    "BatchNormalization": floats("BatchNormalization", IMAGE, *[scale(16)] * 4),
    "InstanceNormalization": floats("InstanceNormalization", IMAGE, *[scale(16)] * 2),
    "LayerNormalization": floats("LayerNormalization", TOKENS, *[scale(32)] * 2),
    "RMSNormalization": Case("RMSNormalization", (TOKENS, scale(32)), opset=23, quantised=False),
    "LpNormalization": floats("LpNormalization", TOKENS),
    "Softmax": Case("Softmax", (Given((1, 4, 12, 32)),)),
    "Softmax, of channels": Case("Softmax", (IMAGE,), {"axis": 1}),
    "LogSoftmax": Case("LogSoftmax", (TOKENS,)),
    **{op: floats(op, *(fixed(each, "float32") for each in WHOLE)) for op in ("Equal", "Less")},
    "Greater": floats("Greater", IMAGE, OTHER),
    "GreaterOrEqual": floats("GreaterOrEqual", *(fixed(each, "int32") for each in WHOLE)),
    "LessOrEqual": floats("LessOrEqual", *(fixed(each, "float32") for each in WHOLE)),
    **{op: floats(op, *(fixed(each > 0, "bool") for each in WHOLE)) for op in ("And", "Or", "Xor")},
    "Not": floats("Not", fixed(WHOLE[0] > 0, "bool")),
    "IsNaN": floats("IsNaN", fixed(np.where(WHOLE[0] > 1, np.nan, WHOLE[0]), "float32")),
    "Where": floats("Where", fixed(WHOLE[0] > 0, "bool"), IMAGE, OTHER),
    "Cast": floats("Cast", fixed(WHOLE[0], "int32"), to=1),
    "ReduceMean": Case("ReduceMean", (TOKENS,), {"axes": [-1], "keepdims": 0}),
    "ReduceSum": Case("ReduceSum", (IMAGE, plain(2, 3))),
    "ReduceMax": Case("ReduceMax", (IMAGE,), {"axes": [1]}),
    "ReduceMin": Case("ReduceMin", (IMAGE,), {"axes": [2, 3]}),
    "ArgMax": floats("ArgMax", IMAGE, axis=1),
    "ArgMin": floats("ArgMin", IMAGE, axis=1),
    "CumSum": floats("CumSum", ROWS, scalar(1, "int64")),
    "Reshape": Case("Reshape", (IMAGE, plain(1, 4, 4, 12, 12))),
    "Flatten": Case("Flatten", (IMAGE,)),
    "Squeeze": Case("Squeeze", (Given((1, 16, 1, 12)), plain(2))),
    "Unsqueeze": Case("Unsqueeze", (SIGNAL, plain(2))),
    "Transpose": Case("Transpose", (VOLUME,), {"perm": [0, 2, 1, 3, 4]}),
    "Slice": Case("Slice", (IMAGE, plain(1, 2), plain(9, 10), plain(2, 3), plain(1, 2))),
    "Slice, backwards": Case("Slice", (IMAGE, plain(11), plain(-100), plain(2), plain(-1))),
    "Expand": Case("Expand", (Given((1, 16, 1, 12)), plain(1, 16, 12, 12))),
    "Tile": Case("Tile", (IMAGE, plain(1, 2, 1, 1))),
    "Concat": Case("Concat", (IMAGE, OTHER), {"axis": 1}),
    "Split": Case("Split", (IMAGE, plain(4, 12)), {"axis": 1}, 2, quantised=False),
    "Pad": floats("Pad", IMAGE, plain(0, 0, 1, 1, 0, 0, 2, 2)),
    "Pad, reflecting": floats("Pad", IMAGE, plain(0, 0, 1, 1, 0, 0, 2, 2), mode="reflect"),
    "DepthToSpace": floats("DepthToSpace", IMAGE, blocksize=2),
    "SpaceToDepth": floats("SpaceToDepth", IMAGE, blocksize=2),
    "Resize": resize("nearest", "asymmetric", 2.0, nearest_mode="floor"),
    "Resize, linear": resize("linear", "half_pixel", 1.5),
    "Resize, to corners": resize("linear", "align_corners", 2.0),
    "GridSample": Case(
        "GridSample", (IMAGE, Given((1, 6, 6, 2), -1.0, 1.0)), opset=16, quantised=False
    ),
    "Gather": floats("Gather", IMAGE, plain(3, -1, 2), axis=1),
}
"""By name. Their QDQ forms have one scale for data, and scales by channel for int8 weights where they say so."""

FAULTS: dict[tuple[str, str], Case] = {
    ("float32", "maxima padded with 0"): Case("MaxPool", (IMAGE,), PADDED),
    ("float32", "windows over the end"): Case("AveragePool", (IMAGE,), {**SIX, "ceil_mode": 1}),
    ("int8", "scales of rows for those of columns"): Case(
        "MatMul", (TOKENS, uneven(32, 24, channel=0))
    ),
    ("int8", "scales of channels in groups"): Case(
        "ConvTranspose", (IMAGE, uneven(16, 6, 2, 2, channel=1)), {"group": 4}
    ),
}
"""What QNN 2.7 computes wrong without a word, by form and name: the table keeps it out."""
