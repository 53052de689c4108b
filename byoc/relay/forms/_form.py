"""What a form is, and the form of every operator that is one Relax op."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from byoc.partition.patterns.ast import Alternatives, Op, Pattern, Where, Wildcard
from byoc.relay.forms import _ask as ask
from byoc.relay.integers import is_real
from byoc.relay.names import Name

if TYPE_CHECKING:
    from byoc.relay.expr import Expr
    from byoc.relay.view import View

Holds: TypeAlias = Callable[[Any, int], bool]
"""A predicate on the graph and a node."""


@dataclass(frozen=True)
class Operand:
    """An operand of a pattern. `sums` says that it is the int32 result of a `qnn` operator before `requantize`.

    In Relax such a value is the floating-point number that the integers stand for. Relay averages integers between
    two casts: `widened` is what a `cast` is where it stands for `dequantize`, `averaged` the average of that.
    `stated` says that the pattern itself has the `qnn.dequantize` that it comes from: what reads it is a float op.
    """

    pattern: Pattern
    sums: bool = False
    widened: Pattern | None = None
    averaged: Pattern | None = None
    stated: bool = False


@dataclass(frozen=True)
class Built:
    """A pattern of one Relay operator. `anchors` are the ops whose nodes checks see as that operator.

    `wide` are anchors too, whose nodes are int32 in Relay; the other fields are as in `Operand`.
    """

    pattern: Pattern
    anchors: tuple[Pattern, ...]
    sums: bool = False
    wide: tuple[Pattern, ...] = ()
    widened: Pattern | None = None
    averaged: Pattern | None = None
    stated: bool = False


class Form(Protocol):
    """One Relay operator in Relax."""

    def build(self, args: Sequence[Operand] | None) -> Built:
        """The pattern of a call with these operands, None for any."""

    def args(self, view: View, node: int) -> list[Expr]:
        """The operands of the match whose anchor is `node`, in Relay's order."""

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """Its attributes in Relay's names."""


_MOVES: Final = "expand_dims permute_dims reshape squeeze strided_slice tile"
_POOLS: Final = "nn.max_pool1d nn.max_pool2d nn.max_pool3d nn.pad"

_AVERAGES: Final = ("mean", "nn.avg_pool2d")
"""What Relay computes of integers between two casts."""

KEEPS_VALUES: Final = frozenset([*_MOVES.split(), *_POOLS.split()])
"""Ops that Relay applies to integers where QDQ has `dequantize`, op, `quantize` of one scale."""


@dataclass(frozen=True)
class Plain:
    """One Relax op. On integers, an op that keeps values is also its quantised form of one scale."""

    row: Name

    def build(self, args: Sequence[Operand] | None) -> Built:
        """The op itself, or its quantised form."""
        relax = self.row.relax
        if relax == "nn.pad" and args is not None:
            args = args[:1]  # Relax has the value that Relay pads with as an attribute
        sums = any(each.sums for each in args or ())
        given = (
            None if args is None else [_summand(each) if sums else each.pattern for each in args]
        )
        op = Op((relax,), None if given is None else tuple(given))
        if relax in _AVERAGES and args and args[0].widened is not None:
            wide = Op((relax,), (args[0].widened,))
            return Built(real(op, args), (op,), wide=(wide,), averaged=wide)
        stated = relax == "dequantize" or is_stated(args)
        if relax not in KEEPS_VALUES or (given is not None and len(given) != 1) or sums:
            return Built(self._guarded(op, args), (op,), sums, stated=stated)
        outer, same = kept((relax,), None if given is None else given[0])
        return Built(Alternatives((real(op, args), same)), (op, outer), stated=stated)

    def _guarded(self, op: Op, args: Sequence[Operand] | None) -> Pattern:
        """The op where Relay has it on real numbers; of a `quantize`, that is what it reads."""
        if self.row.relax == "dequantize":
            return op
        if self.row.relax == "quantize" and not is_stated(args):
            return Where(op, ask.quantizes_real, "of real numbers")
        return real(op, args)

    def args(self, view: View, node: int) -> list[Expr]:
        """The operands that hold tensors."""
        inner = self._inner(view, node)
        graph = view.graph
        found = [view.expr(each) for each in graph.operands[inner] if view.holds_tensor(each)]
        if graph.ops[inner] in ("add", "multiply") and view.is_constant(graph.operands[inner][0]):
            found.reverse()
        if self.row.relax == "nn.pad":
            found.append(self._filling(view, node, inner))
        return found

    def _filling(self, view: View, node: int, inner: int) -> Expr:
        """What `nn.pad` pads with: Relay has it as an operand, an integer among integers."""
        filling = float(view.attributes(inner).get("pad_value", 0.0))
        kept_in = ask.stored(view.graph, node, filling) if inner != node else None
        if kept_in is None:
            return view.number(filling)
        return view.number(kept_in, view.type(node).dtype)

    def attrs(self, view: View, node: int) -> dict[str, Any]:
        """The op's attributes, renamed, and those that Relay has besides."""
        from byoc.relay.forms._attrs import of_op

        return of_op(view, self._inner(view, node), self.row)

    def _inner(self, view: View, node: int) -> int:
        """The op itself, which the `quantize` of a quantised form reads."""
        is_form = self.row.relax != "quantize" and view.graph.ops[node] == "quantize"
        return view.graph.operands[node][0] if is_form else node


def kept(
    relax: tuple[str, ...], data: Pattern | None, holds: Holds | None = None
) -> tuple[Op, Pattern]:
    """The quantised form, of one scale, of an op that keeps values: its `quantize`, and the whole pattern."""
    stored = Op(("dequantize",), (data or Wildcard(), Wildcard(), Wildcard()))
    inner: Pattern = Op(relax, (stored,))
    if holds is not None:
        inner = Where(inner, holds)
    outer = Op(("quantize",), (inner, Wildcard(), Wildcard()))
    return outer, Where(outer, ask.keeps_scale, "one scale before and after")


def is_stated(args: Sequence[Operand] | None) -> bool:
    """Whether the pattern says by itself that integers end before this call."""
    return any(each.stated for each in args or ())


def real(pattern: Pattern, args: Sequence[Operand] | None) -> Pattern:
    """A float operator: `pattern` where Relay has no integers, unless the operands say where those end."""
    if is_stated(args) or any(each.sums for each in args or ()):
        return pattern
    return Where(pattern, is_real, "on real numbers")


def _summand(operand: Operand) -> Pattern:
    """An operand beside a sum: integers behind a `dequantize` in Relax, or already a sum."""
    if operand.sums:
        return operand.pattern
    stored = Op(("dequantize",), (operand.pattern, Wildcard(), Wildcard()))
    return Alternatives((stored, operand.pattern))


def summand(operand: Operand, *, beside: bool) -> Pattern:
    """`operand` as it stands `beside` a sum, or by itself."""
    return _summand(operand) if beside else operand.pattern


def attributes_of(values: Mapping[str, Any], **further: Any) -> dict[str, Any]:
    """Attributes with some more, or others, of Relay's."""
    return {**values, **further}
