"""The `light_*` models of the onnx package, with weights that do something.

The package ships the graphs of the ONNX model zoo with every large weight replaced by a ConstantOfShape node. Each
of these nodes, and each small weight that was kept, becomes an initialiser with values fit for its role, so that
activations stay of the order of one from end to end and the outputs depend on the input.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from byoc.testing.zoo._weights import centred, uniform

FILES: Final[Mapping[str, tuple[str, float]]] = {
    "resnet50": ("light_resnet50.onnx", 6.0),
    "densenet121": ("light_densenet121.onnx", 1.0),
    "inception_v1": ("light_inception_v1.onnx", 30.0),
    "inception_v2": ("light_inception_v2.onnx", 0.8),
    "shufflenet": ("light_shufflenet.onnx", 0.04),
    "squeezenet": ("light_squeezenet.onnx", 1.0),
    "vgg19": ("light_vgg19.onnx", 0.75),
    "alexnet": ("light_bvlc_alexnet.onnx", 0.8),
    "zfnet512": ("light_zfnet512.onnx", 2.0),
}
"""The file of each model, and the scale of its classifier's weights: logits of about 2 saturate no softmax."""

RESIDUAL_GAIN: Final = 0.4
"""Scale of a batch norm that feeds a residual sum: without it 16 blocks multiply the variance by 65,536."""

_IR_VERSION: Final = (
    8  # from 4 on an initialiser need not be a graph input, which would make it no constant
)

_VIEWS: Final = frozenset({"Unsqueeze", "Reshape"})

_RANGES: Final[Mapping[tuple[str, int], tuple[float, float]]] = {
    ("BatchNormalization", 1): (0.8, 1.2),
    ("BatchNormalization", 2): (-0.2, 0.2),
    ("BatchNormalization", 3): (-0.2, 0.2),
    ("BatchNormalization", 4): (0.8, 1.2),
    ("Conv", 2): (-0.1, 0.1),
    ("Gemm", 2): (-0.1, 0.1),
    ("Mul", 1): (0.8, 1.2),
    ("Add", 1): (-0.2, 0.2),
}
"""What a weight's values lie between, by the op that reads it and the position it is read at."""


def load(name: str) -> onnx.ModelProto:
    """Return the model with weights in place; `name` is a key of `FILES`."""
    file, gain = FILES[name]
    model = onnx.load(Path(onnx.__file__).parent / "backend/test/data/light" / file)
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    weights = _take_weights(graph)
    draw = _Draw(name, graph, gain)
    for weight, shape in weights.items():
        tensor = graph.initializer.add()
        tensor.name, tensor.data_type = weight, onnx.TensorProto.FLOAT
        tensor.dims.extend(shape)
        tensor.raw_data = draw.values(weight, shape).astype("<f4", copy=False).tobytes()
    del graph.input[:]
    graph.input.extend(inputs)
    model.ir_version = _IR_VERSION
    graph.name = name
    return model


def _take_weights(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Remove every weight from the graph and return their shapes, in the graph's order."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    used = {name for node in graph.node for name in node.input if node.op_type != "ConstantOfShape"}
    weights: dict[str, tuple[int, ...]] = {}
    nodes = []
    for node in graph.node:
        if node.op_type == "ConstantOfShape":
            shape = numpy_helper.to_array(tensors[node.input[0]])
            weights[node.output[0]] = tuple(int(extent) for extent in shape)
        else:
            nodes.append(node)
    kept = []
    for tensor in graph.initializer:
        if tensor.name in used and tensor.data_type == onnx.TensorProto.FLOAT:
            weights[tensor.name] = tuple(tensor.dims)
        elif tensor.name in used:
            kept.append(tensor)
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    return weights


class _Draw:
    """Draws a weight's values by the role it has in the graph: the op that reads it, and where."""

    def __init__(self, model: str, graph: onnx.GraphProto, gain: float) -> None:
        self._model, self._gain = model, gain
        self._readers: dict[str, list[tuple[onnx.NodeProto, int]]] = {}
        for node in graph.node:
            for position, name in enumerate(node.input):
                self._readers.setdefault(name, []).append((node, position))

    def values(self, weight: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """Return the values of `weight`; its role decides the range, its name and the model's the seed."""
        node, position = self._role(weight)
        seed = f"{self._model}/{weight}"
        if position == 1 and node.op_type in ("Conv", "Gemm"):
            gain = self._gain if self._classifies(node) else 1.0
            return centred(seed, shape, gain)
        low, high = _RANGES[node.op_type, position]
        values = uniform(seed, shape, low, high)
        if (node.op_type, position) == ("BatchNormalization", 1) and self._reaches(node, "Sum"):
            values *= np.float32(RESIDUAL_GAIN)
        return values

    def _role(self, weight: str) -> tuple[onnx.NodeProto, int]:
        node, position = self._readers[weight][0]
        return self._role(node.output[0]) if node.op_type in _VIEWS else (node, position)

    def _reaches(self, node: onnx.NodeProto, op: str) -> bool:
        return any(reader.op_type == op for reader, _ in self._readers.get(node.output[0], ()))

    def _classifies(self, node: onnx.NodeProto) -> bool:
        """Whether the graph ends after `node`, but for a softmax."""
        return node.op_type == "Gemm" and (
            self._reaches(node, "Softmax") or node.output[0] not in self._readers
        )
