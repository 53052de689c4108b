"""Arm Compute Library: float32 and uint8 convolutions, dense layers and pooling, images in NHWC.

The library's own layout is NHWC; with LAYOUT the table takes another, as the models of these tests are NCHW. DTYPE
is that of its quantised operators.
"""

from byoc.relay import tvm
from byoc.relay.dataflow_pattern import is_constant, is_expr, is_op, wildcard
from byoc.relay.expr import const
from byoc.relay.register import register_pattern_table

LAYOUT = ("NHWC", "NCHW")
DTYPE = ("uint8", "int8")
TARGET = "target.arm_compute_lib"

tvm.ir.register_op_attr("reshape", TARGET, lambda attrs, args: True)


def first_operator(call, name):
    while call.op.name != name:
        call = call.args[0]
    return call


@tvm.ir.register_op_attr("nn.conv2d", TARGET)
def conv2d(attrs, args, dtypes=("float32",), sums="float32"):
    data, weight = args[0].checked_type, args[1].checked_type
    if attrs.groups != 1 or attrs.data_layout not in LAYOUT or attrs.out_dtype not in ("", sums):
        return False
    if len(data.shape) != 4 or data.shape[0] != 1 or len(weight.shape) != 4:
        return False
    return data.dtype in dtypes and weight.dtype in dtypes


@tvm.ir.register_op_attr("nn.dense", TARGET)
def dense(attrs, args, dtypes=("float32",), sums="float32"):
    data, weight = args[0].checked_type, args[1].checked_type
    if data.dtype not in dtypes or weight.dtype not in dtypes or len(weight.shape) != 2:
        return False
    return attrs.out_dtype in ("", sums)


def image_of(*dtypes):
    def ok(attrs, args):
        return args[0].checked_type.dtype in dtypes and attrs.layout in LAYOUT

    return ok


tvm.ir.register_op_attr("nn.max_pool2d", TARGET, image_of("float32", *DTYPE))
tvm.ir.register_op_attr("nn.global_max_pool2d", TARGET, image_of("float32", *DTYPE))
tvm.ir.register_op_attr("nn.avg_pool2d", TARGET, image_of("float32"))
tvm.ir.register_op_attr("nn.global_avg_pool2d", TARGET, image_of("float32"))


@tvm.ir.register_op_attr("maximum", TARGET)
def maximum(attrs, args):
    return all(arg.checked_type.dtype == "float32" for arg in args)


def qnn_add(extract):
    left, right = extract.args[:2]
    return (
        left.checked_type.dtype == right.checked_type.dtype and extract.checked_type.dtype in DTYPE
    )


def conv_ok(extract):
    call = first_operator(extract, "nn.conv2d")
    return conv2d(call.attrs, call.args)


def qnn_conv_ok(extract):
    call = first_operator(extract, "qnn.conv2d")
    return extract.attrs.out_dtype in DTYPE and conv2d(call.attrs, call.args, DTYPE, "int32")


def dense_ok(extract):
    call = first_operator(extract, "nn.dense")
    return dense(call.attrs, call.args)


def qnn_dense_ok(extract):
    call = first_operator(extract, "qnn.dense")
    return extract.attrs.out_dtype in DTYPE and dense(call.attrs, call.args, DTYPE, "int32")


def l2_pool_ok(extract):
    pool = extract.args[0]
    return image_of("float32")(pool.attrs, pool.args)


def avg_pool_ok(extract):
    pool = extract.args[0]
    is_wide = pool.args[0].attrs.dtype == "int32"
    return extract.attrs.dtype in DTYPE and is_wide and image_of("int32")(pool.attrs, pool.args)


def biased(pattern):
    return pattern.optional(lambda x: is_op("nn.bias_add")(x, is_constant()))


def requantized(pattern):
    return is_op("qnn.requantize")(pattern, wildcard(), wildcard(), is_constant(), is_constant())


def constants(count):
    return [is_constant() for _ in range(count)]


def conv():
    padded = is_op("nn.pad")(wildcard(), is_constant()) | wildcard()
    return biased(is_op("nn.conv2d")(padded, is_constant())).optional(is_op("nn.relu"))


def qnn_conv():
    padded = is_op("nn.pad")(wildcard(), is_constant()) | wildcard()
    product = is_op("qnn.conv2d")(padded, *constants(5))
    return requantized(biased(product).optional(is_op("nn.relu")))


def qnn_dense():
    return requantized(biased(is_op("qnn.dense")(wildcard(), *constants(5))))


def avg_pool():
    """Integers are averaged as int32."""
    wide = is_op("cast")(wildcard())
    pooled = is_op("nn.avg_pool2d")(wide) | is_op("nn.global_avg_pool2d")(wide)
    return is_op("cast")(pooled)


def l2_pool():
    squares = is_op("power")(wildcard(), is_expr(const(2.0)))
    return is_op("sqrt")(is_op("nn.avg_pool2d")(squares))


@register_pattern_table("arm_compute_lib")
def pattern_table():
    dense_pattern = biased(is_op("nn.dense")(wildcard(), is_constant()))
    added = is_op("qnn.add")(wildcard(), wildcard(), *constants(6))
    return [
        ("arm_compute_lib.conv2d", conv(), conv_ok),
        ("arm_compute_lib.qnn_conv2d", qnn_conv(), qnn_conv_ok),
        ("arm_compute_lib.dense", dense_pattern, dense_ok),
        ("arm_compute_lib.qnn_dense", qnn_dense(), qnn_dense_ok),
        ("arm_compute_lib.avg_pool2d", avg_pool(), avg_pool_ok),
        ("arm_compute_lib.l2_pool2d", l2_pool(), l2_pool_ok),
        ("arm_compute_lib.qnn_add", added, qnn_add),
    ]
