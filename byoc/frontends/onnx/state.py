"""State: what one import knows so far, shared by the modules that walk the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
from onnx import TypeProto
from tvm import relax

from byoc.errors import ModelError
from byoc.frontends.onnx.emit import Emitter
from byoc.frontends.onnx.host import reads
from byoc.frontends.onnx.infer import node_outputs, whole_model
from byoc.frontends.onnx.load import Source
from byoc.frontends.onnx.types import TensorSpec, spec_of
from byoc.frontends.onnx.values import Array, Value
from byoc.frontends.onnx.weights import constant_value, initializers


class State:
    """One import: `values` maps ONNX value names to what is known of them by now.

    `nodes` are copies of the live nodes, `used` the names of the values that are read, `types` what inference of
    the whole model says.
    """

    def __init__(self, source: Source, inputs: dict[str, TypeProto]) -> None:
        self.source = source
        self.nodes, self.used = live_nodes(source.proto.graph)
        self.types = whole_model(source, inputs)
        self.values: dict[str, Value] = {}
        self.host_nodes: dict[str, bytes] = {}
        self.notes: list[str] = []
        self.node_names: set[str] = set()
        self.emitter = Emitter(_escaping(source.proto.graph))
        for name, proto in inputs.items():
            self._parameter(name, proto)
        self.emitter.open()
        for name, value in initializers(source).items():
            self.values.setdefault(name, value)

    def _parameter(self, name: str, proto: TypeProto) -> None:
        spec = spec_of(proto)
        assert spec is not None, "bind_inputs lets tensors pass only"
        ty = relax.TensorType(None, spec.dtype)
        if spec.shape is not None:
            dims = [
                dim if isinstance(dim, int) else self.emitter.symbol(dim or "")
                for dim in spec.shape
            ]
            ty = relax.TensorType(dims, spec.dtype)
        self.values[name] = Value(name, expr=self.emitter.parameter(name, ty))

    def read(self, name: str) -> Value | None:
        """Return the value of that name, None for "" (an absent optional input)."""
        if not name:
            return None
        value = self.values.get(name)
        if value is None:
            raise ModelError(
                f"{self.source.name}: a node reads {name!r} before anything makes it: the graph is not sorted, "
                "or incomplete. Export the model again."
            )
        return value

    def outputs(self, node: onnx.NodeProto) -> list[str]:
        """The names of the outputs, "" for one that nobody reads; none beyond the last that is read."""
        names = [name if name in self.used else "" for name in node.output]
        while names and not names[-1]:
            names.pop()
        return names

    def set_array(self, name: str, array: Array, carried: tuple[str, ...]) -> None:
        """Record that a value is constant."""
        self.values[name] = constant_value(name, array, carried)

    def tensor(self, value: Value) -> Any:
        """Return the value as a Relax expression, making it when it is shape arithmetic or made afresh."""
        if value.fresh is not None:
            return value.fresh()
        if value.array is not None:
            return value.constant()
        if value.expr is None:
            value.expr = self._shape_tensor(value)
        return value.expr

    def _shape_tensor(self, value: Value) -> Any:
        bind, origins = self.emitter.bind, value.carried
        expr = bind(value.name, relax.op.shape_to_tensor(relax.ShapeExpr(value.dims)), origins)
        if value.dtype != "int64":
            expr = bind(value.name, relax.op.astype(expr, value.dtype), origins)
        return bind(value.name, relax.op.squeeze(expr, [0]), origins) if value.scalar else expr

    def specs(
        self, node: onnx.NodeProto, inputs: Sequence[Value | None]
    ) -> list[TensorSpec | None]:
        """What inference says of each output, from what is known now, else from the whole model."""
        inferred = node_outputs(node, inputs, self.source.opsets)
        specs = []
        for name in self.outputs(node):
            spec = spec_of(inferred.get(name))
            specs.append(spec if spec is not None else spec_of(self.types.get(name)))
        return specs


def carried(inputs: Sequence[Value | None]) -> tuple[str, ...]:
    """The nodes that were folded into `inputs`: origins of what reads them."""
    return tuple(
        dict.fromkeys(name for each in inputs if each is not None for name in each.carried)
    )


def live_nodes(graph: onnx.GraphProto) -> tuple[list[onnx.NodeProto], set[str]]:
    """Return copies of the nodes that the graph's outputs need, and the names of all values that are read."""
    used = {each.name for each in graph.output}
    live = []
    for node in reversed(graph.node):
        if any(name in used for name in node.output):
            used.update(reads([node]))
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            live.append(copy)
    return live[::-1], used


def _escaping(graph: onnx.GraphProto) -> frozenset[str]:
    """The values that become results of the function, through identities."""
    names = {each.name for each in graph.output}
    for node in reversed(graph.node):
        passes = node.op_type in ("Identity", "Dropout") and node.input and node.output
        if passes and node.output[0] in names:
            names.add(node.input[0])
    return frozenset(names)
