"""Operators of old opsets that ONNX's converter carries over with another meaning."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import helper, numpy_helper

from byoc.codegen.export._weights import Array
from byoc.frontends.onnx.host import subgraphs

CHANGED = {
    ("Scan", 8): "Scan had a batch dimension before opset 9",
    ("Hardmax", 1): "Hardmax flattened its axes before opset 13",
    ("Hardmax", 11): "Hardmax flattened its axes before opset 13",
    ("GroupNormalization", 18): "GroupNormalization had one scale a group before opset 21",
}
"""What the converter leaves as it is although it means something else: why it is refused."""

RESIZE = 11
"""The opset from which on Resize says how it samples."""


def sample_as_before(converted: onnx.ModelProto, enlarges: bool) -> None:
    """State how Resize nodes that were Upsample or Resize before opset 11 sample; the converter leaves that out.

    `enlarges` says that all were Upsample, which never shrinks. Raises ValueError where the direction of
    rounding is not known.
    """
    for graph in _graphs(converted.graph):
        known = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                known[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            if node.op_type == "Resize":
                scales = known.get(node.input[2]) if len(node.input) > 2 else None
                _state(node, np.ones(1) if enlarges else scales)


def _state(node: onnx.NodeProto, scales: Array | None) -> None:
    mode = next((each.s.decode() for each in node.attribute if each.name == "mode"), "nearest")
    attrs = {"coordinate_transformation_mode": "asymmetric"}
    if mode == "nearest":
        # onnxruntime rounds down where it enlarges, up where it shrinks.
        if scales is None or not ((scales >= 1).all() or (scales <= 1).all()):
            raise ValueError("whether Resize enlarges or shrinks is not known")
        attrs["nearest_mode"] = "floor" if (scales >= 1).all() else "ceil"
    kept = [each for each in node.attribute if each.name not in attrs]
    del node.attribute[:]
    node.attribute.extend([*kept, *(helper.make_attribute(*each) for each in attrs.items())])


def _graphs(graph: onnx.GraphProto) -> Iterable[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for inner in subgraphs(node):
            yield from _graphs(inner)
