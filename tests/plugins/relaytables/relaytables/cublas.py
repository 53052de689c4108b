"""cuBLAS: products of matrices whose dtypes the library multiplies."""

from byoc.relay.dataflow_pattern import is_op, wildcard
from byoc.relay.register import register_pattern_table

PRODUCTS = {
    ("float64", "float64"),
    ("float32", "float32"),
    ("float16", "float32"),
    ("float16", "float16"),
    ("int8", "int32"),
    ("int8", "float32"),
}
"""Dtype of both operands, dtype of the result."""


def multiplies(call):
    left, right = (arg.checked_type for arg in call.args)
    if left.dtype != right.dtype or (left.dtype, call.checked_type.dtype) not in PRODUCTS:
        return False
    # Columns of int8 are read four at a time.
    return left.dtype != "int8" or left.shape[-1] % 4 == right.shape[-1] % 4 == 0


@register_pattern_table("cublas")
def pattern_table():
    return [
        (f"cublas.{name}", is_op(f"nn.{name}")(wildcard(), wildcard()), multiplies)
        for name in ("matmul", "batch_matmul", "dense")
    ]
