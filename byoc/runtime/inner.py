"""Inner: values that import made and ONNX has no name for, computed from the nearest ones that the model has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tvm import IRModule

from byoc.frontends.model import Model
from byoc.partition.graph import Graph, Kind, read_module
from byoc.partition.plan import Candidate
from byoc.region import region
from byoc.testing.run import run_model

if TYPE_CHECKING:
    from byoc.runtime.tensors import Array

_DATA = (Kind.CONSTANT, Kind.LITERAL)
_COMPUTED = (Kind.CALL, Kind.TUPLE, Kind.ITEM, Kind.CAST)


@dataclass(frozen=True, slots=True)
class Inner:
    """The nodes of an imported model's `main` that compute some of its bindings.

    `graph` is the model's one block, `slice` the nodes, None when there is nothing to compute. A binding behind one
    that cannot be computed here (the result of a branch that has no name) is in no slice.
    """

    graph: Graph
    slice: Candidate | None

    @classmethod
    def of(cls, model: Model, wanted: Collection[str], named: Collection[str]) -> Inner:
        """Find what lies between the bindings `wanted` and the nearest of those that are `named`.

        The inputs of `main` are among its inputs always: they tell the symbolic dimensions.
        """
        graph = next(each for each in read_module(model.module) if each.function == "main")
        graph.host_nodes = model.host_nodes
        given = {node for node, name in enumerate(graph.names) if name in named}
        given |= {node for node, kind in enumerate(graph.kinds) if kind is Kind.INPUT}
        possible = _possible(graph, given)
        results = [
            node
            for node, name in enumerate(graph.names)
            if name in wanted and node in possible and node not in given
        ]
        if not results:
            return cls(graph, None)
        nodes, reads = _between(graph, results, given)
        reads |= {node for node, kind in enumerate(graph.kinds) if kind is Kind.INPUT}
        found = Candidate("", "", tuple(sorted(nodes)), tuple(sorted(reads)), tuple(results))
        return cls(graph, found)

    @property
    def reads(self) -> tuple[str, ...]:
        """The bindings whose values `compute` has to be given."""
        return () if self.slice is None else tuple(self.graph.names[i] for i in self.slice.inputs)

    def compute(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """The wanted bindings by name, by TVM's plain schedules; host calls run in onnxruntime.

        `values` has an array for each of `reads`. Raises whatever TVM does when it cannot.
        """
        if self.slice is None:
            return {}
        part = region(self.graph, self.slice)
        module = IRModule({"main": part.function.without_attr("global_symbol")})
        model = Model(self.graph.scope, module, host_nodes=part.host_nodes)
        results = run_model(model, {name: values[name] for name in self.reads})
        names = (self.graph.names[node] for node in self.slice.outputs)
        return dict(zip(names, results, strict=True))


def _possible(graph: Graph, given: Collection[int]) -> set[int]:
    """The nodes that follow from `given` by what a region can hold."""
    found: set[int] = set()
    for node, kind in enumerate(graph.kinds):
        computed = kind in _COMPUTED and found.issuperset(_before(graph, node))
        if kind in _DATA or node in given or computed:
            found.add(node)
    return found


def _between(
    graph: Graph, results: Iterable[int], given: Collection[int]
) -> tuple[set[int], set[int]]:
    """The nodes that compute `results`, and those of `given` that they read."""
    nodes: set[int] = set()
    reads: set[int] = set()
    stack: list[Any] = list(results)
    while stack:
        node = stack.pop()
        if node in given:
            reads.add(node)
        elif node not in nodes:
            if graph.kinds[node] in _COMPUTED:
                nodes.add(node)
            stack += _before(graph, node)
    return nodes, reads


def _before(graph: Graph, node: int) -> list[int]:
    """What a node reads, and what tells the dimensions that its literals mention."""
    found = list(graph.operands[node])
    for each in graph.operands[node]:
        if graph.kinds[each] is Kind.LITERAL:
            found += graph.after.get(each, ())
    return found
