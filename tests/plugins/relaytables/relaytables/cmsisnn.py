"""CMSIS-NN, Arm's library for microcontrollers: quantised operators in int8 and int16."""

from byoc.relay import tvm
from byoc.relay.dataflow_pattern import is_constant, is_op, wildcard
from byoc.relay.register import register_pattern_table

LAYOUTS = ("NHWC", "NCHW")
WIDE = {"int8": "int32", "int16": "int64"}
"""Dtype of data -> dtype of sums and biases."""


def constants(count):
    return [is_constant() for _ in range(count)]


def requantized(product):
    biased = is_op("nn.bias_add")(product, is_constant())
    whole = is_op("qnn.requantize")(product | biased, *constants(4))
    return whole.optional(is_op("clip"))


def product(op_name, *, pad=False):
    data = is_op("nn.pad")(wildcard(), is_constant()) if pad else wildcard()
    return requantized(is_op(op_name)(data, *constants(5)))


def without_clip(expr):
    return expr.args[0] if str(expr.op.name) == "clip" else expr


def parts(expr):
    """The bias and the product of a match."""
    inner = without_clip(expr).args[0]
    return (inner, inner.args[0]) if str(inner.op.name) == "nn.bias_add" else (None, inner)


def product_ok(expr):
    bias, made = parts(expr)
    dtype = made.args[0].checked_type.dtype
    if dtype not in WIDE or expr.checked_type.dtype != dtype:
        return False
    if made.args[1].checked_type.dtype != "int8" or made.attrs.out_dtype != WIDE[dtype]:
        return False
    if bias is not None and bias.args[1].checked_type.dtype != WIDE[dtype]:
        return False
    zeros = made.args[3].data.numpy().reshape(-1)
    return all(zero == 0 for zero in zeros)


def conv_ok(expr):
    bias, conv = parts(expr)
    out = conv.args[1].checked_type.shape[conv.attrs.kernel_layout.index("O")]
    channels = conv.args[0].checked_type.shape[conv.attrs.data_layout.index("C")]
    is_depthwise = conv.attrs.groups == int(channels) == int(out)
    return product_ok(expr) and (not is_depthwise or bias is not None)


def padded_conv_ok(expr):
    """CMSIS-NN pads by at most one pixel more at the end than at the start."""
    _, conv = parts(expr)
    top, left, bottom, right = conv.attrs.get_int_tuple("padding")
    pad = conv.args[0]
    if isinstance(pad, tvm.relay.expr.Call) and pad.op.name == "nn.pad":
        at = [conv.attrs.data_layout.index(axis) for axis in "HW"]
        (above, below), (before, after) = (pad.attrs.pad_width[axis] for axis in at)
        top, bottom, left, right = top + above, bottom + below, left + before, right + after
    return conv_ok(expr) and bottom - top in (0, 1) and right - left in (0, 1)


def pool_ok(expr):
    pool = without_clip(expr)
    if pool.op.name == "cast":
        pool = pool.args[0]
    given = pool.args[0]
    given = given.args[0] if pool.op.name == "nn.avg_pool2d" else given
    same = given.checked_type.dtype == expr.checked_type.dtype
    return (
        pool.attrs.layout in LAYOUTS
        and int(given.checked_type.shape[0]) == 1
        and same
        and given.checked_type.dtype in WIDE
    )


def binary(name):
    return is_op(f"qnn.{name}")(wildcard(), wildcard(), *constants(6)).optional(is_op("clip"))


def binary_ok(expr):
    made = without_clip(expr)
    left, right = (arg.checked_type for arg in made.args[:2])
    if len(left.shape) == len(right.shape) == 0 or left.dtype not in WIDE:
        return False
    zeros = [int(made.args[place].data.numpy()) for place in (3, 5, 7)]
    return left.dtype == right.dtype and (left.dtype == "int8" or not any(zeros))


def softmax():
    real = is_op("qnn.dequantize")(wildcard(), *constants(2))
    return is_op("qnn.quantize")(is_op("nn.softmax")(real), *constants(2))


def softmax_ok(expr):
    given = expr.args[0].args[0].args[0].checked_type.dtype
    wanted = {"int8": (1.0 / 256, -128), "int16": (1.0 / 32768, 0)}.get(given)
    made = (expr.args[1].data.numpy().item(0), expr.args[2].data.numpy().item(0))
    return expr.attrs.out_dtype == given and made == wanted


@register_pattern_table("cmsisnn")
def pattern_table():
    averaged = is_op("cast")(is_op("nn.avg_pool2d")(is_op("cast")(wildcard())))
    largest = is_op("nn.max_pool2d")(wildcard())
    return [
        ("cmsisnn.qnn_conv2d", product("qnn.conv2d", pad=True), padded_conv_ok),
        ("cmsisnn.qnn_conv2d", product("qnn.conv2d"), conv_ok),
        ("cmsisnn.qnn_fully_connected", product("qnn.dense"), product_ok),
        ("cmsisnn.qnn_avg_pool2d", averaged.optional(is_op("clip")), pool_ok),
        ("cmsisnn.qnn_max_pool2d", largest.optional(is_op("clip")), pool_ok),
        ("cmsisnn.qnn_mul", binary("mul"), binary_ok),
        ("cmsisnn.qnn_add", binary("add"), binary_ok),
        ("cmsisnn.qnn_softmax", softmax(), softmax_ok),
    ]
