"""Import of ONNX: a file in, a `Model` out (see docs/import.md for the rules)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from byoc.frontends.model import Model

if TYPE_CHECKING:
    import onnx

__all__ = ["import_model"]


def import_model(
    source: Path | str | onnx.ModelProto,
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    name: str | None = None,
) -> Model:
    """Import an ONNX model: a file, `zoo:NAME`, or a loaded proto (which is left as it is).

    `shapes` binds inputs to static shapes, `dims` symbolic dimensions by name. Every node becomes Relax calls, a
    constant, shape arithmetic, or a host call that onnxruntime runs later; names, order and quantisation stay.
    Raises ModelError for a model that cannot be read or whose inputs and outputs are no tensors of numbers, and
    UsageError for shapes that do not fit.
    """
    from byoc.frontends.onnx.bind import bind_inputs
    from byoc.frontends.onnx.importer import import_graph
    from byoc.frontends.onnx.load import load

    loaded = load(source, name)
    inputs = bind_inputs(loaded, shapes or {}, dims or {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TVM's converters warn of what the report states anyway
        return import_graph(loaded, inputs)
