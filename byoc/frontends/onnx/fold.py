"""Fold a node whose inputs are all constants, with onnx's reference evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto
from onnx.reference import ReferenceEvaluator

from byoc.frontends.onnx.values import Array, Value
from byoc.frontends.onnx.weights import densify

SIZE_LIMIT = 1 << 18
"""Elements that a fold may add beyond those of its inputs."""

KEPT = frozenset(
    {
        # An int8 weight behind a DequantizeLinear must stay int8.
        "DequantizeLinear",
        "QuantizeLinear",
        "DynamicQuantizeLinear",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
        "Bernoulli",
        "Multinomial",
        "Dropout",
    }
)


def constant_node(node: onnx.NodeProto) -> Array | None:
    """Return the data of a Constant node; None for strings' sake never: strings come back as object arrays."""
    if len(node.attribute) != 1:
        return None
    attribute = node.attribute[0]
    if attribute.name == "sparse_value":
        return densify(attribute.sparse_tensor)
    if attribute.name == "value":
        return onnx.numpy_helper.to_array(attribute.t)
    value = onnx.helper.get_attribute_value(attribute)
    dtypes = {
        "value_float": "float32",
        "value_floats": "float32",
        "value_int": "int64",
        "value_ints": "int64",
    }
    if attribute.name in dtypes:
        return np.array(value, dtypes[attribute.name])
    if attribute.name in ("value_string", "value_strings"):
        return np.array(value, object)
    return None


def fold(
    node: onnx.NodeProto, inputs: Sequence[Value | None], opsets: Mapping[str, int]
) -> list[Array] | None:
    """Evaluate `node`; None when an input is no constant, the result is too large, or there is no evaluator."""
    if node.domain != "" or node.op_type in KEPT or not inputs:
        return None
    if any(
        each is not None and (each.array is None or each.array.dtype == object) for each in inputs
    ):
        return None
    if any(each.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for each in node.attribute):
        return None
    feeds = {
        name: each.array for name, each in zip(node.input, inputs, strict=True) if each is not None
    }
    available = sum(array.size for array in feeds.values() if array is not None)
    if available > SIZE_LIMIT * 16 or _announced(node, inputs) > available + SIZE_LIMIT:
        return None
    try:
        imports = [onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()]
        results = ReferenceEvaluator(_model(node, feeds, imports)).run(None, feeds)
    except Exception:  # no evaluator, or one that fails: the node is imported instead
        return None
    arrays = [each for each in results if isinstance(each, np.ndarray | np.generic)]
    if len(arrays) != len(results) or sum(each.size for each in arrays) > available + SIZE_LIMIT:
        return None
    return [np.asarray(each) for each in arrays]


def _announced(node: onnx.NodeProto, inputs: Sequence[Value | None]) -> int:
    """The size that a growing operator will make, before it is made."""
    position = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1}.get(node.op_type)
    if position is None or inputs[position] is None:
        return 0
    target: Any = inputs[position]
    size = int(np.prod(target.array, dtype="float64"))
    return size * inputs[0].array.size if node.op_type == "Tile" else size  # type: ignore[union-attr]


def _model(
    node: onnx.NodeProto, feeds: Mapping[str, Any], imports: Sequence[Any]
) -> onnx.ModelProto:
    element = onnx.helper.np_dtype_to_tensor_dtype
    inputs = [
        onnx.helper.make_tensor_value_info(name, element(array.dtype), array.shape)
        for name, array in feeds.items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
    graph = onnx.helper.make_graph([node], "fold", inputs, outputs)
    return onnx.helper.make_model(graph, opset_imports=imports)
