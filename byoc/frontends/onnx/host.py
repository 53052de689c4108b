"""Host nodes: ONNX nodes that Relax does not take, kept whole as a model of their own for onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
from onnx import AttributeProto, TypeProto, numpy_helper

from byoc.frontends.onnx.types import value_info
from byoc.frontends.onnx.values import Value

_EMBEDDED_BYTES = (
    1024  # shapes, axes and scalars travel in the model; weights are arguments of the call
)


def reads(nodes: Sequence[onnx.NodeProto]) -> list[str]:
    """Return the names of the values that `nodes` read from outside, subgraphs included, in order of first use."""
    found: dict[str, None] = {}
    _reads(nodes, set(), found)
    return list(found)


def _reads(nodes: Sequence[onnx.NodeProto], bound: set[str], found: dict[str, None]) -> None:
    for node in nodes:
        for name in node.input:
            if name and name not in bound:
                found.setdefault(name)
        for graph in subgraphs(node):
            inner = bound | {each.name for each in [*graph.input, *graph.initializer]}
            inner |= {each.values.name for each in graph.sparse_initializer}
            _reads(graph.node, inner, found)
            for each in graph.output:
                produced = {name for inside in graph.node for name in inside.output}
                if each.name and each.name not in inner | produced:
                    found.setdefault(each.name)
        bound.update(node.output)


def subgraphs(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """Return the graphs among a node's attributes."""
    graphs = [each.g for each in node.attribute if each.type == AttributeProto.GRAPH]
    for each in node.attribute:
        if each.type == AttributeProto.GRAPHS:
            graphs += each.graphs
    return graphs


def is_embedded(value: Value) -> bool:
    """Whether a value is stored in the host model rather than passed to it."""
    array = value.array
    if array is None:
        return False
    return value.opaque is not None or (array.ndim <= 1 and array.nbytes <= _EMBEDDED_BYTES)


def host_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Value],
    outputs: Mapping[str, TypeProto],
    proto: onnx.ModelProto,
) -> bytes:
    """Serialise `nodes` as a model; `outputs` are those that are read, with what is known of their types.

    Small constants among `inputs` are stored in it, the others are its inputs, in order.
    """
    graph = onnx.GraphProto(name=nodes[0].name or nodes[0].op_type)
    graph.node.extend(nodes)
    for name, value in inputs.items():
        if is_embedded(value):
            assert value.array is not None
            graph.initializer.append(numpy_helper.from_array(value.array, name))
        else:
            graph.input.append(value_info(name, _ranked(value.type)))
    for name, each in outputs.items():
        graph.output.append(onnx.ValueInfoProto(name=name))
        if each.WhichOneof("value") is not None:
            graph.output[-1].type.CopyFrom(_ranked(each))
    model = onnx.ModelProto(ir_version=max(proto.ir_version, 4), graph=graph)
    for each in proto.opset_import:
        onnx_own = each.domain in ("", "ai.onnx") and not proto.functions
        version = _lowest_opset(nodes, each.version) if onnx_own else each.version
        model.opset_import.append(onnx.helper.make_opsetid(each.domain, version))
    model.functions.extend(proto.functions)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def _lowest_opset(nodes: Sequence[onnx.NodeProto], opset: int) -> int:
    """The oldest opset in which these operators mean what they mean in `opset`: older runtimes take it too."""
    lowest = 7
    for node in nodes:
        if node.domain in ("", "ai.onnx") and onnx.defs.has(node.op_type, opset):
            lowest = max(lowest, onnx.defs.get_schema(node.op_type, opset).since_version)
        for graph in subgraphs(node):
            lowest = max(lowest, _lowest_opset(graph.node, opset))
    return min(lowest, opset)


def _ranked(proto: TypeProto) -> TypeProto:
    """Drop the names of symbolic dims: the same name may be used of different extents by now."""
    copy = TypeProto()
    copy.CopyFrom(proto)
    for dim in copy.tensor_type.shape.dim if copy.WhichOneof("value") == "tensor_type" else ():
        dim.ClearField("dim_param")
    return copy
