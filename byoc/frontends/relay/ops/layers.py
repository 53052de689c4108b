"""Convolutions, products, activations and normalisations."""

from __future__ import annotations

from typing import Any

from tvm import relax

from byoc.frontends.relay.operation import Family, Operation, product, scalar, shape_of
from byoc.frontends.relay.ops.elementwise import rectified
from byoc.frontends.relay.values import Accumulator, Value

FAMILY = Family("Layers")


def convolution_defaults(rank: int, data: str, kernel: str) -> dict[str, Any]:
    """Relay's defaults of a convolution over `rank` axes."""
    return {
        "strides": (1,) * rank,
        "padding": (0,) * rank,
        "dilation": (1,) * rank,
        "groups": 1,
        "channels": None,
        "kernel_size": None,
        "data_layout": data,
        "kernel_layout": kernel,
        "out_layout": "",
        "out_dtype": "",
    }


def _call_convolution(
    op: Operation, make: Any, data: Any, weight: Any, extra: dict[str, Any]
) -> Any:
    out_dtype = op["out_dtype"]
    if not out_dtype or out_dtype == str(data.ty.dtype) or str(data.ty.dtype).startswith("float"):
        out_dtype = None if out_dtype in ("", str(data.ty.dtype)) else out_dtype
    layout = op["kernel_layout"]
    if layout == "HWOI" and op["groups"] > 1:
        # Relay's HWOI of a depthwise convolution is (height, width, channel, multiplier).
        height, width, channels, multiplier = op.static(weight)
        flat = relax.op.reshape(weight, shape_of((height, width, channels * multiplier, 1)))
        weight = op.bind(flat, "weight")
    return make(
        data,
        weight,
        strides=op["strides"],
        padding=op["padding"],
        dilation=op["dilation"],
        groups=op["groups"],
        data_layout=op["data_layout"],
        kernel_layout=layout,
        out_layout=op["out_layout"] or None,
        out_dtype=out_dtype,
        **extra,
    )


def convolve(op: Operation, data: Any, weight: Any) -> Any:
    """`nn.conv2d` of two tensors with the attributes of `op`."""
    return _call_convolution(op, relax.op.nn.conv2d, data, weight, {})


def transpose_convolve(op: Operation, data: Any, weight: Any) -> Any:
    """`nn.conv2d_transpose` of two tensors with the attributes of `op`."""
    extra = {"output_padding": op["output_padding"]}
    return _call_convolution(op, relax.op.nn.conv2d_transpose, data, weight, extra)


def _convolutions() -> None:
    for rank, data, kernel in ((1, "NCW", "OIW"), (2, "NCHW", "OIHW"), (3, "NCDHW", "OIDHW")):
        make = getattr(relax.op.nn, f"conv{rank}d")

        def convert(op: Operation, make: Any = make) -> Any:
            return _call_convolution(op, make, op.expr(0), op.expr(1), {})

        FAMILY.operator(
            f"nn.conv{rank}d",
            f"`nn.conv{rank}d`",
            arguments=2,
            **convolution_defaults(rank, data, kernel),
        )(convert)
        turned = getattr(relax.op.nn, f"conv{rank}d_transpose")

        def convert_transposed(op: Operation, make: Any = turned) -> Any:
            extra = {"output_padding": op["output_padding"]}
            return _call_convolution(op, make, op.expr(0), op.expr(1), extra)

        FAMILY.operator(
            f"nn.conv{rank}d_transpose",
            f"`nn.conv{rank}d_transpose`",
            arguments=2,
            output_padding=(0,) * rank,
            **convolution_defaults(rank, data, kernel.replace("OI", "IO")),
        )(convert_transposed)


_convolutions()


def _turned(op: Operation, expr: Any, word: str) -> Any:
    rank = len(op.dims(expr))
    axes = [*range(rank - 2), rank - 1, rank - 2]
    return op.bind(relax.op.permute_dims(expr, axes), word)


def _matmul(op: Operation, left: Any, right: Any) -> Any:
    out_dtype = op["out_dtype"]
    return relax.op.matmul(
        left, right, None if out_dtype in ("", str(left.ty.dtype)) else out_dtype
    )


@FAMILY.operator(
    "nn.dense", "`permute_dims` of the weight, `matmul`", arguments=2, units=None, out_dtype=""
)
def dense(op: Operation) -> Any:
    """The product with a weight of (units, inputs)."""
    return _matmul(op, op.expr(0), _turned(op, op.expr(1), "permute_dims"))


def _product(name: str, transpose_b: bool, **more: Any) -> None:
    @FAMILY.operator(
        name,
        "`matmul`, `permute_dims` of what is transposed",
        arguments=2,
        out_dtype="",
        transpose_a=False,
        transpose_b=transpose_b,
        **more,
    )
    def convert(op: Operation) -> Any:
        left, right = op.expr(0), op.expr(1)
        if op["transpose_a"]:
            left = _turned(op, left, "permute_dims")
        if op["transpose_b"]:
            right = _turned(op, right, "permute_dims")
        return _matmul(op, left, right)


_product("nn.matmul", False, units=None)
_product("nn.batch_matmul", True)


@FAMILY.operator("nn.bias_add", "`add` of the bias, reshaped to broadcast", arguments=2, axis=1)
def bias_add(op: Operation) -> Value:
    """A vector along one axis; of accumulators too."""
    data, bias = op.args
    if (
        isinstance(data, Accumulator)
        and isinstance(bias, Accumulator)
        and not data.zero_point.any()
    ):
        real = _biased(op, data.real, bias.real)
        return Accumulator(
            op.bind(real, "bias_add"), data.scale, data.zero_point, data.axis, data.dtype
        )
    return _biased(op, op.expr(0), op.expr(1))


def _biased(op: Operation, data: Any, bias: Any) -> Any:
    rank = len(op.dims(data))
    axis = op.axis(op["axis"], rank)
    if axis != rank - 1:
        shape = [1] * rank
        shape[axis] = op.dims(bias)[0]
        bias = op.bind(relax.op.reshape(bias, shape_of(shape)), "bias")
    return relax.op.add(data, bias)


@FAMILY.operator("nn.relu", "`nn.relu`")
def relu(op: Operation) -> Value:
    """What is above zero; of an accumulator, of what it stands for."""
    value = op.args[0]
    if isinstance(value, Accumulator) and not value.zero_point.any():
        return rectified(op, value)
    return relax.op.nn.relu(op.expr())


@FAMILY.operator("nn.leaky_relu", "`nn.leakyrelu`", alpha=0.25)
def leaky_relu(op: Operation) -> Any:
    """A slope below zero."""
    return relax.op.nn.leakyrelu(op.expr(), op["alpha"])


@FAMILY.operator("nn.prelu", "`nn.prelu`", arguments=2, axis=1)
def prelu(op: Operation) -> Any:
    """A slope for each channel below zero."""
    return relax.op.nn.prelu(op.expr(0), op.expr(1), op["axis"])


def _softmaxes() -> None:
    for name, make in (
        ("nn.softmax", relax.op.nn.softmax),
        ("nn.fast_softmax", relax.op.nn.softmax),
        ("nn.log_softmax", relax.op.nn.log_softmax),
    ):

        def convert(op: Operation, make: Any = make) -> Any:
            return make(op.expr(), axis=op["axis"])

        FAMILY.operator(name, f"`nn.{make.__name__}`", axis=-1)(convert)


_softmaxes()


@FAMILY.operator("nn.dropout", "its argument, twice", rate=0.5)
def dropout(op: Operation) -> Value:
    """Nothing, at inference; the mask is never read."""
    return (op.args[0], op.args[0])


@FAMILY.operator(
    "nn.batch_norm", "`nn.batch_norm`", arguments=5, axis=1, epsilon=1e-5, center=True, scale=True
)
def batch_norm(op: Operation) -> Any:
    """Inference with the moving statistics, a tuple of three."""
    return relax.op.nn.batch_norm(
        *[op.expr(each) for each in range(5)],
        axis=op["axis"],
        epsilon=op["epsilon"],
        center=op["center"],
        scale=op["scale"],
        training=False,
    )


_NORM: dict[str, Any] = {"epsilon": 1e-5, "center": True, "scale": True}


@FAMILY.operator("nn.layer_norm", "`nn.layer_norm`", arguments=3, axis=-1, **_NORM)
def layer_norm(op: Operation) -> Any:
    """Over one axis."""
    return relax.op.nn.layer_norm(
        op.expr(0), op.expr(1), op.expr(2), [op["axis"]], op["epsilon"], op["center"], op["scale"]
    )


@FAMILY.operator("nn.group_norm", "`nn.group_norm`", arguments=3, axis=1, num_groups=1, **_NORM)
def group_norm(op: Operation) -> Any:
    """Over groups of channels and all axes behind them."""
    data = op.expr(0)
    rank = len(op.dims(data))
    axis = op.axis(op["axis"], rank)
    axes = [each for each in range(1, rank) if each != axis]
    return relax.op.nn.group_norm(
        data,
        op.expr(1),
        op.expr(2),
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
        data, op.expr(1), op.expr(2), axis, axes, op["epsilon"], op["center"], op["scale"]
    )


@FAMILY.operator(
    "nn.l2_normalize", "`multiply`, `sum`, `maximum`, `sqrt`, `divide`", eps=0.0, axis=None
)
def l2_normalize(op: Operation) -> Any:
    """Over the root of the sum of squares, at least `eps`."""
    data = op.expr()
    dtype = str(data.ty.dtype)
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
    alpha=1e-5,
    beta=0.75,
)
def lrn(op: Operation) -> Any:
    """Each element over a power of the mean square of its neighbours in other channels."""
    data = op.expr()
    dims, dtype = op.dims(data), str(data.ty.dtype)
    if op.axis(op["axis"], len(dims)) != 1 or len(dims) < 2:
        op.misfit("its axis is not the second")
    if op["size"] % 2 == 0:
        op.misfit("its size is even")
    squares = op.bind(relax.op.multiply(data, data), "squares")
    flat = op.bind(
        relax.op.reshape(squares, shape_of((dims[0], 1, dims[1], product(dims[2:])))), "flat"
    )
    half = op["size"] // 2
    mean = relax.op.nn.avg_pool2d(
        flat, (op["size"], 1), padding=(half, 0, half, 0), count_include_pad=True
    )
    near = op.bind(relax.op.reshape(op.bind(mean, "mean"), shape_of(dims)), "near")
    scaled = op.bind(relax.op.multiply(near, scalar(op["alpha"], dtype)), "scaled")
    total = op.bind(relax.op.add(scaled, scalar(op["bias"], dtype)), "total")
    return relax.op.divide(data, op.bind(relax.op.power(total, scalar(op["beta"], dtype)), "power"))


@FAMILY.operator("nn.batch_flatten", "`reshape`")
def batch_flatten(op: Operation) -> Value:
    """All axes behind the first as one."""
    value = op.args[0]
    if isinstance(value, Accumulator) and value.scale.size == 1:
        return value_reshaped(op, value)
    expr = op.expr()
    dims = op.dims(expr)
    return relax.op.reshape(expr, shape_of((dims[0], product(dims[1:]))))


def value_reshaped(op: Operation, value: Accumulator) -> Accumulator:
    """An accumulator of one scale, flattened."""
    dims = op.dims(value.real)
    real = relax.op.reshape(value.real, shape_of((dims[0], product(dims[1:]))))
    return Accumulator(op.bind(real, "flat"), value.scale, value.zero_point, 0, value.dtype)


@FAMILY.operator("nn.pad", "`nn.pad`", arguments=2, pad_width=(), pad_mode="constant")
def pad(op: Operation) -> Any:
    """Margins of one value, of the edge, or mirrored."""
    modes = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}
    if op["pad_mode"] not in modes:
        op.misfit(f"pad_mode {op['pad_mode']!r}")
    widths = [int(each) for pair in op["pad_width"] for each in pair]
    value = op.array(1, "the value of the margin").reshape(-1)
    return relax.op.nn.pad(op.expr(0), widths, modes[op["pad_mode"]], float(value[0]))


@FAMILY.operator("nn.mirror_pad", "`nn.pad`", mode="SYMMETRIC", pad_width=())
def mirror_pad(op: Operation) -> Any:
    """Mirrored margins without the edge itself."""
    if op["mode"] != "REFLECT":
        op.misfit(f"mode {op['mode']!r}")
    return relax.op.nn.pad(
        op.expr(), [int(each) for pair in op["pad_width"] for each in pair], "reflect"
    )
