"""A whole model as one region, and what onnxruntime makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
import onnxruntime

from byoc.frontends import Model
from byoc.region import Region


def whole(model: Model) -> Region:
    """Everything in `main` as one region."""
    return Region(
        vendor="test",
        name="",
        function=model.module["main"],
        origins=model.origins["main"],
        groups=model.groups.get("main", ()),
        host_nodes=model.host_nodes,
    )


def run(model: onnx.ModelProto, feeds: Mapping[str, Any]) -> list[Any]:
    """The outputs of `model` in onnxruntime, nothing optimised."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return list(session.run(None, dict(feeds)))


def exported(model: Model, opset: int | None = None) -> onnx.ModelProto:
    """The model written again, and held against ONNX's checker, which takes no output of unknown rank."""
    made = whole(model).to_onnx(opset)
    if all(each.type.tensor_type.HasField("shape") for each in made.graph.output):
        onnx.checker.check_model(made, full_check=True)
    return made
