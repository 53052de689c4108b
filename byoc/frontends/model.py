"""Model: what every frontend returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from byoc.support.facts import Attribute

if TYPE_CHECKING:
    from tvm import IRModule


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """A source node that stays visible under its own name (`onnx.Clip`, `acme.npu.Relu`).

    `bindings` are the names of the Relax variables it became, in order. `inputs` maps the ONNX schema's input
    names to Relax variable names (None for an absent optional one or a folded constant's slot is never None: a
    constant input is given by its position in `constants`). `outputs` are the variables of its outputs.
    `host` is set when it is a host call: its ONNX node is `Model.host_nodes[host]`.
    """

    op: str
    node: str
    bindings: tuple[str, ...]
    attrs: Mapping[str, Attribute]
    outputs: tuple[str, ...]
    host: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A model as byoc works on it.

    `module` is a Relax module whose binding names are unique in each function. `origins` maps a function's name
    and a binding's name to the names of the source nodes it came from. `host_nodes` maps the symbol of a host
    call (`byoc.host.3`) to the serialised one-node ONNX model that computes it. `notes` say what import did
    beyond translation, in order.
    """

    name: str
    module: IRModule
    origins: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    groups: Mapping[str, tuple[SourceGroup, ...]] = field(default_factory=dict)
    host_nodes: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
