"""Model: what every frontend returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from byoc.support.facts import Attribute

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from tvm import IRModule

GroupInput: TypeAlias = "str | npt.NDArray[np.generic] | tuple[Any, ...] | None"


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """A source node that stays visible under its own name (`onnx.Clip`, `acme.npu.Relu`).

    `node` is the source node's name, `bindings` the Relax variables it became, in order. `inputs` maps the ONNX
    schema's input names to what the node reads: the name of a Relax variable, a constant's data, a tuple of
    those for a variadic input, None for an absent optional one. `outputs` are the Relax variables that hold its
    outputs, in ONNX's order ("" for an output that nobody reads). `host` is the symbol of its host call, a key of
    `Model.host_nodes`, or "" when TVM or a converter of byoc's took it; `reason` says why it is a host call.
    `opset` is the version of the operator's schema, in its domain, 0 when that is not known.
    """

    op: str
    node: str
    bindings: tuple[str, ...]
    inputs: Mapping[str, GroupInput]
    outputs: tuple[str, ...]
    attrs: Mapping[str, Attribute] = field(default_factory=dict)
    host: str = ""
    reason: str = ""
    opset: int = 0


@dataclass(frozen=True, slots=True)
class Model:
    """A model as byoc works on it.

    `module` is a Relax module whose binding names are unique in each function. `origins` maps a function's name
    and a binding's name to the names of the source nodes it came from. `host_nodes` maps the symbol of a host
    call (`byoc.host.3`) to the serialised one-node ONNX model that computes it. `notes` say what import did
    beyond translation, in order. `inputs` and `outputs` are the source's own names of what `main` takes and gives,
    () when it has none.
    """

    name: str
    module: IRModule
    origins: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    groups: Mapping[str, tuple[SourceGroup, ...]] = field(default_factory=dict)
    host_nodes: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
