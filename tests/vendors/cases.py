"""Small programs of one op each, over dtypes: what a support table claims, as models that compile and run."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from tvm import IRModule, ir, relax

op = relax.op
nn = relax.op.nn

FLOATS = ("float32", "float64", "float16", "bfloat16")


@dataclass(frozen=True)
class Case:
    """`build` gets a variable for each of `inputs`, written as "dtype dims"; the dtype T is the one that is tried.

    Data lies between `low` and `high`, as far as its dtype holds that.
    """

    inputs: tuple[str, ...]
    build: Callable[..., Any]
    low: float = -0.9
    high: float = 0.9

    def variables(self, prefix: str, dtype: str) -> list[Any]:
        return [
            relax.Var(f"{prefix}_{index}", relax.TensorType(*reversed(_type(each, dtype))))
            for index, each in enumerate(self.inputs)
        ]


def _type(text: str, dtype: str) -> tuple[str, list[int]]:
    name, *dims = text.split()
    return name.replace("T", dtype), [int(each) for each in dims]


def one(shape: str, build: Callable[..., Any], *more: str, **bounds: float) -> Case:
    return Case((f"T {shape}", *more), build, **bounds)


def weight(*shape: int, dtype: str, seed: int = 0) -> Any:
    data = np.random.default_rng(seed).uniform(0.1, 0.5, shape)
    return relax.const(data.astype(numpy_dtype(dtype)), dtype)


def index(*values: Any, dtype: str = "int64") -> Any:
    return relax.const(np.array(values, dtype), dtype)


def numpy_dtype(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name, name))


def dtype_of(var: Any) -> str:
    return str(var.ty.dtype)


def unary(function: Callable[..., Any], **bounds: float) -> Case:
    return one("2 3 4", function, **bounds)


def binary(function: Callable[..., Any], **bounds: float) -> Case:
    return one("2 3 4", function, "T 3 1", **bounds)


def pools(kind: str, dims: int, size: int = 2, **attrs: Any) -> Callable[[Any], Any]:
    function = getattr(nn, f"{kind}_pool{dims}d")
    window = {"pool_size": (size,) * dims, "strides": (2,) * dims, "padding": (1,) * 2 * dims}
    return lambda x: function(x, **window, **attrs)


def conv(dims: int, groups: int = 1) -> Callable[[Any], Any]:
    shape = (8, 4 // groups, *(3,) * dims)
    function = getattr(nn, f"conv{dims}d")
    return lambda x: function(
        x, weight(*shape, dtype=dtype_of(x)), padding=(1,) * 2 * dims, groups=groups
    )


def deconv(dims: int) -> Callable[[Any], Any]:
    function = getattr(nn, f"conv{dims}d_transpose")
    return lambda x: function(
        x,
        weight(4, 6, *(3,) * dims, dtype=dtype_of(x)),
        strides=(2,) * dims,
        padding=(1,) * 2 * dims,
    )


def norm(function: Callable[..., Any], count: int, **attrs: Any) -> Callable[[Any], Any]:
    return lambda x: function(
        x, *(weight(4, dtype=dtype_of(x), seed=seed) for seed in range(count)), **attrs
    )


def quantised(zero: int, dtype: str) -> Callable[[Any], Any]:
    return lambda x: op.quantize(
        x, relax.const(0.02, "float32"), relax.const(zero, dtype), out_dtype=dtype
    )


def dequantised(x: Any) -> Any:
    return op.dequantize(x, relax.const(0.02, "float32"), relax.const(0, dtype_of(x)))


def topk(ret_type: str) -> Callable[[Any], Any]:
    def build(x: Any) -> Any:
        made = op.topk(x, k=3, axis=1, ret_type=ret_type, dtype="int64")
        return ir.TupleGetItem(made, 0) if ret_type == "both" else made

    return build


POSITIVE = {"low": 0.1, "high": 3.0}
MIXED = {"low": -3.0, "high": 3.0}
DIVISOR = {"low": 1.0, "high": 5.0}

CASES: dict[str, tuple[Case, ...]] = {
    "nn.conv1d": (one("1 4 9", conv(1)),),
    "nn.conv2d": (
        one("1 4 9 9", conv(2)),
        one("1 4 9 9", conv(2, groups=4)),
        one("1 4 9 9", lambda x, w: nn.conv2d(x, w, strides=(2, 2), dilation=(2, 2)), "T 6 4 3 3"),
    ),
    "nn.conv3d": (one("1 4 5 5 5", conv(3)),),
    "nn.conv1d_transpose": (one("1 4 5", deconv(1)),),
    "nn.conv2d_transpose": (one("1 4 5 5", deconv(2)),),
    "nn.conv3d_transpose": (one("1 4 3 3 3", deconv(3)),),
    "matmul": (
        one("2 3 4", op.matmul, "T 4 5"),
        one("2 3 4", op.matmul, "T 2 4 5"),
        one("3 4", lambda x: op.matmul(x, weight(4, 5, dtype=dtype_of(x)))),
    ),
    "einsum": (one("3 4", lambda x, y: op.einsum(ir.Tuple([x, y]), "ij,jk->ki"), "T 4 5"),),
    "outer": (one("3", op.outer, "T 4"),),
    "nn.attention": (one("1 5 2 4", nn.attention, "T 1 6 2 4", "T 1 6 2 4"),),
    "nn.attention_bias": (
        one("1 5 2 4", nn.attention_bias, "T 1 6 2 4", "T 1 6 2 4", "T 1 2 5 6"),
    ),
    **{
        f"nn.{kind}_pool{dims}d": (
            one("1 4" + " 6" * dims, pools(kind, dims)),
            one("1 4" + " 7" * dims, pools(kind, dims, size=3, ceil_mode=True)),
            one("1 4" + " 6" * dims, pools(kind, dims, size=3, ceil_mode=True)),
        )
        for kind in ("max", "avg")
        for dims in (1, 2, 3)
    },
    **{
        f"nn.adaptive_avg_pool{dims}d": (
            one("1 4" + " 6" * dims, lambda x, dims=dims: _adaptive(dims)(x, 1)),
            one("1 4" + " 6" * dims, lambda x, dims=dims: _adaptive(dims)(x, 3)),
        )
        for dims in (1, 2, 3)
    },
    "image.resize2d": (
        one("1 2 4 4", lambda x: op.image.resize2d(x, (8, 8))),
        one(
            "1 2 4 4",
            lambda x: op.image.resize2d(
                x,
                (8, 8),
                method="nearest_neighbor",
                coordinate_transformation_mode="asymmetric",
                rounding_method="floor",
            ),
        ),
    ),
    "image.resize3d": (one("1 2 4 4 4", lambda x: op.image.resize3d(x, (8, 8, 8))),),
    "image.grid_sample": (one("1 2 4 4", op.image.grid_sample, "T 1 2 3 3"),),
    "image.affine_grid": (one("1 2 3", lambda x: op.image.affine_grid(x, (4, 4))),),
    "nn.batch_norm": (
        one(
            "2 4 3 3",
            lambda x: ir.TupleGetItem(norm(nn.batch_norm, 4, axis=1, training=False)(x), 0),
        ),
    ),
    "nn.layer_norm": (one("2 3 4", norm(nn.layer_norm, 2, axes=-1)),),
    "nn.group_norm": (
        one("2 4 3 3", norm(nn.group_norm, 2, num_groups=2, channel_axis=1, axes=[2, 3])),
    ),
    "nn.instance_norm": (one("2 4 3 3", norm(nn.instance_norm, 2, channel_axis=1, axes=[2, 3])),),
    "nn.rms_norm": (one("2 3 4", norm(nn.rms_norm, 1)),),
    "nn.softmax": (one("2 3 4", nn.softmax), one("2 3 4", lambda x: nn.softmax(x, axis=1))),
    "nn.log_softmax": (one("2 3 4", nn.log_softmax),),
    "nn.prelu": (one("2 4 3", norm(nn.prelu, 1, axis=1)),),
    "nn.pixel_shuffle": (one("1 8 3 3", lambda x: nn.pixel_shuffle(x, 2)),),
    "quantize": tuple(
        Case(("float32 2 3 4",), quantised(zero, dtype))
        for zero, dtype in ((0, "int8"), (128, "uint8"))
    ),
    "dequantize": (Case(("T 2 3 4",), dequantised, low=-90, high=90),),
    **{
        f"nn.{name}": (unary(getattr(nn, name), **MIXED),)
        for name in ("relu", "leakyrelu", "gelu", "gelu_tanh", "selu", "silu", "softplus")
    },
    **{
        name: (unary(getattr(op, name), **MIXED),)
        for name in (
            *(
                "sigmoid",
                "atan",
                "asinh",
                "cos",
                "cosh",
                "sin",
                "sinh",
                "tanh",
                "erf",
                "exp",
                "ceil",
            ),
            *("floor", "round", "trunc", "abs", "square", "sign", "negative", "bitwise_not"),
            *("isnan", "isinf", "isfinite", "logical_not"),
        )
    },
    **{name: (unary(getattr(op, name)),) for name in ("acos", "asin", "atanh", "tan")},
    **{name: (unary(getattr(op, name), **POSITIVE),) for name in ("log", "sqrt", "rsqrt")},
    "acosh": (unary(op.acosh, low=1.1, high=3.0),),
    **{
        name: (binary(getattr(op, name), **MIXED),)
        for name in (
            *(
                "add",
                "subtract",
                "multiply",
                "maximum",
                "minimum",
                "log_add_exp",
                "equal",
                "not_equal",
            ),
            *("less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or"),
            *("logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"),
        )
    },
    **{
        name: (binary(getattr(op, name), **DIVISOR),)
        for name in ("divide", "floor_divide", "mod", "floor_mod", "power")
    },
    "left_shift": (binary(op.left_shift, **DIVISOR),),
    "right_shift": (binary(op.right_shift, low=1, high=5),),
    "clip": (unary(lambda x: op.clip(x, 1, 2), **MIXED),),
    "ewise_fma": (one("2 3", op.ewise_fma, "T 2 3", "T 2 3", **MIXED),),
    "where": (one("2 3", lambda x, y, c: op.where(c, x, y), "T 2 3", "bool 2 3"),),
    "astype": tuple(
        Case(("T 2 3",), lambda x, to=to: op.astype(x, to), low=0, high=3)
        for to in (*FLOATS, "int8", "int32", "int64", "uint8", "bool")
    ),
    **{
        name: (
            one("2 3 4", lambda x, name=name: getattr(op, name)(x, axis=1), **MIXED),
            one(
                "2 3 4",
                lambda x, name=name: getattr(op, name)(x, axis=[1, 2], keepdims=True),
                **MIXED,
            ),
        )
        for name in ("sum", "prod", "mean", "max", "min", "variance", "std")
    },
    **{
        name: (one("2 3 4", lambda x, name=name: getattr(op, name)(x, axis=1)),)
        for name in ("argmax", "argmin")
    },
    "cumsum": (one("2 3 4", lambda x: op.cumsum(x, axis=1), **MIXED),),
    "sort": (
        one("2 5", lambda x: op.sort(x, axis=1), **MIXED),
        one("2 5", lambda x: op.sort(x, axis=0, descending=True), **MIXED),
    ),
    "argsort": (one("2 7", lambda x: op.argsort(x, axis=1, dtype="int64"), low=-60, high=60),),
    "topk": (
        one("2 7", topk("both"), **MIXED),
        one("2 7", topk("values"), **MIXED),
    ),
    "reshape": (one("2 3 4", lambda x: op.reshape(x, (4, 6))),),
    "nn.batch_flatten": (one("2 3 4", nn.batch_flatten),),
    "flatten": (one("2 3 4", op.flatten),),
    "squeeze": (one("2 1 4", lambda x: op.squeeze(x, [1])),),
    "expand_dims": (one("2 3", lambda x: op.expand_dims(x, [0, 2])),),
    "permute_dims": (one("2 3 4", lambda x: op.permute_dims(x, [2, 0, 1])),),
    "concat": (one("2 3", lambda x, y: op.concat([x, y], axis=1), "T 2 2"),),
    "stack": (one("2 3", lambda x, y: op.stack([x, y], axis=1), "T 2 3"),),
    "split": (one("2 6", lambda x: ir.TupleGetItem(op.split(x, [2, 3], axis=1), 2)),),
    "strided_slice": (one("4 6", lambda x: op.strided_slice(x, [0, 1], [0, 1], [4, 6], [2, 1])),),
    "flip": (one("2 3", lambda x: op.flip(x, 1)),),
    "broadcast_to": (one("3 1", lambda x: op.broadcast_to(x, (2, 3, 4))),),
    "tile": (one("2 3", lambda x: op.tile(x, (2, 2))),),
    "repeat": (one("2 3", lambda x: op.repeat(x, 2, 1)),),
    "nn.pad": (
        one("2 3", lambda x: nn.pad(x, [0, 1, 2, 0])),
        one("4 5", lambda x: nn.pad(x, [1, 1, 2, 0], pad_mode="reflect")),
    ),
    "take": (
        one("4 5", lambda x: op.take(x, index(3, 0, 2), axis=1)),
        one("4 5", lambda x, i: op.take(x, i, axis=0), "int64 2 2"),
        one("4 5", lambda x, i: op.take(x, i, axis=0), "int32 2 2"),
    ),
    "gather_elements": (
        one("3 4", lambda x: op.gather_elements(x, index([0, 1, 2, 0], [2, 2, 1, 0]), axis=0)),
    ),
    "gather_nd": (one("3 4", lambda x: op.gather_nd(x, index([0, 1], [2, 3]))),),
    "scatter_elements": (
        one("3 4", lambda x, u: op.scatter_elements(x, index([0, 1, 2, 0]), u, axis=0), "T 1 4"),
    ),
    "scatter_nd": (one("5 4", lambda x, u: op.scatter_nd(x, index([4], [1]), u), "T 2 4"),),
    "tril": (one("4 5", lambda x: op.tril(x, 1)),),
    "triu": (one("4 5", lambda x: op.triu(x, -1)),),
    "one_hot": (Case(("int64 2 3",), lambda x: op.one_hot(x, 1.0, 0.0, 5), low=0, high=4),),
    "reverse_sequence": (one("4 3", lambda x: op.reverse_sequence(x, index(1, 2, 4), 0, 1)),),
    "meshgrid": (one("3", lambda x, y: ir.TupleGetItem(op.meshgrid([x, y]), 1), "T 4"),),
    "zeros_like": (one("2 3", op.zeros_like),),
    "ones_like": (one("2 3", op.ones_like),),
    "nn.dropout": (one("2 3", lambda x: ir.TupleGetItem(nn.dropout(x), 0)),),
}


def _adaptive(dims: int) -> Callable[..., Any]:
    function = getattr(nn, f"adaptive_avg_pool{dims}d")
    return lambda x, size: function(x, (size,) * dims)


def cases(ops: list[str], dtype: str) -> Iterator[tuple[str, Case]]:
    """Each case of `ops`, which depends on `dtype`, with a name."""
    for name in ops:
        for number, case in enumerate(CASES[name]):
            if any(each.startswith("T ") for each in case.inputs) or dtype == "float32":
                yield f"{name}_{number}".replace(".", "_"), case


def program(chosen: list[tuple[str, Case]], dtype: str) -> IRModule:
    """One function with an output for each case."""
    builder = relax.BlockBuilder()
    groups = {name: case.variables(name, dtype) for name, case in chosen}
    with builder.function("main", [var for group in groups.values() for var in group]):
        with builder.dataflow():
            outputs = [_emit(builder, name, case.build(*groups[name])) for name, case in chosen]
            result = builder.emit_output(ir.Tuple(outputs))
        builder.emit_func_output(result)
    return builder.finalize()


def _emit(builder: Any, name: str, value: Any) -> Any:
    """Bind `value`, every binding named after the case."""
    if isinstance(value, ir.TupleGetItem):
        whole = builder.emit(value.tuple_value, name_hint=f"{name}_all")
        value = ir.TupleGetItem(whole, value.index)
    return builder.emit(value, name_hint=f"{name}_out")


def inputs(chosen: list[tuple[str, Case]], dtype: str) -> list[Any]:
    """Seeded data for each parameter of `program`."""
    found = []
    for name, case in chosen:
        random = np.random.default_rng(zlib.crc32(name.encode()))
        for text in case.inputs:
            kind, shape = _type(text, dtype)
            found.append(_data(random, kind, shape, case, is_index=not text.startswith("T ")))
    return found


def _data(random: Any, kind: str, shape: list[int], case: Case, *, is_index: bool) -> Any:
    if kind == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if kind in FLOATS:
        return random.uniform(case.low, case.high, shape).astype(numpy_dtype(kind))
    low, high = (0, 3) if is_index else (int(np.floor(case.low)), int(np.ceil(case.high)))
    if kind.startswith("u"):
        low = max(low, 0)
    return random.integers(low, high + 1, shape).astype(kind)
