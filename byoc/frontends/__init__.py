"""Frontends: a model file or another program's module in, a `Model` with origins out."""

from __future__ import annotations

from byoc.frontends.model import Model, SourceGroup
from byoc.frontends.onnx import import_model
from byoc.frontends.relax import from_module

__all__ = ["Model", "SourceGroup", "from_module", "import_model"]
