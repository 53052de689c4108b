"""Operators that have their operands otherwise in Relay: indices by their first axis, the values of one_hot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from byoc.relay.forms._form import Plain

if TYPE_CHECKING:
    from byoc.relay.expr import Expr
    from byoc.relay.view import View


@dataclass(frozen=True)
class ByFirstAxis(Plain):
    """`gather_nd`, `scatter_nd`: index tuples lie along the first axis of the indices, in Relax along the last."""

    def args(self, view: View, node: int) -> list[Expr]:
        """The operands, the indices turned."""
        data, _, *further = super().args(view, node)
        return [data, view.first_axis_last(view.graph.operands[node][1]), *further]


@dataclass(frozen=True)
class OneHot(Plain):
    """`one_hot(indices, on, off)`."""

    def args(self, view: View, node: int) -> list[Expr]:
        """The indices, and both values as constants."""
        given = view.attributes(node)
        dtype = view.type(node).dtype
        values = [
            float(given.get(name, default)) for name, default in (("on_value", 1), ("off_value", 0))
        ]
        return [
            view.expr(view.graph.operands[node][0]),
            *[view.number(each, dtype) for each in values],
        ]
