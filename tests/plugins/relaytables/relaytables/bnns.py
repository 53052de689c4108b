"""BNNS, Apple's library of neural network primitives: convolutions and dense layers in float32, NCHW."""

import math

from byoc.relay import tvm
from byoc.relay.dataflow_pattern import is_expr, is_op, wildcard
from byoc.relay.expr import Constant, const
from byoc.relay.register import register_pattern_table


def floats(expr, rank):
    held = expr.checked_type
    return held.dtype == "float32" and len(held.shape) == rank


@tvm.ir.register_op_attr("nn.batch_matmul", "target.bnns")
def batch_matmul(expr):
    return True


@tvm.ir.register_op_attr("nn.conv2d", "target.bnns")
def conv2d(expr):
    data, weight = expr.args
    if not isinstance(weight, Constant) or not floats(data, 4) or not floats(weight, 4):
        return False
    return expr.attrs.data_layout == "NCHW" and expr.attrs.out_dtype in ("", "float32")


@tvm.ir.register_op_attr("nn.dense", "target.bnns")
def dense(expr):
    data, weight = expr.args
    is_float = data.checked_type.dtype == "float32" and floats(weight, 2)
    return is_float and expr.attrs.out_dtype in ("", "float32")


def along_channels(expr):
    """Whether a bias is added to channels: axis 1 of an image."""
    bias = expr.args[1]
    if not isinstance(bias, Constant):
        return False
    if expr.op.name == "nn.bias_add":
        return expr.attrs.axis == 1
    shape = [int(dim) for dim in bias.checked_type.shape]
    if len(shape) == 4:
        return shape[0] == shape[2] == shape[3] == 1
    return len(shape) == 3 and shape[1] == shape[2] == 1


def conv_ok(extract):
    call = extract
    while call.op.name != "nn.conv2d":
        if call.op.name in ("add", "nn.bias_add") and not along_channels(call):
            return False
        call = call.args[0]
    return conv2d(call)


def dense_ok(extract):
    call = extract
    while call.op.name != "nn.dense":
        call = call.args[0]
    return dense(call)


def conv(*, bias, relu):
    pattern = is_op("nn.conv2d")(wildcard(), wildcard())
    if bias:
        vector = wildcard()
        pattern = is_op("add")(pattern, vector) | is_op("nn.bias_add")(pattern, vector)
    return is_op("nn.relu")(pattern) if relu else pattern


def dense_bias():
    return is_op("add")(is_op("nn.dense")(wildcard(), wildcard()), wildcard())


def gelu_of(x):
    """GELU by tanh, as many multiplications and sums."""
    cubed = is_op("power")(x, is_expr(const(3, dtype="float32")))
    inner = cubed * is_expr(const(0.044715)) + x
    turned = is_op("tanh")(inner * is_expr(const(math.sqrt(2 / math.pi))))
    return (turned + is_expr(const(1, dtype="float32"))) * is_expr(const(0.5)) * x


@register_pattern_table("bnns")
def pattern_table():
    return [
        ("bnns.conv2d_bias_relu", conv(bias=True, relu=True), conv_ok),
        ("bnns.conv2d_relu", conv(bias=False, relu=True), conv_ok),
        ("bnns.conv2d_bias", conv(bias=True, relu=False), conv_ok),
        ("bnns.dense_bias_gelu", gelu_of(dense_bias()), dense_ok),
        ("bnns.dense_bias", dense_bias(), dense_ok),
    ]
