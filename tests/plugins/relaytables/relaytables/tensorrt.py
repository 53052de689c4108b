"""TensorRT: one row for each operator, all judged first by the types of their operands."""

from byoc.relay import tvm
from byoc.relay.dataflow_pattern import is_constant, is_op, is_tuple, is_tuple_get_item, wildcard
from byoc.relay.expr import Call, Constant, Tuple, TupleGetItem
from byoc.relay.register import register_pattern_table

ANY_OPERANDS = [
    "nn.relu",
    "sigmoid",
    "tanh",
    "exp",
    "log",
    "sqrt",
    "abs",
    "negative",
    "sin",
    "cos",
    "atan",
    "ceil",
    "floor",
    "erf",
    "clip",
    "nn.leaky_relu",
    "subtract",
    "divide",
    "power",
    "maximum",
    "minimum",
    "reshape",
    "nn.bias_add",
    "nn.batch_flatten",
    "nn.pad",
]


def supported(held):
    """A type that TensorRT takes: float32, every dimension known."""
    if isinstance(held, tvm.ir.TupleType):
        return all(map(supported, held.fields))
    return held.dtype == "float32" and not any(isinstance(dim, tvm.tir.Any) for dim in held.shape)


def operator(expr):
    """The call behind an item of its results."""
    return operator(expr.tuple_value) if isinstance(expr, TupleGetItem) else expr


def when(holds=lambda attrs, args: True):
    """A check: types first, then what the operator asks."""

    def check(expr):
        call = operator(expr)
        assert isinstance(call, Call)
        types = [arg.checked_type for arg in call.args]
        return all(map(supported, types)) and bool(holds(call.attrs, call.args))

    return check


def conv2d(attrs, args):
    layouts = (attrs.data_layout, attrs.kernel_layout)
    in_place = attrs.out_layout in ("", "NCHW")
    return isinstance(args[1], Constant) and layouts == ("NCHW", "OIHW") and in_place


def dense(attrs, args):
    ranks = [len(arg.checked_type.shape) for arg in args]
    return isinstance(args[1], Constant) and ranks[0] in (2, 3, 4) and ranks[1] == 2


def batch_norm(attrs, args):
    return int(attrs.axis) in (1, 3) and len(args[0].checked_type.shape) <= 5


def not_the_batch(attrs, args):
    return int(attrs.axis) != 0


def pool(attrs, args):
    return attrs.layout == "NCHW"


def reduce(attrs, args):
    axes = attrs.axis
    return axes is not None and not attrs.exclude and 0 not in map(int, axes)


def transpose(attrs, args):
    return attrs.axes is not None and attrs.axes[0] == 0


def concatenate(attrs, args):
    assert isinstance(args[0], Tuple)
    return attrs.axis != 0 and not any(isinstance(each, Constant) for each in args[0].fields)


def sums(attrs, args):
    """Scalars have no batch."""
    return all(len(arg.checked_type.shape) >= 1 for arg in args)


JUDGED = {
    "add": sums,
    "concatenate": concatenate,
    "max": reduce,
    "mean": reduce,
    "multiply": sums,
    "nn.avg_pool2d": pool,
    "nn.batch_matmul": lambda attrs, args: True,
    "nn.conv2d": conv2d,
    "nn.dense": dense,
    "nn.global_avg_pool2d": pool,
    "nn.layer_norm": not_the_batch,
    "nn.max_pool2d": pool,
    "nn.softmax": not_the_batch,
    "sum": reduce,
    "transpose": transpose,
}


@register_pattern_table("tensorrt")
def pattern_table():
    norm = is_op("nn.batch_norm")(
        wildcard(), is_constant(), is_constant(), is_constant(), is_constant()
    )
    first = is_op("concatenate")(is_tuple(None))
    composed = [
        ("tensorrt.nn.batch_norm", is_tuple_get_item(norm, 0), when(batch_norm)),
        ("tensorrt.concatenate", first, when(concatenate)),
    ]
    rows = {name: when(holds) for name, holds in JUDGED.items() if name != "concatenate"}
    # Averaging a whole image is a reduction that TensorRT has an operator for.
    rows = {"nn.global_avg_pool2d": rows.pop("nn.global_avg_pool2d"), **rows}
    rows |= {name: when() for name in ANY_OPERANDS}
    return composed + [
        (f"tensorrt.{name}", is_op(name)(None), check) for name, check in rows.items()
    ]
