"""cuDNN: softmax, and convolutions in NCHW with symmetric padding."""

from byoc.relay.dataflow_pattern import is_op, wildcard
from byoc.relay.register import register_pattern_table

FLOATS = ("float16", "float32", "float64")


def is_float(call):
    return call.args[0].checked_type.dtype in FLOATS


def log_softmax_ok(call):
    is_matrix = len(call.args[0].checked_type.shape) == 2
    return is_float(call) and is_matrix and call.attrs["axis"] in (1, -1)


def conv2d_ok(call):
    attrs = call.attrs
    top, left, bottom, right = attrs["padding"]
    layouts = (attrs["data_layout"], attrs["kernel_layout"])
    return is_float(call) and layouts == ("NCHW", "OIHW") and (top, left) == (bottom, right)


def conv2d():
    return is_op("nn.conv2d")(wildcard(), wildcard())


def conv2d_bias_act():
    return is_op("nn.bias_add")(conv2d(), wildcard()).optional(is_op("nn.relu"))


@register_pattern_table("cudnn")
def pattern_table():
    return [
        ("cudnn.softmax", is_op("nn.softmax")(wildcard()), is_float),
        ("cudnn.log_softmax", is_op("nn.log_softmax")(wildcard()), log_softmax_ok),
        ("cudnn.conv2d_bias_act", conv2d_bias_act(), lambda matched: True),
        ("cudnn.conv2d", conv2d(), conv2d_ok),
    ]
