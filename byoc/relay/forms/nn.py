"""Operators of Relay's `nn` that Relax spells with general ones: bias_add, batch_flatten, global pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from byoc.partition.patterns.ast import Alternatives, Op, Pattern, Where, Wildcard
from byoc.relay.forms import _ask as ask
from byoc.relay.forms._form import Built, Operand, is_stated, kept, real, summand

if TYPE_CHECKING:
    from byoc.relay.expr import Expr
    from byoc.relay.view import View


@dataclass(frozen=True)
class BiasAdd:
    """`nn.bias_add(x, b)`: `add` of a vector along one axis, in either order, of shape (C,), (1, C, 1, 1), ..."""

    def build(self, args: Sequence[Operand] | None) -> Built:
        """`add`, one operand a vector."""
        if args is None:
            op = Op(("add",))
            return Built(real(Where(op, ask.adds_bias, "a vector is added"), args), (op,))
        sums = any(each.sums for each in args)
        op = Op(("add",), tuple([summand(each, beside=sums) for each in args]))
        made = real(Where(op, ask.adds_bias, "a vector is added"), args)
        return Built(made, (op,), sums, stated=is_stated(args))

    def args(self, view: View, node: int) -> list[Expr]:
        """Data, and the bias as a vector."""
        operands = view.graph.operands[node]
        place = ask.bias_place(view.graph, node)
        place = 1 if place is None else place
        return [view.expr(operands[1 - place]), view.flat(operands[place])]

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """`axis`, counted from the front."""
        operands = view.graph.operands[node]
        place = ask.bias_place(view.graph, node)
        place = 1 if place is None else place
        vector, whole = view.shape(operands[place]), view.shape(operands[1 - place])
        return {"axis": ask.bias_axis(vector or (), whole or ())}


@dataclass(frozen=True)
class Cast:
    """`cast`: `astype`; around the average of integers, the `dequantize` before it and the `quantize` after it."""

    def build(self, args: Sequence[Operand] | None) -> Built:
        """`astype`, or the `quantize` that ends an average with the scale it began with."""
        if args is None or len(args) != 1:
            op = Op(("astype",), None if args is None else tuple(each.pattern for each in args))
            return Built(op, (op,))
        op = Op(("astype",), (args[0].pattern,))
        wide = _stored(args[0].pattern)
        if args[0].averaged is None:
            return Built(op, (op,), wide=(wide,), widened=wide)
        ends = Op(("quantize",), (args[0].averaged, Wildcard(), Wildcard()))
        same = Where(ends, ask.keeps_scale, "one scale before and after")
        return Built(Alternatives((op, same)), (op, ends))

    def args(self, view: View, node: int) -> list[Expr]:
        """What is cast."""
        return [view.expr(view.graph.operands[node][0])]

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """`dtype`."""
        return {"dtype": view.type(node).dtype}


@dataclass(frozen=True)
class BatchFlatten:
    """`nn.batch_flatten`: `reshape` or `flatten` to a matrix; also its quantised form of one scale."""

    def build(self, args: Sequence[Operand] | None) -> Built:
        """Either op."""
        given = None if args is None else tuple(each.pattern for each in args)
        op = Op(("reshape", "flatten"), given)
        plain = real(Where(op, ask.flattens, "to a matrix"), args)
        if given is not None and len(given) != 1:
            return Built(plain, (op,))
        data = None if given is None else given[0]
        outer, same = kept(("reshape", "flatten"), data, ask.flattens)
        return Built(Alternatives((plain, same)), (op, outer))

    def args(self, view: View, node: int) -> list[Expr]:
        """Data."""
        inner = _inner(view, node)
        return [view.expr(view.graph.operands[inner][0])]

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """None."""
        return {}


@dataclass(frozen=True)
class GlobalPool:
    """`nn.global_avg_pool2d`, `nn.global_max_pool2d`: `mean` or `max` over both spatial axes."""

    relax: str

    def build(self, args: Sequence[Operand] | None) -> Built:
        """The reduction; an average may also be adaptive pooling to one pixel."""
        ops = (self.relax, "nn.adaptive_avg_pool2d") if self.relax == "mean" else (self.relax,)
        given = None if args is None else tuple(each.pattern for each in args)
        op = Op(ops, given)
        plain = real(Where(op, ask.pools_all, "over the whole image"), args)
        if args and args[0].widened is not None and self.relax == "mean":
            wide = Op(ops, (args[0].widened,))
            averaged = Where(wide, ask.pools_all, "over the whole image")
            return Built(plain, (op,), wide=(wide,), averaged=averaged)
        if (given is not None and len(given) != 1) or self.relax == "mean":
            return Built(plain, (op,), stated=is_stated(args))
        outer, same = kept(ops, None if given is None else given[0], ask.pools_all)
        return Built(Alternatives((plain, same)), (op, outer))

    def args(self, view: View, node: int) -> list[Expr]:
        """Data."""
        inner = _inner(view, node)
        return [view.expr(view.graph.operands[inner][0])]

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """`layout`, read off the axes."""
        given = view.attributes(_inner(view, node))
        layout = given.get("layout") or ("NHWC" if given.get("axis") == (1, 2) else "NCHW")
        return {"layout": layout, "out_layout": ""}


def _stored(data: Pattern) -> Pattern:
    return Op(("dequantize",), (data, Wildcard(), Wildcard()))


def _inner(view: View, node: int) -> int:
    return view.graph.operands[node][0] if view.graph.ops[node] == "quantize" else node
