"""oneDNN: convolutions and dense layers with sums and activations behind them, float operators one by one.

`prepared` is what `partition_for_dnnl` does to a model first.
"""

from functools import reduce

from byoc import relay
from byoc.relay import tvm
from byoc.relay.dataflow_pattern import DFPatternCallback, is_expr, is_op, rewrite, wildcard
from byoc.relay.expr import Call, Constant, TupleGetItem, Var, const
from byoc.relay.register import register_pattern_table

SINGLE = """
abs add clip exp log multiply nn.avg_pool2d nn.batch_matmul nn.batch_norm nn.conv2d nn.conv2d_transpose nn.dense
nn.layer_norm nn.leaky_relu nn.max_pool2d nn.relu nn.softmax round sigmoid sqrt tanh
"""
CONVOLUTIONS = ("nn.conv1d", "nn.conv2d", "nn.conv3d", "nn.conv2d_transpose", "nn.conv3d_transpose")
ACTIVATIONS = ("nn.relu", "tanh", "sigmoid", "clip", "gelu", "swish", None)


def takes(op_name):
    @tvm.ir.register_op_attr(op_name, "target.dnnl")
    def check(expr):
        return all(arg.checked_type.dtype != "int64" for arg in expr.args)


for single in SINGLE.split():
    takes(single)


def activated(x, name):
    if name == "gelu":
        inner = is_op("add")(is_op("erf")(is_op("divide")(x, wildcard())), wildcard())
        return is_op("multiply")(is_op("multiply")(x, inner), wildcard())
    if name == "swish":
        return is_op("multiply")(x, is_op("sigmoid")(x))
    return is_op(name)(x) if name else x


def layer(op_name, *, bias, activation):
    product = is_op(op_name)(wildcard(), wildcard())
    return activated(is_op("add")(product, wildcard()) if bias else product, activation)


def layer_name(op_name, bias, activation):
    base = op_name.removeprefix("nn.")
    if base.endswith("_transpose"):
        base = "deconv" + base[4:6]
    ends = [activation.split(".")[-1]] if activation else []
    return "_".join(["dnnl." + base, *["bias"] * bias, *ends])


def shape_of(value):
    if isinstance(value, Var):
        return value.type_annotation.concrete_shape
    if isinstance(value, Constant):
        return value.data.shape
    assert isinstance(value, Call | TupleGetItem)
    return value.checked_type.concrete_shape


def sum_ok(expr):
    """The bias is one number a channel, and what is added to it has the convolution's shape."""
    total = expr.args[0] if expr.op.name == "nn.relu" else expr
    biased = total.args[0]
    count = reduce(lambda one, other: one * other, shape_of(biased.args[1]), 1)
    same = tuple(shape_of(biased)) == tuple(shape_of(total.args[1]))
    return same and count == dict(biased.args[0].attrs)["channels"]


def summed(*, relu):
    conv = is_op("nn.conv2d")(wildcard(), wildcard())
    total = is_op("add")(is_op("add")(conv, wildcard()), wildcard())
    return is_op("nn.relu")(total) if relu else total


@register_pattern_table("dnnl")
def pattern_table():
    rows = [
        ("dnnl.conv2d_bias_sum_relu", summed(relu=True), sum_ok),
        ("dnnl.conv2d_bias_sum", summed(relu=False), sum_ok),
    ]
    for bias in (True, False):
        for activation in ACTIVATIONS:
            if not bias and not activation:
                continue
            for op_name in (*CONVOLUTIONS, "nn.dense"):
                made = layer(op_name, bias=bias, activation=activation)
                rows.append((layer_name(op_name, bias, activation), made))
    return rows


class NormalisedConvolution(DFPatternCallback):
    """A batch normalisation behind a convolution becomes its weights and a bias."""

    def __init__(self):
        super().__init__()
        self.data, self.weight = wildcard(), wildcard()
        self.conv = is_op("nn.conv2d")(self.data, self.weight)
        self.given = [wildcard() for _ in range(4)]
        self.norm = is_op("nn.batch_norm")(self.conv, *self.given)
        self.pattern = relay.dataflow_pattern.is_tuple_get_item(self.norm, 0)

    def callback(self, pre, post, node_map):
        conv, norm = node_map[self.conv][0], node_map[self.norm][0]
        gamma, beta, mean, variance = (node_map[each][0].data.numpy() for each in self.given)
        weight = node_map[self.weight][0].data.numpy()
        scale = gamma / (variance + norm.attrs.epsilon) ** 0.5
        weights = const((weight * scale.reshape(-1, 1, 1, 1)).astype(weight.dtype))
        bias = const((beta - mean * scale).reshape(-1, 1, 1).astype(weight.dtype))
        return relay.op.add(relay.nn.conv2d(node_map[self.data][0], weights, **conv.attrs), bias)


class LayerNorm(DFPatternCallback):
    """A normalisation written out becomes one operator."""

    def __init__(self):
        super().__init__()
        self.data, self.gamma, self.beta = wildcard(), wildcard(), wildcard()
        mean = is_op("mean")(self.data)
        apart = is_op("subtract")(self.data, mean)
        squares = is_op("power")(apart | is_op("cast")(apart), is_expr(const(2.0)))
        spread = is_op("sqrt")(
            is_op("mean")(squares) + (is_expr(const(1e-5)) | is_expr(const(1e-6)))
        )
        self.pattern = is_op("divide")(apart, spread) * self.gamma + self.beta

    def callback(self, pre, post, node_map):
        data, gamma, beta = (node_map[each][0] for each in (self.data, self.gamma, self.beta))
        return relay.op.nn.layer_norm(data=data, gamma=gamma, beta=beta)


def prepared(mod):
    mod["main"] = rewrite([NormalisedConvolution(), LayerNorm()], mod["main"])
    return mod
