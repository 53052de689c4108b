"""Products of matrices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from byoc.vendors.npu.layers import Layer, MatMul, Tensor
from byoc.vendors.npu.lower.op import Lowering, Op
from byoc.vendors.npu.lower.products import operands
from byoc.vendors.npu.lower.values import Pending


def matmul(op: Op) -> Pending:
    """Matmul of (..., M, K) and (..., K, N), or (K, N) for all."""
    left, right = op.operand_shape(0), op.operand_shape(1)
    op.demand(
        len(left) >= 2 and (len(right) == 2 or right[:-2] == left[:-2]),
        f"the operands are {left} and {right}; batches of one are not repeated for the other",
    )
    product = operands(op, op.operand(0), op.operand(1), channel_axis=len(right) - 1)

    def build(out: Tensor, done: Pending) -> Iterable[Layer]:
        epilogue = done.epilogue(out.shape[-1], product.scale)
        yield MatMul(product.left, product.right, out, op.builder.composite, epilogue)

    return Pending(build, op.shape, axis=len(left) - 1, mult=product.scales)


LOWERINGS: Final[Mapping[str, Lowering]] = {"matmul": matmul}
