"""Host nodes: the one-node ONNX models behind host calls become part of the graph again."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import numpy_helper

from byoc.codegen.export._rename import fresh_names, rename
from byoc.codegen.export._versions import at_opset
from byoc.codegen.export._writer import Writer
from byoc.frontends.onnx.weights import densify


def inline(
    writer: Writer, model: onnx.ModelProto, inputs: Sequence[str], outputs: Sequence[str]
) -> None:
    """Write the nodes of `model` with its inputs and outputs under these names."""
    _imports(writer, model)
    graph = onnx.GraphProto()
    graph.CopyFrom(at_opset(model, writer.opset, writer.where()).graph)
    given = {each.name for each in model.graph.initializer}
    formal = [each.name for each in model.graph.input if each.name not in given]
    names = fresh_names(graph, lambda name: writer.name(f"{writer.prefix}_{name}"))
    names |= dict(zip(formal, inputs, strict=True))
    names |= {each.name: name for each, name in zip(model.graph.output, outputs, strict=True)}
    for tensor in graph.initializer:
        base = f"{writer.prefix}_{tensor.name}"
        names[tensor.name] = writer.constant(numpy_helper.to_array(tensor), base)
    for sparse in graph.sparse_initializer:
        base = f"{writer.prefix}_{sparse.values.name}"
        names[sparse.values.name] = writer.constant(densify(sparse), base)
    nodes = []
    for node in graph.node:
        value = node.attribute[0] if node.op_type == "Constant" and not node.domain else None
        if value is not None and value.name == "value":  # the version converter makes these
            base = f"{writer.prefix}_{node.output[0]}"
            names[node.output[0]] = writer.constant(numpy_helper.to_array(value.t), base)
        else:
            nodes.append(node)
    rename(nodes, names)
    writer.nodes.extend(nodes)


def _imports(writer: Writer, model: onnx.ModelProto) -> None:
    for each in model.opset_import:
        if each.domain not in ("", "ai.onnx"):
            version = max(each.version, writer.domains.get(each.domain, 0))
            writer.domains[each.domain] = version
    for function in model.functions:
        writer.functions.setdefault((function.domain, function.name), function)
