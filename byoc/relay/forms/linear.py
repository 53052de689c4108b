"""Products of matrices: a weight is (units, inputs) in Relay's `nn.dense`, (inputs, units) in `matmul`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from byoc.partition.patterns.ast import Alternatives, Op, Where
from byoc.relay.forms import _ask as ask
from byoc.relay.forms._form import Built, Operand, is_stated, real

if TYPE_CHECKING:
    from byoc.relay.expr import Expr
    from byoc.relay.view import View


@dataclass(frozen=True)
class Dense:
    """`nn.dense(x, w)`: `matmul(x, permute_dims(w))`, or `matmul(x, wT)`, whose `wT` checks see transposed."""

    def build(self, args: Sequence[Operand] | None) -> Built:
        """Either form."""
        if args is None or len(args) != 2:
            op = Op(("matmul",), None if args is None else tuple(each.pattern for each in args))
            return Built(real(Where(op, ask.is_matrix_product, "by a matrix"), args), (op,))
        data, weight = args[0].pattern, args[1].pattern
        turned = Op(("matmul",), (data, Op(("permute_dims",), (weight,))))
        straight = Op(("matmul",), (data, weight))
        options = (
            Where(turned, ask.is_dense_of_transposed, "by a transposed matrix"),
            Where(straight, ask.is_dense_as_is, "by a matrix"),
        )
        made = real(Alternatives(options), args)
        return Built(made, (turned, straight), stated=is_stated(args))

    def args(self, view: View, node: int) -> list[Expr]:
        """Data, and the weight as (units, inputs)."""
        data, weight = view.graph.operands[node]
        if view.graph.ops[weight] == "permute_dims" and view.inside(weight):
            return [view.expr(data), view.expr(view.graph.operands[weight][0])]
        return [view.expr(data), view.transposed(weight)]

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """`units`, and Relay's `out_dtype`."""
        made = view.shape(node)
        out = view.attributes(node).get("out_dtype") or ""
        return {"units": made[-1] if made else None, "out_dtype": out}


@dataclass(frozen=True)
class Matmul:
    """`nn.matmul`: `matmul` by a computed matrix; frontends of Relay write `nn.dense` for a weight."""

    def build(self, args: Sequence[Operand] | None) -> Built:
        """`matmul`, its second operand a matrix that is no weight."""
        op = Op(("matmul",), None if args is None else tuple(each.pattern for each in args))
        made = real(Where(op, ask.is_plain_product, "by a computed matrix"), args)
        return Built(made, (op,), stated=is_stated(args))

    def args(self, view: View, node: int) -> list[Expr]:
        """Both operands as they are."""
        return [view.expr(each) for each in view.graph.operands[node]]

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """Relay's: nothing is transposed."""
        out = view.attributes(node).get("out_dtype") or ""
        made = view.shape(node)
        units = made[-1] if made else None
        return {"units": units, "out_dtype": out, "transpose_a": False, "transpose_b": False}


@dataclass(frozen=True)
class BatchMatmul(Matmul):
    """`nn.batch_matmul`: `matmul` of two stacks, of any rank from 3; Relay's has `transpose_b` false here."""

    def build(self, args: Sequence[Operand] | None) -> Built:
        """`matmul`, both operands of rank 3 or more."""
        op = Op(("matmul",), None if args is None else tuple(each.pattern for each in args))
        made = real(Where(op, ask.is_batched, "of stacks of matrices"), args)
        return Built(made, (op,), stated=is_stated(args))

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """Relay's: nothing is transposed."""
        out = view.attributes(node).get("out_dtype") or ""
        return {"out_dtype": out, "transpose_a": False, "transpose_b": False}
