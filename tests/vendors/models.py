"""Small ONNX models for tests of vendors' blobs and executors."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper, numpy_helper


def model(nodes: list[Any], given: list[Any], results: list[Any], **weights: Any) -> Any:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(*each) for each in given],
        [helper.make_tensor_value_info(*each) for each in results],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def relu(*shape: Any) -> Any:
    return model([helper.make_node("Relu", ["x"], ["y"])], [("x", 1, shape)], [("y", 1, shape)])


def convolution(seed: int = 0) -> Any:
    weight = np.random.default_rng(seed).standard_normal((16, 16, 3, 3)).astype(np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    shape = (1, 16, 8, 8)
    return model([node], [("x", 1, shape)], [("y", 1, shape)], w=weight)
