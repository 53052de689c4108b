"""Calls of Relax ops, at least one for each that can be written in ONNX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import relax, tirx

op: Any = relax.op
F = "float32"


@dataclass(frozen=True)
class Program:
    """A call, by the inputs it takes: arrays of these shapes and dtypes, in [low, high).

    `expected` is what the call means in numpy, where TVM has no kernel for it.
    """

    inputs: tuple[tuple[tuple[int, ...], str], ...]
    call: Callable[..., Any]
    low: float = -2
    high: float = 2
    expected: Callable[..., Any] | None = None


def program(
    call: Callable[..., Any],
    *inputs: Any,
    low: float = -2,
    high: float = 2,
    expected: Callable[..., Any] | None = None,
) -> Program:
    """A program; an input is a shape of float32, or a shape and a dtype."""
    typed = tuple(
        each if isinstance(each[-1] if each else 0, str) else (each, F) for each in inputs
    )
    return Program(typed, call, low, high, expected)


def const(values: Any, dtype: str = F) -> Any:
    return relax.const(np.asarray(values, dtype), dtype)


def prims(*values: int) -> Any:
    return relax.Tuple([tirx.IntImm("int64", each) for each in values])


def many(make: Callable[[Any], Program], *values: Any) -> list[Program]:
    """A program for each value."""
    return [make(each) for each in values]


def _shuffled(x: Any) -> Any:
    batch, channels, height, width = x.shape
    apart = x.reshape(batch, channels // 4, 2, 2, height, width).transpose(0, 1, 4, 2, 5, 3)
    return apart.reshape(batch, channels // 4, 2 * height, 2 * width)


def _call(name: str, **attrs: Any) -> Callable[..., Any]:
    def made(*args: Any) -> Any:
        return _found(name)(*args, **attrs)

    return made


def _found(name: str) -> Any:
    found = op
    for part in name.split("."):
        found = getattr(found, part)
    return found


PLANE, VOLUME, ROW = (2, 3, 8, 6), (1, 2, 5, 6, 4), (2, 3, 9)
GAMMA = [const([1.5, 0.5, 1.0]), const([0.1, -0.2, 0.3])]
MOMENTS = [const([0.1, 0.2, -0.3]), const([1.1, 0.7, 2.0])]

_UNARY = {
    **dict.fromkeys(
        ["abs", "asinh", "atan", "ceil", "cos", "cosh", "erf", "exp", "floor"], (-2, 2)
    ),
    **dict.fromkeys(["isfinite", "isinf", "isnan", "negative", "round", "sigmoid"], (-3, 3)),
    **dict.fromkeys(["sign", "sin", "sinh", "square", "tan", "tanh", "trunc"], (-1.4, 1.4)),
    **dict.fromkeys(["acos", "asin", "atanh"], (-0.9, 0.9)),
    **dict.fromkeys(["log", "sqrt", "rsqrt"], (0.1, 3)),
    "acosh": (1.1, 3),
}

_BINARY = [
    *["add", "subtract", "multiply", "maximum", "minimum", "equal", "not_equal", "less"],
    *["less_equal", "greater", "greater_equal"],
]

_ACTIVATIONS = ["relu", "gelu", "gelu_tanh", "silu", "selu"]

PROGRAMS: dict[str, list[Program]] = {
    **{name: [program(_call(name), (2, 5), low=a, high=b)] for name, (a, b) in _UNARY.items()},
    **{
        name: [
            program(_call(name), (2, 5), (2, 5)),
            program(_call(name), ((2, 1, 5), "int32"), ((3, 1), "int32"), high=5),
        ]
        for name in _BINARY
    },
    **{f"nn.{name}": [program(_call(f"nn.{name}"), (2, 5))] for name in _ACTIVATIONS},
    **{
        name: [
            program(_call(name), ((2, 5), "int32"), ((2, 5), "int32")),
            program(_call(name), *[((2, 5), "bool")] * 2),
        ]
        for name in ["bitwise_and", "bitwise_or", "bitwise_xor"]
    },
    **{
        name: [program(_call(name), *[((2, 5), "bool")] * 2)]
        for name in ["logical_and", "logical_or", "logical_xor"]
    },
    **{
        name: [program(_call(name), ((2, 5), "uint32"), ((2, 5), "uint32"), low=0, high=8)]
        for name in ["left_shift", "right_shift"]
    },
    **{
        name: [
            program(_call(name), PLANE),
            program(_call(name, axis=[1, -1]), PLANE),
            program(_call(name, axis=[-2], keepdims=True), PLANE),
        ]
        for name in ["sum", "mean", "max", "min", "prod", "variance", "std"]
    },
    **{
        name: [
            program(_call(name), (3, 4)),
            program(_call(name, axis=-1), (3, 4)),
            program(_call(name, axis=0, keepdims=True), (3, 4)),
            program(_call(name, keepdims=True), (3, 4)),
        ]
        for name in ["argmax", "argmin"]
    },
    "divide": [
        program(op.divide, (2, 5), (2, 5), low=1),
        program(op.divide, *[((9,), "int32")] * 2, low=1, high=9),
    ],
    "power": [program(op.power, (2, 5), (2, 5), low=0.1)],
    "floor_divide": [
        program(op.floor_divide, (2, 5), (2, 5), low=0.3),
        program(
            lambda x: op.floor_divide(x, const([3, -4, 5], "int32")),
            ((9, 3), "int32"),
            low=-20,
            high=20,
        ),
        program(op.floor_divide, *[((9,), "uint8")] * 2, low=1, high=9),
    ],
    "floor_mod": [
        program(lambda x: op.floor_mod(x, const([1.5, -0.7])), (9, 2)),
        program(
            lambda x: op.floor_mod(x, const([3, -4, 5], "int32")),
            ((9, 3), "int32"),
            low=-20,
            high=20,
        ),
    ],
    "mod": [
        program(lambda x: op.mod(x, const([1.5, -0.7])), (9, 2)),
        program(
            lambda x: op.mod(x, const([3, -4, 5], "int32")), ((9, 3), "int32"), low=-20, high=20
        ),
    ],
    "log_add_exp": [program(op.log_add_exp, (2, 5), (2, 5), high=30)],
    "ewise_fma": [
        program(op.ewise_fma, (2, 5), (2, 5), (2, 5), expected=lambda x, y, z: x * y + z)
    ],
    "outer": [program(op.outer, (3,), (4,))],
    "logical_not": [program(op.logical_not, ((2, 5), "bool"))],
    "bitwise_not": [
        program(op.bitwise_not, ((2, 5), "int8")),
        program(op.bitwise_not, ((5,), "bool")),
    ],
    "astype": [
        program(_call("astype", dtype=each), (2, 5)) for each in ("float16", "int32", "float64")
    ],
    "clip": [
        program(lambda x: op.clip(x, -1, 0.5), (2, 5)),
        program(lambda x: op.clip(x, 0, float("inf")), (2, 5)),
        program(lambda x: op.clip(x, -1, 1), ((2, 5), "int32"), low=-5, high=5),
    ],
    "nn.leakyrelu": [program(_call("nn.leakyrelu", alpha=0.2), (2, 5))],
    "nn.prelu": [
        program(lambda x: op.nn.prelu(x, const([0.1, 0.2, 0.3]), axis=1), PLANE),
        program(lambda x: op.nn.prelu(x, const([0.25]), axis=1), PLANE),
    ],
    "nn.softplus": [
        program(op.nn.softplus, (2, 5)),
        program(_call("nn.softplus", beta=2.0), (2, 5)),
    ],
    "nn.softmax": [program(_call("nn.softmax", axis=axis), ROW) for axis in (-1, 1)],
    "nn.log_softmax": [program(_call("nn.log_softmax", axis=axis), ROW) for axis in (-1, 0)],
    "nn.conv1d": [
        program(_call("nn.conv1d", padding=(1, 2), strides=2), ROW, (4, 3, 3)),
        program(_call("nn.conv1d", data_layout="NWC", kernel_layout="WIO"), (2, 9, 3), (3, 3, 4)),
    ],
    "nn.conv2d": [
        program(_call("nn.conv2d", padding=(1, 0, 2, 1), dilation=(2, 1)), PLANE, (4, 3, 3, 3)),
        program(_call("nn.conv2d", groups=3, strides=(2, 1)), PLANE, (6, 1, 3, 3)),
        program(
            _call("nn.conv2d", data_layout="NHWC", kernel_layout="HWIO"), (2, 8, 6, 3), (3, 3, 3, 4)
        ),
    ],
    "nn.conv3d": [program(_call("nn.conv3d", padding=1), VOLUME, (3, 2, 3, 3, 3))],
    "nn.conv1d_transpose": [
        program(_call("nn.conv1d_transpose", strides=2, output_padding=1), ROW, (3, 4, 3))
    ],
    "nn.conv2d_transpose": [
        program(
            _call("nn.conv2d_transpose", strides=(2, 1), padding=(1, 0, 0, 1)), PLANE, (3, 4, 3, 3)
        ),
        program(_call("nn.conv2d_transpose", groups=3), PLANE, (3, 2, 3, 3)),
    ],
    "nn.conv3d_transpose": [
        program(_call("nn.conv3d_transpose", strides=2), VOLUME, (2, 3, 2, 2, 2))
    ],
    "nn.max_pool1d": [program(_call("nn.max_pool1d", pool_size=3, strides=2, padding=1), ROW)],
    "nn.max_pool2d": [
        program(_call("nn.max_pool2d", pool_size=(3, 2), strides=2, padding=(1, 0)), PLANE),
        program(_call("nn.max_pool2d", pool_size=3, strides=2, ceil_mode=True), PLANE),
        program(_call("nn.max_pool2d", pool_size=3, strides=2, layout="NHWC"), (2, 8, 6, 3)),
        program(_call("nn.max_pool2d", pool_size=2, dilation=(2, 3)), PLANE),
    ],
    "nn.max_pool3d": [program(_call("nn.max_pool3d", pool_size=2, strides=2), VOLUME)],
    "nn.avg_pool1d": [program(_call("nn.avg_pool1d", pool_size=3, strides=2, padding=1), ROW)],
    "nn.avg_pool2d": [
        program(_call("nn.avg_pool2d", pool_size=3, strides=2, padding=1), PLANE),
        program(
            _call("nn.avg_pool2d", pool_size=3, strides=2, padding=1, count_include_pad=True), PLANE
        ),
        program(_call("nn.avg_pool2d", pool_size=3, strides=2, ceil_mode=True), PLANE),
    ],
    "nn.avg_pool3d": [program(_call("nn.avg_pool3d", pool_size=2, strides=2), VOLUME)],
    "nn.adaptive_avg_pool1d": [program(_call("nn.adaptive_avg_pool1d", output_size=3), ROW)],
    "nn.adaptive_avg_pool2d": [
        program(_call("nn.adaptive_avg_pool2d", output_size=(1, 1)), PLANE),
        program(_call("nn.adaptive_avg_pool2d", output_size=(4, 2)), PLANE),
        program(_call("nn.adaptive_avg_pool2d", output_size=(4, 2), layout="NHWC"), (2, 8, 6, 3)),
    ],
    "nn.adaptive_avg_pool3d": [
        program(_call("nn.adaptive_avg_pool3d", output_size=(1, 1, 1)), VOLUME)
    ],
    "nn.batch_norm": [
        program(lambda x: op.nn.batch_norm(x, *GAMMA, *MOMENTS, axis=1, training=False)[0], PLANE),
        program(
            lambda x: op.nn.batch_norm(x, *GAMMA, *MOMENTS, axis=3, training=False)[0], (2, 8, 6, 3)
        ),
        program(
            lambda x: op.nn.batch_norm(
                x, *GAMMA, *MOMENTS, axis=1, center=False, scale=False, training=False
            )[0],
            PLANE,
        ),
    ],
    "nn.layer_norm": [
        program(lambda x: op.nn.layer_norm(x, *GAMMA, axes=[-1]), (2, 4, 3)),
        program(
            lambda x: op.nn.layer_norm(
                x, const(np.ones((4, 3))), const(np.ones((4, 3))), axes=[-2, -1]
            ),
            (2, 4, 3),
        ),
        program(lambda x: op.nn.layer_norm(x, *GAMMA, axes=[1]), PLANE),
    ],
    "nn.group_norm": [
        program(
            lambda x: op.nn.group_norm(x, const([1, 2, 3, 4]), const([4, 3, 2, 1]), 2, 1, [2, 3]),
            (2, 4, 3, 5),
        )
    ],
    "nn.instance_norm": [program(lambda x: op.nn.instance_norm(x, *GAMMA, 1, [2, 3]), PLANE)],
    "nn.rms_norm": [program(lambda x: op.nn.rms_norm(x, GAMMA[0], [-1]), (2, 4, 3))],
    "nn.dropout": [program(lambda x: op.nn.dropout(x, 0.5)[0], (2, 5))],
    "nn.nll_loss": [
        *many(
            lambda each: program(
                lambda x: op.nn.nll_loss(
                    x, const([0, 2, 1], "int64"), const([1, 0.5, 2]), reduction=each
                ),
                (3, 3),
            ),
            "mean",
            "sum",
            "none",
        )
    ],
    "nn.pad": [
        program(lambda x: op.nn.pad(x, (0, 1, 2, 0), pad_value=1.5), (3, 4)),
        program(lambda x: op.nn.pad(x, (0, 1, 2, 0), pad_mode="reflect"), (3, 4)),
        program(lambda x: op.nn.pad(x, (0, 1, 2, 0), pad_mode="replicate"), (3, 4)),
        program(lambda x: op.nn.pad(x, (0, 1, 2, 0), pad_mode="circular"), (3, 4)),
    ],
    "nn.pixel_shuffle": [
        program(lambda x: op.nn.pixel_shuffle(x, 2), (1, 8, 3, 2), expected=_shuffled)
    ],
    "nn.batch_flatten": [program(op.nn.batch_flatten, PLANE)],
    "nn.attention": [
        program(op.nn.attention, (1, 4, 2, 8), (1, 5, 2, 8), (1, 5, 2, 6)),
        program(_call("nn.attention", scale=0.5, causal_mask="TopLeft"), *[(1, 4, 2, 8)] * 3),
        program(
            _call("nn.attention", causal_mask="BottomRight"),
            (1, 4, 2, 8),
            (1, 6, 2, 8),
            (1, 6, 2, 8),
        ),
    ],
    "nn.attention_bias": [program(op.nn.attention, *[(1, 4, 2, 8)] * 3, (1, 2, 4, 4))],
    "matmul": [
        program(op.matmul, (2, 3, 4), (4, 5)),
        program(op.matmul, (4,), (4, 5)),
        program(
            _call("matmul", out_dtype="int32"), ((3, 4), "int8"), ((4, 5), "int8"), low=-90, high=90
        ),
    ],
    "einsum": [program(lambda x, y: op.einsum((x, y), "bij,jk->bik"), (2, 3, 4), (4, 5))],
    "reshape": [
        program(lambda x: op.reshape(x, (4, 3, -1)), PLANE),
        program(lambda x: op.reshape(x, ()), (1, 1)),
    ],
    "flatten": [program(op.flatten, ROW)],
    "expand_dims": [program(lambda x: op.expand_dims(x, [0, -1]), (2, 5))],
    "squeeze": [program(op.squeeze, (1, 3, 1)), program(lambda x: op.squeeze(x, [-1]), (1, 3, 1))],
    "permute_dims": [
        program(op.permute_dims, ROW),
        program(lambda x: op.permute_dims(x, [1, 0, -1]), ROW),
    ],
    "concat": [
        program(lambda x, y: op.concat((x, y), axis=-1), (2, 3), (2, 4)),
        program(
            lambda x, y: op.concat((x, y), axis=None),
            (3,),
            (4,),
            expected=lambda x, y: np.append(x, y),
        ),
        program(lambda x: op.concat((x,), axis=0), (3,)),
    ],
    "split": [
        program(lambda x: op.split(x, 3, axis=-1), ROW),
        program(lambda x: op.split(x, [1, 4], axis=2), ROW),
    ],
    "stack": many(
        lambda each: program(lambda x, y: op.stack((x, y), axis=each), (2, 3), (2, 3)), 0, -1
    ),
    "broadcast_to": [program(lambda x: op.broadcast_to(x, (4, 2, 5)), (2, 1))],
    "tile": many(lambda each: program(lambda x: op.tile(x, each), (2, 3)), (2,), (3, 2), (2, 1, 2)),
    "repeat": [
        program(lambda x: op.repeat(x, 2, 1), ROW),
        program(lambda x: op.repeat(x, 3, -1), ROW),
        program(lambda x: op.repeat(x, 3), (4,)),
    ],
    "flip": [program(lambda x: op.flip(x, -1), ROW)],
    "meshgrid": [program(lambda x, y: op.meshgrid((x, y), indexing="ij"), (3,), (4,))],
    "strided_slice": [
        program(lambda x: op.strided_slice(x, [2, 1], [7, 0], [-100, 2], [-2, 1]), ROW),
        program(lambda x: op.strided_slice(x, [0], [-1], [100]), ROW),
    ],
    "dynamic_strided_slice": [
        program(
            lambda x: op.dynamic_strided_slice(
                x, const([0, 1], "int64"), const([2, 4], "int64"), const([1, 2], "int64")
            ),
            (3, 5),
        )
    ],
    "slice_scatter": [
        program(lambda x, y: op.slice_scatter(x, y, 1, 6, 2, axis=1), (2, 6), (2, 3))
    ],
    "tril": many(lambda each: program(lambda x: op.tril(x, each), (4, 5)), 0, -1),
    "triu": many(lambda each: program(lambda x: op.triu(x, each), (4, 5)), 0, 2),
    "take": [
        program(lambda x: op.take(x, const([1, 0], "int64"), axis=1), ROW),
        program(lambda x: op.take(x, const([1, -1], "int32"), axis=1, mode="wrap"), ROW),
        program(lambda x: op.take(x, const([1, -1, 30], "int32"), axis=1, mode="clip"), ROW),
        program(lambda x: op.take(x, const(1, "int64")), (5,)),
    ],
    "gather_elements": [
        program(lambda x: op.gather_elements(x, const([[0, 1], [2, 0]], "int64"), 1), (2, 3))
    ],
    "gather_nd": [
        program(lambda x: op.gather_nd(x, const([[0, 1], [1, 2]], "int64")), ROW),
        program(lambda x: op.gather_nd(x, const([[1], [2]], "int64"), batch_dims=1), ROW),
    ],
    "index_tensor": [
        program(
            lambda x: op.index_tensor(x, (const([0, 1], "int64"), const([2, 0], "int64"))), ROW
        ),
        program(
            lambda x: op.index_tensor(x, (const([[0], [1]], "int64"), const([2, 0], "int64"))), ROW
        ),
    ],
    "one_hot": [
        program(
            lambda x: op.one_hot(x, tirx.FloatImm("float32", 2), tirx.FloatImm("float32", -1), 4),
            ((2, 3), "int64"),
            low=0,
            high=4,
        )
    ],
    "where": [program(op.where, ((2, 5), "bool"), (2, 5), (5,))],
    "reverse_sequence": [
        program(
            lambda x: op.reverse_sequence(x, const([2, 3], "int64"), seq_axis=1, batch_axis=0),
            (2, 4, 3),
        )
    ],
    "scatter_elements": many(
        lambda each: program(
            lambda x, y: op.scatter_elements(x, const([[0, 1], [2, 0]], "int64"), y, 1, each),
            (2, 3),
            (2, 2),
        ),
        *["update", "add", "mul", "max", "min"],
    ),
    "scatter_nd": many(
        lambda each: program(
            lambda x, y: op.scatter_nd(x, const([[2], [0]], "int64"), y, each), (4, 3), (2, 3)
        ),
        *["update", "add", "mul", "max", "min"],
    ),
    "index_put": many(
        lambda each: program(
            lambda x, y: op.index_put(x, (const([2, 0], "int64"), const([1, 1], "int64")), y, each),
            (4, 3),
            (2,),
        ),
        False,
        True,
    ),
    "sort": many(
        lambda each: program(lambda x: op.sort(x, axis=1, descending=each), ROW), False, True
    ),
    "argsort": many(
        lambda each: program(lambda x: op.argsort(x, axis=-1, descending=each, dtype="int64"), ROW),
        False,
        True,
    ),
    "topk": [
        *many(
            lambda each: program(
                lambda x: op.topk(x, 2, axis=1, ret_type=each, dtype="int64"), ROW
            ),
            *["both", "values", "indices"],
        ),
        program(lambda x: op.topk(x, 2, axis=1, largest=False), ROW),
    ],
    "cumsum": [
        program(lambda x: op.cumsum(x, 1), ROW),
        program(lambda x: op.cumsum(x, 1, exclusive=True), ROW),
        program(op.cumsum, (3, 4)),
        program(lambda x: op.cumsum(x, 0, "int64"), ((5,), "int32")),
    ],
    "cumprod": [program(lambda x: op.cumprod(x, 1), ROW)],
    "nonzero": [program(op.nonzero, ((3, 4), "bool"))],
    "unique": [
        program(lambda x: op.unique(x, sorted=True), ((9,), "int64"), low=0, high=4),
        program(
            lambda x: op.unique(x, sorted=True, return_inverse=True, return_counts=True),
            ((9,), "int64"),
            low=0,
            high=4,
        ),
    ],
    "zeros": [program(lambda x: op.add(x, op.zeros((2, 5), F)), (2, 5))],
    "ones": [program(lambda x: op.add(x, op.ones((2, 5), F)), (2, 5))],
    "zeros_like": [program(lambda x: op.zeros_like(x, "int32"), (2, 5))],
    "ones_like": [program(op.ones_like, (2, 5))],
    "full": [
        program(lambda x: op.add(x, op.full((2, 5), const(1.5))), (2, 5)),
        program(lambda x: op.full((2, 5), x), ()),
    ],
    "full_like": [program(lambda x, y: op.full_like(x, y), (2, 5), ())],
    "arange": [
        program(lambda x: op.add(x, op.arange(0, 10, 2, dtype=F)), (5,)),
        program(lambda x: op.add(x, op.arange(5, dtype="int8")), ((5,), "int8")),
    ],
    "eye": [program(lambda x: op.add(x, op.eye(3, 4, 1, F)), (3, 4))],
    "eye_like": [program(lambda x: op.eye_like(x, -1), (3, 4))],
    "image.resize2d": many(
        lambda given: program(
            lambda x: op.image.resize2d(
                x,
                (12, 9),
                layout=given[0],
                method=given[1],
                coordinate_transformation_mode=given[2],
                rounding_method=given[3],
            ),
            (2, 8, 6, 3) if given[0] == "NHWC" else PLANE,
        ),
        ("NCHW", "nearest_neighbor", "asymmetric", "floor"),
        ("NCHW", "linear", "half_pixel", ""),
        ("NHWC", "linear", "align_corners", ""),
        ("NCHW", "linear", "pytorch_half_pixel", ""),
        ("NCHW", "nearest_neighbor", "half_pixel", "round_prefer_ceil"),
    ),
    "image.resize3d": [
        program(lambda x: op.image.resize3d(x, (10, 12, 8), method="linear"), VOLUME),
    ],
    "image.grid_sample": many(
        lambda given: program(
            lambda x, y: op.image.grid_sample(
                x, y, method=given[0], padding_mode=given[1], align_corners=given[2]
            ),
            PLANE,
            (2, 2, 4, 5),
            low=-1.2,
            high=1.2,
        ),
        ("bilinear", "zeros", True),
        ("nearest", "border", False),
    ),
    "image.affine_grid": many(
        lambda each: program(
            lambda x: op.image.affine_grid(x, (4, 5), align_corners=each), (2, 2, 3)
        ),
        True,
        False,
    ),
    "quantize": [
        program(lambda x: op.quantize(x, const(0.02), const(3, "int8"), out_dtype="int8"), (2, 5)),
        program(
            lambda x: op.quantize(
                x, const([0.02, 0.1, 0.05]), const([0, 5, 9], "uint8"), axis=1, out_dtype="uint8"
            ),
            PLANE,
        ),
    ],
    "dequantize": [
        program(
            lambda x: op.dequantize(
                x, const([0.02, 0.1]), const([0, 5], "int8"), axis=0, out_dtype=F
            ),
            ((2, 5), "int8"),
            low=-100,
            high=100,
        ),
        program(
            lambda x: op.dequantize(x, const(0.02), const(0, "int32"), out_dtype=F),
            ((5,), "int32"),
            low=-100,
            high=100,
        ),
    ],
    "shape_of": [
        program(
            lambda x, y: op.reshape(x, op.shape_of(y)),
            (2, 5),
            (5, 2),
            expected=lambda x, y: x.reshape(5, 2),
        )
    ],
    "shape_to_tensor": [program(lambda x: op.shape_to_tensor(op.shape_of(x)), (2, 5))],
    "tensor_to_shape": [],
    "size": [program(op.size, (2, 5))],
    "hint_on_device": [],
    "to_vdevice": [],
    "memory.ensure_zero_offset": [program(op.memory.ensure_zero_offset, (2, 5))],
    "builtin.stop_lift_params": [
        program(op.builtin.stop_lift_params, (2, 5), expected=lambda x: x)
    ],
    "grad.no_grad": [program(op.grad.no_grad, (2, 5))],
    "grad.start_checkpoint": [program(op.grad.start_checkpoint, (2, 5))],
    "grad.end_checkpoint": [program(op.grad.end_checkpoint, (2, 5))],
}
"""By op, what is written and held against TVM; ops without a program have a test of their own."""
