"""Origins: which value of the ONNX model a value at a segment's border is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from byoc.manifest import Port

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

    from byoc.runtime.tensors import Array


@dataclass(frozen=True, slots=True)
class Origins:
    """The names of a model's values, and the outputs of its nodes by the bindings that stand for them.

    A binding has its ONNX value's name, as far as Relax can write it. Where import had to choose another, the
    plan's table of bindings says which nodes it came from.
    """

    spelt: Mapping[str, str]
    made: Mapping[str, str]

    @classmethod
    def of(cls, proto: ModelProto, plan: Mapping[str, Any]) -> Origins:
        """Read the names of `proto`'s main graph, and the bindings of the artefact's `plan` (JSON)."""
        from byoc.frontends.onnx.names import name_nodes

        name_nodes(proto.graph.node)
        nodes = {node.name: node for node in proto.graph.node}
        names = [each.name for each in proto.graph.input]
        names += [name for node in proto.graph.node for name in node.output if name]
        made = {}
        for op in plan.get("ops", ()):
            value = _last_output(nodes, op["nodes"])
            if value:
                made[op["binding"]] = value
        return cls(_unambiguous(names), made)

    def value(self, binding: str) -> str | None:
        """The name of the ONNX value behind `binding`, None when there is none."""
        return self.spelt.get(binding) or self.made.get(binding)

    def of_port(self, port: Port, values: Mapping[str, Array]) -> Array | None:
        """The array of `values` that `port` stands for, None when there is none of its dtype and shape."""
        found = values.get(self.value(port.name) or port.name)
        return found if found is not None and _fits(port, found) else None


def spelling(name: str) -> str:
    """How Relax writes an ONNX name."""
    text = re.sub(r"\W", "_", name)
    return text if text[:1].isalpha() or text[:1] == "_" else f"v_{text}"


def _unambiguous(names: Iterable[str]) -> dict[str, str]:
    """ONNX names by their spelling in Relax; a spelling that two share stands for neither."""
    found: dict[str, str] = {}
    shared = set()
    for name in dict.fromkeys(names):
        if found.setdefault(spelling(name), name) != name:
            shared.add(spelling(name))
    return {each: name for each, name in found.items() if each not in shared}


def _last_output(nodes: Mapping[str, NodeProto], names: Iterable[str]) -> str:
    """The output of the last of some nodes, "" when it is unknown or has several."""
    for name in reversed(list(names)):
        if name in nodes:
            outputs = [each for each in nodes[name].output if each]
            return outputs[0] if len(outputs) == 1 else ""
    return ""


def _fits(port: Port, array: Array) -> bool:
    if array.dtype.name != port.dtype:
        return False
    if port.shape is None:
        return True
    return len(port.shape) == array.ndim and all(
        not isinstance(extent, int) or extent == size
        for extent, size in zip(port.shape, array.shape, strict=True)
    )
