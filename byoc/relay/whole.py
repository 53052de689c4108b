"""A whole Relax function as Relay's expressions: what it gives, and the function that gives something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from byoc.errors import PatternError
from byoc.relay.depth import room_for
from byoc.relay.expr import Expr
from byoc.relay.rewriting import borders, placed, rebuilt
from byoc.relay.view import View

if TYPE_CHECKING:
    from byoc.partition.graph import Graph


def visited(function: Any, visit: Callable[[Expr], Any]) -> None:
    """Show `visit` what a function gives, one result after the other. Raises PatternError as `remade` does."""
    graph = _graph(function)
    if graph is None:
        return
    view = View(graph, borders(graph))
    with room_for(len(graph)):
        for node in sorted(graph.escapes):
            visit(view.expr(_stands_for(graph, node)))


def remade(who: str, function: Any, visit: Callable[[Expr], Expr]) -> Any:
    """The function whose results are what `visit` makes of them.

    Raises PatternError for what is no Relax function of one block, and as `rewrite` does.
    """
    graph = _graph(function)
    if graph is None:
        return function
    view = View(graph, borders(graph))
    names = {name for name in graph.names if name} | {param.name for param in function.params}
    replaced: dict[int, list[Any]] = {}
    with room_for(len(graph)):
        for node in sorted(graph.escapes):
            before = view.expr(_stands_for(graph, node))
            after = visit(before)
            if after is not before:
                binding = graph.bindings[node]
                replaced[hash(binding.var)] = placed(who, graph, view, binding, after, names)
    return rebuilt(function, replaced) if replaced else function


def _graph(function: Any) -> Graph | None:
    """The function's block, None when it computes nothing."""
    from tvm import relax

    from byoc.partition.graph import read_function

    if not isinstance(function, relax.Function):
        raise PatternError(
            f"visit of {type(function).__name__}; expected an expression or a Relax function"
        )
    graphs = read_function("main", function)
    if len(graphs) > 1:
        raise PatternError(f"visit of a function of {len(graphs)} blocks; expected one")
    return graphs[0] if graphs else None


def _stands_for(graph: Graph, node: int) -> int:
    return graph.operands[node][0] if graph.ops[node] == "alias" else node
