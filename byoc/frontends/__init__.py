"""Frontends: a model file or another program's module in, a `Model` with origins out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from byoc.errors import UsageError
from byoc.frontends.model import Model, SourceGroup
from byoc.frontends.relax import from_module

if TYPE_CHECKING:
    import onnx

__all__ = ["Model", "SourceGroup", "from_module", "import_model"]


def import_model(
    source: Path | str | onnx.ModelProto,
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    params: Path | str | None = None,
    name: str | None = None,
    qnn: str = "qdq",
) -> Model:
    """Import a model: an ONNX file, `zoo:NAME`, a loaded ONNX proto, or a file of Relay text (`*.relay`).

    `shapes` binds inputs to static shapes, `dims` symbolic dimensions by name. `params` is a file of a Relay
    model's parameters (docs/relay.md); an ONNX model has its own. `qnn` is the form of a Relay model's quantised
    operators: "qdq", or "integer", the integers that Relay computes. Raises ModelError for a model that cannot be
    used, and UsageError for shapes that do not fit, parameters for an ONNX model, or an unknown form.
    """
    if isinstance(source, str | Path) and Path(source).suffix == ".relay":
        from byoc.frontends.relay import import_relay

        return import_relay(source, params=params, shapes=shapes, dims=dims, name=name, qnn=qnn)
    if params is not None:
        raise UsageError(
            f"parameters are given ({params}), but the model is no Relay text (*.relay): an ONNX model has its own"
        )
    if qnn != "qdq":
        raise UsageError(
            f"qnn {qnn!r} is given, but the model is no Relay text (*.relay): ONNX has the form qdq"
        )
    from byoc.frontends.onnx import import_model as import_onnx

    return import_onnx(source, shapes=shapes, dims=dims, name=name)
