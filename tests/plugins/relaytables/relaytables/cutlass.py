"""CUTLASS: products of matrices with what follows them in one kernel, on GPUs."""

from byoc.relay.dataflow_pattern import is_constant, is_op, wildcard
from byoc.relay.register import register_pattern_table


def number():
    """A factor or a summand, stored or computed."""
    return is_constant() | wildcard()


def biased(product):
    return (is_op("add") | is_op("nn.bias_add"))(product, wildcard())


def dense():
    return is_op("nn.dense")(wildcard(), wildcard())


def gelu(x, half=False):
    """x * (erf(x / sqrt 2) / 2 + 1 / 2); float16 computes erf in float32."""
    scaled = is_op("multiply")(x, number())
    erf = is_op("cast")(is_op("erf")(is_op("cast")(scaled))) if half else is_op("erf")(scaled)
    return is_op("multiply")(is_op("add")(is_op("multiply")(erf, number()), number()), x)


@register_pattern_table("cutlass")
def pattern_table():
    return [
        ("cutlass.dense_bias_gelu_fp16", gelu(biased(dense()), half=True)),
        ("cutlass.dense_bias_gelu_fp32", gelu(biased(dense()))),
        ("cutlass.dense_bias_relu", is_op("nn.relu")(biased(dense()))),
        ("cutlass.dense_bias", biased(dense())),
        ("cutlass.dense", dense()),
        ("cutlass.batch_matmul", is_op("nn.batch_matmul")(wildcard(), wildcard())),
    ]
