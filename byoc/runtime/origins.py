"""Origins: which value of the ONNX model a value at a segment's border is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from byoc.manifest import Port

if TYPE_CHECKING:
    from onnx import ModelProto

    from byoc.runtime.tensors import Array


@dataclass(frozen=True, slots=True)
class Origins:
    """The names of a model's values by the bindings that stand for them.

    A binding has its ONNX value's name, as far as Relax can write it. `spelt` has those names by their spelling,
    `producers` the nodes that make the values, `nodes` the nodes that a binding came from, where that is known: a
    binding that only happens to be spelt like a value of the model came from others.
    """

    spelt: Mapping[str, str]
    producers: Mapping[str, str]
    nodes: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, proto: ModelProto, plan: Mapping[str, Any]) -> Origins:
        """Read the names of `proto`'s main graph, and the bindings of the artefact's `plan` (JSON)."""
        from byoc.frontends.onnx.names import name_nodes

        name_nodes(proto.graph.node)
        producers = {name: node.name for node in proto.graph.node for name in node.output if name}
        names = [*(each.name for each in proto.graph.input), *producers]
        ops = (op for op in plan.get("ops", ()) if op.get("function", "main") == "main")
        nodes = {op["binding"]: frozenset(op["nodes"]) for op in ops}
        return cls(_unambiguous(names), producers, nodes)

    def value(self, binding: str) -> str | None:
        """The name of the ONNX value behind `binding`, None when there is none."""
        name = self.spelt.get(binding)
        if name is None or binding not in self.nodes or name not in self.producers:
            return name
        return name if self.producers[name] in self.nodes[binding] else None


def spelling(name: str) -> str:
    """How Relax writes an ONNX name."""
    text = re.sub(r"\W", "_", name)
    return text if text[:1].isalpha() or text[:1] == "_" else f"v_{text}"


def fits(port: Port, array: Array) -> bool:
    """Whether `array` has the dtype and shape of `port`."""
    if array.dtype.name != port.dtype:
        return False
    if port.shape is None:
        return True
    return len(port.shape) == array.ndim and all(
        not isinstance(extent, int) or extent == size
        for extent, size in zip(port.shape, array.shape, strict=True)
    )


def _unambiguous(names: Iterable[str]) -> dict[str, str]:
    """ONNX names by their spelling in Relax; a spelling that two share stands for neither."""
    found: dict[str, str] = {}
    shared = set()
    for name in dict.fromkeys(names):
        if found.setdefault(spelling(name), name) != name:
            shared.add(spelling(name))
    return {each: name for each, name in found.items() if each not in shared}
