"""Checks written for TVM's `FuseOpsByPattern`: the context they take, made from a graph and a candidate."""

from __future__ import annotations

from typing import Any

from tvm.relax.transform import PatternCheckContext

from byoc.errors import PatternError
from byoc.partition.graph import Graph, Kind
from byoc.partition.patterns.ast import Row, TvmCheck
from byoc.partition.plan import Candidate
from byoc.support.refusal import Refusal


def check_context(graph: Graph, candidate: Candidate) -> Any:
    """TVM's PatternCheckContext of a match.

    As `FuseOpsByPattern` fills it: `annotated_expr` has the calls that the match takes and the variables (or
    constants) that it reads, by the names of `candidate.named`; the other maps are those of the block. Unlike
    TVM's, `value_to_bound_var` also has the values after the match.
    """
    inside = set(candidate.nodes)
    bindings = {
        graph.vars[node]: graph.exprs[node]
        for node in candidate.nodes
        if graph.vars[node] is not None
    }
    usages, bound = _block(graph)
    return PatternCheckContext(
        graph.exprs[candidate.outputs[-1]],
        {name: _expr(graph, node, inside) for name, node in candidate.named},
        bindings,
        usages,
        bound,
    )


def run_tvm_check(row: Row, graph: Graph, candidate: Candidate) -> Refusal | None:
    """Ask a row's TvmCheck about a match; an exception refuses with its message.

    Raises PatternError for a row whose check is not TVM's.
    """
    if not isinstance(row.check, TvmCheck):
        raise PatternError(
            f"the check of pattern {row.name!r} is {row.check!r}; expected a TvmCheck"
        )
    try:
        said = row.check(check_context(graph, candidate))
    except Exception as error:
        words = f"the check of pattern {row.name} raised {type(error).__name__}: {error}"
        return Refusal("check", words)
    if isinstance(said, Refusal):
        return said
    return None if said else Refusal("check", f"the check of pattern {row.name} refuses it")


def _expr(graph: Graph, node: int, inside: set[int]) -> Any:
    var = graph.vars[node]
    return graph.exprs[node] if node in inside or var is None else var


def _block(graph: Graph) -> tuple[Any, Any]:
    """Who uses each variable of the block, and which variable holds each value; kept with the graph."""
    from tvm_ffi import Map

    if "tvm_check" not in graph.memo:
        usages = {
            var: [graph.vars[user] for user in graph.users[node] if graph.vars[user] is not None]
            for node, var in enumerate(graph.vars)
            if var is not None
        }
        bound = {
            graph.exprs[node]: var
            for node, var in enumerate(graph.vars)
            if var is not None and graph.kinds[node] is not Kind.INPUT
        }
        graph.memo["tvm_check"] = (Map(usages), Map(bound))
    found: tuple[Any, Any] = graph.memo["tvm_check"]
    return found
