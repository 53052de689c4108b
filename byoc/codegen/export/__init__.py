"""Relax → ONNX: a region as the model that vendors' compilers read."""

from byoc.codegen.export._region import DEFAULT_OPSET, OLDEST_OPSET, export, save
from byoc.codegen.export.ops import EMITTERS

__all__ = ["DEFAULT_OPSET", "EMITTERS", "OLDEST_OPSET", "export", "save"]
