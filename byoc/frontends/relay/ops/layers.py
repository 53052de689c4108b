"""Convolutions, products, activations and normalisations."""

from __future__ import annotations

from typing import Any

from tvm import relax

from byoc.frontends.relay.operation import Family, Operation, product, shape_of
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


def _call_convolution(op: Operation, make: Any, data: Any, weight: Any) -> Any:
    layout, out_layout, out_dtype = op["data_layout"], op["out_layout"], op["out_dtype"]
    _check_layouts(op, len(layout) - 2, data, weight)
    weight, kernel_layout = _flat_depthwise(op, data, weight)
    made = make(
        data,
        weight,
        strides=op["strides"],
        padding=op["padding"],
        dilation=op["dilation"],
        groups=op["groups"],
        data_layout=layout,
        kernel_layout=kernel_layout,
        out_dtype=None if out_dtype in ("", str(data.ty.dtype)) else out_dtype,
    )
    if out_layout in ("", layout):
        return made
    return _laid_out(op.bind(made, "convolution"), layout, out_layout)


def _check_layouts(op: Operation, rank: int, data: Any, weight: Any) -> None:
    """Layouts without blocks alone, of tensors that have such axes. Raises Misfit."""
    space = "DHW"[3 - rank :]
    out = op["out_layout"] or op["data_layout"]
    for given, letters in ((op["data_layout"], "NC"), (out, "NC"), (op["kernel_layout"], "OI")):
        if sorted(given) != sorted(letters + space):
            op.misfit(f"layout {given!r}")
    op.ranked(data, rank + 2)
    op.ranked(weight, rank + 2)


def _laid_out(expr: Any, have: str, want: str) -> Any:
    return relax.op.permute_dims(expr, [have.index(axis) for axis in want])


def _flat_depthwise(op: Operation, data: Any, weight: Any) -> tuple[Any, str]:
    """The weight and its layout; Relay's (channel, multiplier) of a depthwise convolution becomes outputs."""
    layout: str = op["kernel_layout"]
    groups = op["groups"]
    if groups == 1:
        return weight, layout
    extents = dict(zip(layout, op.dims(weight), strict=True))
    channels = op.dims(data)[op["data_layout"].index("C")]
    if not groups == channels == extents["O"] or extents["I"] == 1:
        return weight, layout
    together = layout.replace("I", "").replace("O", "OI")
    if together != layout:
        weight = op.bind(_laid_out(weight, layout, together), "weight")
    extents["O"], extents["I"] = product((extents["O"], extents["I"])), 1
    flat = relax.op.reshape(weight, shape_of([extents[axis] for axis in together]))
    return op.bind(flat, "weight"), together


def convolve(op: Operation, data: Any, weight: Any) -> Any:
    """`nn.conv2d` of two tensors with the attributes of `op`."""
    return _call_convolution(op, relax.op.nn.conv2d, data, weight)


def transpose_convolve(op: Operation, data: Any, weight: Any) -> Any:
    """`nn.conv2d_transpose` of two tensors with the attributes of `op`."""
    return _transpose_convolve(op, 2, data, weight)


def _transpose_convolve(op: Operation, rank: int, data: Any, weight: Any) -> Any:
    """A transposed convolution in the layouts that Relax computes, channels first and inputs first."""
    space = "DHW"[3 - rank :]
    want, kernel_want = f"NC{space}", f"IO{space}"
    have, kernel_have, out = op["data_layout"], op["kernel_layout"], op["out_layout"]
    _check_layouts(op, rank, data, weight)
    if have != want:
        data = op.bind(_laid_out(data, have, want), "data")
    if kernel_have != kernel_want:
        weight = op.bind(_laid_out(weight, kernel_have, kernel_want), "weight")
    names = ("strides", "padding", "output_padding", "dilation", "groups")
    out_dtype = op["out_dtype"]
    made = getattr(relax.op.nn, f"conv{rank}d_transpose")(
        data,
        weight,
        **{name: op[name] for name in names},
        data_layout=want,
        kernel_layout=kernel_want,
        out_dtype=None if out_dtype in ("", str(data.ty.dtype)) else out_dtype,
    )
    if (out or have) == want:
        return made
    return _laid_out(op.bind(made, "convolution"), want, out or have)


def _convolutions() -> None:
    for rank, data, kernel in ((1, "NCW", "OIW"), (2, "NCHW", "OIHW"), (3, "NCDHW", "OIDHW")):
        make = getattr(relax.op.nn, f"conv{rank}d")

        def convert(op: Operation, make: Any = make) -> Any:
            return _call_convolution(op, make, op.expr(0), op.expr(1))

        FAMILY.operator(
            f"nn.conv{rank}d",
            f"`nn.conv{rank}d`",
            arguments=2,
            **convolution_defaults(rank, data, kernel),
        )(convert)

        def convert_transposed(op: Operation, rank: int = rank) -> Any:
            return _transpose_convolve(op, rank, op.expr(0), op.expr(1))

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


def _product(name: str, **more: Any) -> None:
    @FAMILY.operator(
        name,
        "`matmul`, `permute_dims` of what is transposed",
        arguments=2,
        out_dtype="",
        transpose_a=False,
        transpose_b=None,
        **more,
    )
    def convert(op: Operation) -> Any:
        left, right = op.expr(0), op.expr(1)
        if op["transpose_a"]:
            left = _turned(op, left, "permute_dims")
        if _turns_right(op, op.dims(left), op.dims(right)):
            right = _turned(op, right, "permute_dims")
        return _matmul(op, left, right)


def _turns_right(op: Operation, left: list[Any], right: list[Any]) -> bool:
    """Whether the second operand is written transposed.

    Text says it where it is so. TVM before 0.8 had no such attribute and always meant it, in the batch product
    alone: what fits in that way only is such text.
    """
    if op["transpose_b"] is not None or op.name != "nn.batch_matmul":
        return bool(op["transpose_b"])
    if len(left) < 2 or len(right) < 2:
        op.misfit("an operand is no matrix")
    inner = (left[-1], right[-2], right[-1])
    return all(isinstance(dim, int) for dim in inner) and inner[1] != inner[0] == inner[2]


_product("nn.matmul", units=None)
_product("nn.batch_matmul")


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
    extent = op.ranked(bias, 1)[0]
    if axis != rank - 1:
        shape = [1] * rank
        shape[axis] = extent
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


@FAMILY.operator("nn.batch_flatten", "`reshape`")
def batch_flatten(op: Operation) -> Value:
    """All axes behind the first as one."""
    value = op.args[0]
    if isinstance(value, Accumulator) and value.scale.size == 1:
        return value_reshaped(op, value)
    expr = op.expr()
    dims = op.dims(expr)
    if not dims:
        op.misfit("a tensor of rank 0")
    return relax.op.reshape(expr, shape_of((dims[0], product(dims[1:]))))


def value_reshaped(op: Operation, value: Accumulator) -> Accumulator:
    """An accumulator of one scale, flattened."""
    dims = op.dims(value.real)
    real = relax.op.reshape(value.real, shape_of((dims[0], product(dims[1:]))))
    return Accumulator(op.bind(real, "flat"), value.scale, value.zero_point, 0, value.dtype)
