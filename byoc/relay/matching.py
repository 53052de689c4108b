"""Matching and partitioning by one pattern: Relay's `match` and `partition`, on Relax functions and expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from byoc.errors import PatternError
from byoc.relay.convert import Converter
from byoc.relay.expr import Expr, SeenCall

if TYPE_CHECKING:
    from byoc.partition._composite import Composite
    from byoc.partition.graph import Graph
    from byoc.relay.dataflow_pattern import DFPattern


def matches(pattern: DFPattern, expr: Any) -> bool:
    """Whether `pattern` fits an expression: one that a check or callback sees, or one made by `byoc.relay.op`.

    Of a Relax function it is the result. Raises PatternError for anything else.
    """
    from byoc.partition.patterns._fits import fits

    graph, node = _place(expr)
    return fits(Converter().convert(pattern).pattern, graph, node)


def partitioned(
    pattern: DFPattern,
    function: Any,
    attrs: Mapping[str, Any] | None = None,
    check: Callable[[Any], bool] = lambda expr: True,
) -> Any:
    """`function` with every match that `check` takes as a local function of its own, called where it was.

    The local functions have `attrs`, and `PartitionedFromPattern` with the operators' names. Raises PatternError
    for what is no Relax function.
    """
    from tvm import relax

    from byoc.partition.graph import read_function
    from byoc.relay.rewriting import Finder, rebuilt

    if not isinstance(function, relax.Function):
        raise PatternError(
            f"partition of {type(function).__name__}; expected a Relax function, such as mod['main']"
        )
    finder, replaced = Finder(pattern), dict[int, list[Any]]()
    for graph in read_function("main", function):
        for match in finder.found(graph) if len(graph.block) == 1 else []:
            view = finder.view(graph, match)
            if check(view.expr(match.root)):
                binding = graph.bindings[match.root]
                replaced[hash(binding.var)] = _called(graph, match, attrs or {})
    return rebuilt(function, replaced) if replaced else function


def _called(graph: Graph, match: Composite, attrs: Mapping[str, Any]) -> list[Any]:
    """The bindings of a match's function and of its call."""
    from tvm import relax

    from byoc.partition.graph import Kind
    from byoc.region import region

    candidate = match.candidate
    called = [graph.ops[node] for node in candidate.nodes if graph.kinds[node] is Kind.CALL]
    name = "".join(f"{each}_" for each in called)
    function = region(graph, candidate).function
    function = function.with_attrs({**attrs, "PartitionedFromPattern": name})
    root = graph.bindings[match.root].var
    kind = relax.DataflowVar if graph.dataflow else relax.Var
    var = kind(f"{root.name}_function", function.ty)
    call = relax.Call(var, [graph.vars[node] for node in candidate.inputs])
    return [relax.VarBinding(var, function), relax.VarBinding(root, call)]


def _place(expr: Any) -> tuple[Graph, int]:
    """The graph that holds an expression, and the node that it is."""
    from tvm import relax

    from byoc.partition.graph import read_function

    if isinstance(expr, SeenCall) and expr.place is not None:
        graph, node = expr.place
        return graph, int(node)
    if isinstance(expr, Expr):
        from byoc.relay.emit import emitted, variable

        expr = emitted(expr, variable).function
    if not isinstance(expr, relax.Function):
        raise PatternError(
            f"match of {type(expr).__name__}; expected a Relax function, or an expression that a check "
            f"sees or byoc.relay.op makes"
        )
    graphs = read_function("main", expr)
    if not graphs or len(graphs[-1].escapes) != 1:
        raise PatternError("match of a function: expected one result, which an op computes")
    (result,) = graphs[-1].escapes
    return graphs[-1], _stands_for(graphs[-1], result)


def _stands_for(graph: Graph, node: int) -> int:
    """The node itself, of an alias what it stands for."""
    return graph.operands[node][0] if graph.ops[node] == "alias" else node
