"""Renaming: values of ONNX nodes under other names, subgraphs included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import onnx

from byoc.frontends.onnx.host import subgraphs


def rename(nodes: Iterable[onnx.NodeProto], names: Mapping[str, str]) -> None:
    """Give values their names of `names`, in place, wherever `nodes` and their subgraphs use them."""
    for node in nodes:
        for field in (node.input, node.output):
            for index, name in enumerate(field):
                if name in names:
                    field[index] = names[name]
        for graph in subgraphs(node):
            _rename_graph(graph, names)


def _rename_graph(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    for each in [*graph.input, *graph.output, *graph.value_info, *graph.initializer]:
        each.name = names.get(each.name, each.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = names.get(sparse.values.name, sparse.values.name)
    rename(graph.node, names)


def fresh_names(graph: onnx.GraphProto, fresh: Callable[[str], str]) -> dict[str, str]:
    """A new name for every value that the nodes of `graph` and their subgraphs make, in order."""
    names: dict[str, str] = {}
    _collect(graph.node, fresh, names)
    return names


def _collect(
    nodes: Iterable[onnx.NodeProto], fresh: Callable[[str], str], names: dict[str, str]
) -> None:
    for node in nodes:
        for name in node.output:
            if name and name not in names:
                names[name] = fresh(name)
        for graph in subgraphs(node):
            held = [each.name for each in [*graph.input, *graph.initializer]]
            held += [each.values.name for each in graph.sparse_initializer]
            for name in held:
                if name not in names:
                    names[name] = fresh(name)
            _collect(graph.node, fresh, names)
