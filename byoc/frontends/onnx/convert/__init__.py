"""Converters: ONNX node in, Relax expressions out; byoc's own where TVM's are wrong or hide the operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from byoc.frontends.onnx.context import Context, Decline
from byoc.frontends.onnx.convert import elementwise, layout, nn, quantize, stock

CONVERTERS: dict[str, Callable[[Context], Any]] = {
    **elementwise.CONVERTERS,
    **layout.CONVERTERS,
    **nn.CONVERTERS,
    **quantize.CONVERTERS,
}
"""byoc's own converters by operator. They return an expression or a list of outputs, and raise Decline."""


def convert(context: Context) -> Any:
    """Convert one node of ONNX's own domain.

    Raises Decline, with the reason, for a node that must become a host call.
    """
    if any(dtype.startswith("float8") for dtype in context.dtypes()):
        raise Decline("TVM rounds 8-bit floats in another way")
    if context.is_empty():
        raise Decline("TVM's kernels do not end on tensors without elements")
    converter = CONVERTERS.get(context.node.op_type, stock.convert)
    return converter(context)
