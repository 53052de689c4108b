"""A small writer of ONNX graphs: nodes in order, initialisers on the side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

_IR_VERSION: Final = 8
_PRODUCER: Final = "byoc.testing.zoo"


class Builder:
    """Collects the nodes of one graph. Values are their names, as in ONNX."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._tensors: list[onnx.TensorProto] = []

    def node(
        self, op: str, inputs: Sequence[str], name: str, output: str = "", **attrs: Any
    ) -> str:
        """Add a node of one output and return the output's name: `output`, or the node's name with `_output_0`."""
        output = output or f"{name}_output_0"
        self._nodes.append(helper.make_node(op, list(inputs), [output], name=name, **attrs))
        return output

    def initializer(self, name: str, values: npt.ArrayLike) -> str:
        """Add an initialiser and return its name."""
        self._tensors.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def constant(self, name: str, values: npt.ArrayLike) -> str:
        """Add a Constant node, as exporters write scalars and shapes, and return its output's name."""
        return self.node("Constant", (), name, value=numpy_helper.from_array(np.asarray(values)))

    def model(
        self,
        name: str,
        opset: int,
        inputs: Sequence[tuple[str, Any, Sequence[int]]],
        outputs: Sequence[tuple[str, Sequence[int]]],
    ) -> onnx.ModelProto:
        """Return the checked model; `inputs` are (name, TensorProto type, shape), `outputs` float32."""
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info(*each) for each in inputs],
            [
                helper.make_tensor_value_info(each, TensorProto.FLOAT, dims)
                for each, dims in outputs
            ],
            self._tensors,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", opset)],
            ir_version=_IR_VERSION,
            producer_name=_PRODUCER,
        )
        onnx.checker.check_model(model)
        return model
