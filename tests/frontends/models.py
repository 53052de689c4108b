"""Small ONNX models in ONNX's text form, and comparison with onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime

from byoc.frontends import Model, import_model
from byoc.testing.run import run_model


def parse(body: str, opset: int = 17, domains: str = "") -> onnx.ModelProto:
    """A model from a graph in ONNX's text form."""
    extra = f', "{domains}" : 1' if domains else ""
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}{extra}]>\n{body}')


def add_weight(model: onnx.ModelProto, name: str, array: Any) -> onnx.ModelProto:
    """Add an initializer."""
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array), name))
    return model


def onnxruntime_outputs(model: onnx.ModelProto, feeds: Mapping[str, Any]) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # Optimised, it computes int8 products in lower precision.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return list(session.run(None, dict(feeds)))


def by_parameter(model: Model, feeds: Mapping[str, Any]) -> dict[str, Any]:
    """The feeds under the names of the parameters, which are the inputs in order."""
    names = [param.name for param in model.module["main"].params]
    return dict(zip(names, feeds.values(), strict=True))


def agrees(
    model: onnx.ModelProto, feeds: Mapping[str, Any], rtol: float = 1e-5, **options: Any
) -> Model:
    """Import, run, and hold against onnxruntime; return the imported model."""
    imported = import_model(model, **options)
    results = run_model(imported, by_parameter(imported, feeds))
    for ours, theirs in zip(results, onnxruntime_outputs(model, feeds), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-6)
    return imported


def ops(model: Model) -> list[str]:
    """The names of the calls of main, in order; `host` for a host call."""
    names = []
    for block in model.module["main"].body.blocks:
        for binding in block.bindings:
            operator = getattr(binding.value, "op", None)
            if operator is not None:
                name = getattr(operator, "name", "")
                packed = name == "relax.call_pure_packed"
                names.append("host" if packed else name.removeprefix("relax."))
    return names
