"""TVM's own ONNX converters, where they are right."""

from __future__ import annotations

import functools
from typing import Any

from tvm.relax.frontend.onnx import onnx_frontend

from byoc.frontends.onnx.context import Context, Decline

MISTRUSTED = {
    "Attention": "TVM's importer takes it for the operator of onnxruntime of the same name",
    "NonMaxSuppression": "TVM's importer returns wrong boxes for it",
    "AllClassNMS": "TVM's importer returns wrong boxes for it",
    "RoiAlign": "TVM's importer samples other points",
    "MaxRoiPool": "TVM's importer pools other windows",
}
"""Converters of TVM's that give wrong results on ONNX's node tests, and how."""


@functools.cache
def _converters() -> dict[str, Any]:
    return dict(onnx_frontend._get_convert_map())


@functools.cache
def _attribute_parser() -> Any:
    return onnx_frontend.ONNXGraphImporter({}, "float32")._parse_attr


def convert(context: Context) -> Any:
    """Convert with TVM's importer.

    Raises Decline when TVM has no converter, when it fails, and when it is known to be wrong.
    """
    op = context.node.op_type
    if op in MISTRUSTED:
        raise Decline(MISTRUSTED[op])
    converter = _converters().get(op)
    if converter is None:
        raise Decline("TVM's importer does not know it")
    try:
        attrs = _attribute_parser()(context.node.attribute)
        attrs["tvm_custom"] = {"name": context.node.name, "num_outputs": len(context.node.output)}
        inputs = onnx_frontend.onnx_input()
        inputs.extend(context.args)
        result = converter.get_converter(context.opset)(context.builder, inputs, attrs, [{}, {}])
        return result if isinstance(result, list | tuple) else context.builder.normalize(result)
    except Exception as error:  # whatever a converter raises, the node goes to the host
        words = str(error).strip().splitlines()
        raise Decline(
            f"TVM's importer does not take it: {words[-1] if words else type(error).__name__}"
        ) from error
