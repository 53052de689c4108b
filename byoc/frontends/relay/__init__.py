"""Import of Relay text: a `.relay` file of TVM 0.6 to 0.19 in, a `Model` out (see docs/relay.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from byoc.errors import UsageError, nearest
from byoc.frontends.model import Model

__all__ = ["import_relay"]


def import_relay(
    source: Path | str,
    *,
    params: Path | str | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    name: str | None = None,
    qnn: str = "qdq",
) -> Model:
    """Import a module of Relay text.

    `params` is a file of parameters of `main` that become constants: what `relay.save_param_dict` wrote, or `.npz`.
    `shapes` binds inputs whose dimensions the text leaves open. `qnn` is the form of quantised operators: "qdq",
    that of ONNX's QDQ models, or "integer", the integers that Relay computes. Raises ModelError, with line and
    column, for what is wrong in the text, and UsageError for shapes that do not fit or an unknown form.
    """
    from byoc.frontends.relay.module import read_module
    from byoc.frontends.relay.ops import FORMS
    from byoc.frontends.relay.params import load_params

    if qnn not in FORMS:
        raise UsageError(
            f"{qnn!r} is no form of quantised operators; known are {', '.join(FORMS)}{nearest(qnn, FORMS)}"
        )
    path = Path(source)
    given = {} if params is None else load_params(Path(params))
    return read_module(path, given, shapes or {}, dims or {}, name or str(source), qnn)
