"""Groups: ONNX nodes that import took apart become ONNX nodes again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import AttributeProto, helper, numpy_helper
from tvm import ir, relax

from byoc.codegen.export._versions import at_opset
from byoc.codegen.export._writer import NewerOpset
from byoc.errors import ExportError
from byoc.frontends.model import SourceGroup
from byoc.frontends.onnx.types import array_type, type_proto, value_info

if TYPE_CHECKING:
    from byoc.region import Region

_EMBEDDED_BYTES = 1024  # what the version converter may look at; weights stay outside

_VECTORS = {
    "Conv": ("B",),
    "ConvTranspose": ("B",),
    "InstanceNormalization": ("scale", "B"),
    "GroupNormalization": ("scale", "bias"),
}
"""Inputs of one dimension. Import spreads quantised ones over a plane, and the group reads what it made of them."""

_OPAQUE = frozenset({"relax.call_tir", "relax.call_pure_packed", "relax.call_dps_packed"})


@dataclass(frozen=True, slots=True)
class Node:
    """A group as an ONNX node: a one-node model at the opset that is written.

    `bindings` are the group's in the order of the function. `inputs` are what the model's inputs stand for: ONNX's
    name of each, and the name of a Relax variable or data. `outputs` are the bindings that hold its outputs.
    """

    group: SourceGroup
    bindings: tuple[str, ...]
    model: onnx.ModelProto
    inputs: tuple[tuple[str, Any], ...]
    outputs: tuple[str, ...]

    def is_spread(self, formal: str, var: Any) -> bool:
        """Whether a variable that the node reads has more dimensions than the node's input."""
        op = self.group.op.rpartition(".")[2]
        return formal in _VECTORS.get(op, ()) and int(var.ty.ndim) > 1


def nodes_of(region: Region, bindings: Sequence[Any], opset: int) -> dict[str, Node]:
    """The groups of `region` that are written as ONNX nodes, by each of their bindings.

    A group is left as the Relax calls that it became when something else reads a value between its calls, when what
    it reads is not here, when its opset is not known, when an attribute does not survive as plain Python, and when
    ONNX cannot convert the node. Raises NewerOpset and ExportError for one that Relax calls cannot stand for.
    """
    if not region.groups:
        return {}
    reader = _Reader(region, bindings)
    found: dict[str, Node] = {}
    for group in region.groups:
        if group.host and region.host_nodes:
            continue  # its model is at hand
        node = reader.node(group, opset)
        if node is not None:
            found.update(dict.fromkeys(node.bindings, node))
    return found


class _Reader:
    def __init__(self, region: Region, bindings: Sequence[Any]) -> None:
        self.vars = {param.name: param for param in region.function.params}
        self.vars.update({binding.var.name: binding.var for binding in bindings})
        self.calls = {binding.var.name: binding.value for binding in bindings}
        self.places = {binding.var.name: place for place, binding in enumerate(bindings)}
        self.readers: dict[str, list[str]] = {}
        for binding in bindings:
            for var in relax.analysis.free_vars(binding.value):
                self.readers.setdefault(var.name, []).append(binding.var.name)
        for var in relax.analysis.free_vars(region.function.body.body):
            self.readers.setdefault(var.name, []).append("")

    def node(self, group: SourceGroup, opset: int) -> Node | None:
        """The group's node at `opset`, None when it is left as Relax calls."""
        bindings = tuple(
            sorted(
                (name for name in group.bindings if name in self.places),
                key=self.places.__getitem__,
            )
        )
        outputs = tuple(name for name in group.outputs if name)
        if not bindings or not outputs or self._leaks(bindings, outputs):
            return None
        opaque = self._is_opaque(bindings)
        built = self._model(group, group.opset or (opset if opaque else 0))
        if built is None:
            return None
        model, inputs = built
        try:
            said = at_opset(model, opset, f"node {group.node!r}: ")
            return Node(group, bindings, said, inputs, outputs)
        except (ExportError, NewerOpset):
            if opaque:
                raise
            return None

    def _leaks(self, bindings: Sequence[str], outputs: Sequence[str]) -> bool:
        """Whether anything reads a value that the ONNX node does not have, or lacks one that it has."""
        inside = set(bindings)
        if not inside.issuperset(outputs):
            return True
        hidden = (name for name in bindings if name not in outputs)
        return any(not inside.issuperset(self.readers.get(name, ())) for name in hidden)

    def _is_opaque(self, bindings: Sequence[str]) -> bool:
        calls = (self.calls[name] for name in bindings)
        return any(
            isinstance(each, ir.Call) and getattr(each.op, "name", "") in _OPAQUE for each in calls
        )

    def _model(
        self, group: SourceGroup, opset: int
    ) -> tuple[onnx.ModelProto, tuple[tuple[str, Any], ...]] | None:
        domain, _, op = group.op.rpartition(".")
        if domain != "onnx" or not opset or not onnx.defs.has(op, opset):
            return None
        attributes = list(_attributes(group, onnx.defs.get_schema(op, opset)))
        given = list(_flat(group.inputs))
        if None in attributes or any(
            isinstance(each, str) and each not in self.vars for _, each in given
        ):
            return None
        graph = onnx.GraphProto(name=group.node or op)
        node = graph.node.add(op_type=op, name=group.node)
        node.attribute.extend(attributes)
        inputs = []
        for formal, each in given:
            name = "" if each is None else formal
            node.input.append(name)
            if isinstance(each, np.ndarray) and each.nbytes <= _EMBEDDED_BYTES:
                graph.initializer.append(numpy_helper.from_array(each, name))
            elif each is not None:
                inputs.append((formal, each))
                proto = (
                    array_type(each)
                    if isinstance(each, np.ndarray)
                    else type_proto(self.vars[each].ty)
                )
                graph.input.append(value_info(name, proto))
        while node.input and not node.input[-1]:
            node.input.pop()
        for index, each in enumerate(group.outputs):
            node.output.append(f"output{index}" if each else "")
            if each:
                graph.output.append(value_info(f"output{index}", type_proto(self.vars[each].ty)))
        model = onnx.ModelProto(ir_version=8, graph=graph)
        model.opset_import.append(helper.make_opsetid("", opset))
        return model, tuple(inputs)


def _flat(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The inputs of a node in order with the schema's names, variadic ones numbered in their place."""
    for name, each in inputs.items():
        if isinstance(each, tuple):
            yield from ((f"{name}_{index}", item) for index, item in enumerate(each))
        else:
            yield name, each


def _attributes(group: SourceGroup, schema: Any) -> Iterator[AttributeProto | None]:
    """The attributes of the ONNX node; None for one that is more than numbers and text."""
    for name in sorted(group.attrs):
        formal = schema.attributes.get(name)
        value = group.attrs[name]
        if formal is None or int(formal.type) not in _PLAIN:
            yield None
        elif value is not None:
            plain = list(value) if isinstance(value, tuple) else value
            yield helper.make_attribute(name, plain, attr_type=int(formal.type))


_PLAIN = {
    AttributeProto.FLOAT,
    AttributeProto.INT,
    AttributeProto.STRING,
    AttributeProto.FLOATS,
    AttributeProto.INTS,
    AttributeProto.STRINGS,
}
