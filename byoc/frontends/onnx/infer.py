"""ONNX's own type and shape inference: for the whole model once, and for each node with what is known by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
from onnx import TypeProto, helper, numpy_helper, shape_inference

from byoc.frontends.onnx.load import Source
from byoc.frontends.onnx.values import Value

_DATA_LIMIT = 1024  # elements: axes, shapes, repeats


def whole_model(source: Source, inputs: Mapping[str, TypeProto]) -> dict[str, TypeProto]:
    """Infer the type of every value of the main graph, with bound input types, without touching large weights.

    The types that the file itself states fill what inference does not know (custom operators).
    """
    graph = source.proto.graph
    skeleton = onnx.ModelProto(ir_version=max(source.proto.ir_version, 4))
    skeleton.opset_import.extend(source.proto.opset_import)
    skeleton.functions.extend(source.proto.functions)
    skeleton.graph.name = "g"
    skeleton.graph.node.extend(graph.node)
    weights = {}
    for tensor in graph.initializer:
        weights[tensor.name] = helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
        if tensor.data_location != onnx.TensorProto.EXTERNAL and helper_size(tensor) <= _DATA_LIMIT:
            skeleton.graph.initializer.append(tensor)
    for name, proto in {**weights, **inputs}.items():
        skeleton.graph.input.append(onnx.ValueInfoProto(name=name, type=proto))
    skeleton.graph.output.extend(onnx.ValueInfoProto(name=each.name) for each in graph.output)
    stated = {each.name: each.type for each in [*graph.value_info, *graph.output]}
    try:
        inferred = shape_inference.infer_shapes(skeleton, data_prop=True).graph
    except (
        Exception
    ):  # inference raises many types; the types that the file states are all there is then
        return {**stated, **weights, **inputs}
    found = {each.name: each.type for each in [*inferred.value_info, *inferred.output]}
    found = {name: proto for name, proto in found.items() if proto.WhichOneof("value")}
    return {**stated, **found, **weights, **inputs}


def model_outputs(serialised: bytes) -> dict[str, TypeProto]:
    """Infer the types of the outputs of a small model; {} when inference fails."""
    try:
        inferred = shape_inference.infer_shapes(serialised, data_prop=True)
    except Exception:  # as above: no verdict on the nodes
        return {}
    return {each.name: each.type for each in inferred.graph.output}


def helper_size(tensor: onnx.TensorProto) -> int:
    """Return the number of elements of a TensorProto."""
    size = 1
    for dim in tensor.dims:
        size *= dim
    return size


def node_outputs(
    node: onnx.NodeProto, inputs: Sequence[Value | None], opsets: Mapping[str, int]
) -> dict[str, TypeProto]:
    """Infer the output types of one node from what is known of its inputs; {} when inference does not know."""
    if node.domain not in opsets or not onnx.defs.has(
        node.op_type, opsets[node.domain], node.domain
    ):
        return {}
    types, data = {}, {}
    for name, value in zip(node.input, inputs, strict=True):
        if value is None:
            continue
        types[name] = value.type
        if value.array is not None and value.array.size <= _DATA_LIMIT:
            data[name] = numpy_helper.from_array(value.array, name)
    try:
        schema = onnx.defs.get_schema(node.op_type, opsets[node.domain], node.domain)
        imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
        found = shape_inference.infer_node_outputs(schema, node, types, data, opset_imports=imports)
    except Exception:  # an inference error is no verdict on the node: onnxruntime may still take it
        return {}
    return dict(found)
