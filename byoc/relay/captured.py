"""Captured: the Relax values behind the expressions that a callback was shown and gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from byoc.relay.expr import Call, Constant, Expr, Tuple

if TYPE_CHECKING:
    from byoc.partition.graph import Graph
    from byoc.relay.view import View


class Captured:
    """Called with an expression of `view`, gives the variable that holds it, None for one to be written out.

    int32 sums are written out again: Relax has real numbers in their place. The value that the match itself ended
    in gets a variable of its own, since the old one will hold what takes its place.
    """

    def __init__(self, graph: Graph, view: View, binding: Any, names: set[str]) -> None:
        self.graph, self.view, self.binding, self.names = graph, view, binding, names
        self._old: Any = None

    def __call__(self, expr: Expr) -> Any:
        """The variable of `expr`, or None."""
        node = self.view.node(expr)
        if node is None or isinstance(expr, Constant | Tuple):
            return None
        if isinstance(expr, Call) and self.view.is_sum(node):
            return None
        var = self.graph.vars[node]
        if var is None or not var.same_as(self.binding.var):
            return var
        return self._moved()

    def kept(self) -> list[Any]:
        """The binding of the match's own value, where something reads it."""
        from tvm import relax

        return [] if self._old is None else [relax.VarBinding(self._old, self.binding.value)]

    def _moved(self) -> Any:
        from tvm import relax

        if self._old is None:
            var = self.binding.var
            kind = relax.DataflowVar if self.graph.dataflow else relax.Var
            self._old = kind(self._fresh(var.name), var.ty)
        return self._old

    def _fresh(self, name: str) -> str:
        count = 0
        while f"{name}_{count}" in self.names:
            count += 1
        self.names.add(f"{name}_{count}")
        return f"{name}_{count}"
