"""The walk over an ONNX graph: each node becomes a constant, shape arithmetic, Relax calls or a host call."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import onnx
from onnx import TypeProto
from tvm import ir, relax, tirx

from byoc.errors import ModelError
from byoc.frontends.model import Model, SourceGroup
from byoc.frontends.onnx import host
from byoc.frontends.onnx.context import Context, Decline
from byoc.frontends.onnx.convert import convert
from byoc.frontends.onnx.dims import shape_arithmetic
from byoc.frontends.onnx.emit import Emitter
from byoc.frontends.onnx.fold import constant_node, fold
from byoc.frontends.onnx.infer import model_outputs, node_outputs, whole_model
from byoc.frontends.onnx.load import Source
from byoc.frontends.onnx.names import name_nodes
from byoc.frontends.onnx.regions import schedule
from byoc.frontends.onnx.types import (
    TensorSpec,
    attributes,
    dtype_of,
    is_tensor,
    plain_dim,
    spec_of,
    type_name,
    type_proto,
)
from byoc.frontends.onnx.values import Value, shape_value
from byoc.frontends.onnx.weights import initializers

ALWAYS_GROUPS = frozenset({"Clip", "Gelu", "LayerNormalization"})
"""Operators that rows name as `onnx.Clip` even where they became one Relax call."""


class Importer:
    """Imports one graph. `values` maps ONNX value names to what is known of them by now."""

    def __init__(self, source: Source, inputs: dict[str, TypeProto]) -> None:
        self.source = source
        self.nodes, self.used = live_nodes(source.proto.graph)
        self.types = whole_model(source, inputs)
        self.values: dict[str, Value] = {}
        self.host_nodes: dict[str, bytes] = {}
        self.notes: list[str] = []
        self.node_names: set[str] = set()
        self.emitter = self._parameters(inputs)
        for name, value in initializers(source).items():
            self.values.setdefault(name, value)

    def _parameters(self, inputs: dict[str, TypeProto]) -> Emitter:
        escaping = _escaping(self.source.proto.graph)
        emitter = Emitter([], (), escaping)
        for name, proto in inputs.items():
            spec = spec_of(proto)
            assert spec is not None
            if spec.shape is None:
                ty = relax.TensorType(None, spec.dtype)
            else:
                # A variable of its own for each unnamed dim; names are shared.
                dims = [dim if isinstance(dim, int) else emitter.symbol(dim or "") for dim in spec.shape]
                ty = relax.TensorType(dims, spec.dtype)
            var = relax.Var(emitter.unique(name), ty)
            emitter.params.append(var)
            self.values[name] = Value(name, expr=var)
        emitter.builder.end_scope()
        emitter.builder.begin_scope(emitter.params)
        return emitter

    def run(self) -> Model:
        """Import the graph."""
        graph = self.source.proto.graph
        name_nodes(self.nodes, self.node_names)
        for unit in schedule(self.nodes, self.types):
            if len(unit) == 1:
                self.node(unit[0])
            else:
                self.host(unit, "it passes values that are no tensors of numbers")
        results = [self._result(each) for each in graph.output]
        emitter = self.emitter
        module = emitter.finish(results)
        called = {each.host for each in emitter.groups}
        return Model(
            name=self.source.name,
            module=module,
            origins={"main": emitter.origins},
            groups={"main": tuple(emitter.groups)},
            host_nodes={symbol: data for symbol, data in self.host_nodes.items() if symbol in called},
            notes=tuple(self.notes),
        )

    def _result(self, output: onnx.ValueInfoProto) -> Any:
        value = self.values.get(output.name)
        if value is None:
            raise ModelError(
                f"{self.source.name}: no node makes output {output.name!r}. Export the model again."
            )
        if value.opaque is not None or not is_tensor(output.type):
            kind = type_name(value.opaque or output.type)
            raise ModelError(
                f"{self.source.name}: output {output.name!r} is a {kind}; byoc returns tensors of numbers. "
                "Let the model return the tensors that it holds."
            )
        expr = self.tensor(value, output.name)
        plain = isinstance(expr, ir.Var) and not isinstance(expr, relax.DataflowVar)
        return expr if plain else self.emitter.alias(output.name, expr)

    # -- one node

    def node(self, node: onnx.NodeProto) -> None:
        """Import one node."""
        inputs = [self._read(name) for name in node.input]
        if node.domain not in ("", "ai.onnx"):
            self.host([node], f"operators of {node.domain} are not ONNX's own")
        elif host.subgraphs(node):
            self._control_flow(node, inputs)
        elif not self._without_ops(node, inputs):
            self._ops(node, inputs)

    def _read(self, name: str) -> Value | None:
        if not name:
            return None
        value = self.values.get(name)
        if value is None:
            raise ModelError(
                f"{self.source.name}: a node reads {name!r} before anything makes it: the graph is not sorted, or "
                "incomplete. Export the model again."
            )
        return value

    def _control_flow(self, node: onnx.NodeProto, inputs: Sequence[Value | None]) -> None:
        condition = inputs[0] if node.op_type == "If" else None
        if condition is None or condition.array is None or condition.array.dtype != bool:
            self.host([node], "control flow runs on the host")
            return
        wanted = "then_branch" if bool(condition.array.reshape(-1)[0]) else "else_branch"
        (branch,) = [each.g for each in node.attribute if each.name == wanted]
        self.notes.append(f"{node.name}: the condition is constant; {wanted} was taken")
        self._inline(node, branch)

    def _inline(self, node: onnx.NodeProto, branch: onnx.GraphProto) -> None:
        from byoc.frontends.onnx.weights import read_tensor

        for tensor in branch.initializer:
            self.values[tensor.name] = read_tensor(tensor, self.source)
        nodes, used = live_nodes(branch)
        self.used |= used
        name_nodes(nodes, self.node_names)
        for each in nodes:
            self.node(each)
        for name, result in zip(node.output, branch.output, strict=True):
            value = self._read(result.name)
            assert value is not None
            self.values[name] = _renamed(value, name, node.name)

    def _without_ops(self, node: onnx.NodeProto, inputs: Sequence[Value | None]) -> bool:
        """Take a node that needs no Relax op: a constant, a constant result, shape arithmetic, an identity."""
        op = node.op_type
        carried = self._carried(inputs)
        if op == "Constant":
            array = constant_node(node)
            if array is None:
                return False
            self._set_array(node.output[0], array, carried)
            return True
        if op == "Identity" or (op == "Dropout" and self._inference_dropout(node, inputs)):
            assert inputs[0] is not None
            self.values[node.output[0]] = _renamed(inputs[0], node.output[0], node.name)
            return True
        arrays = fold(node, inputs, self.source.opsets)
        if arrays is not None:
            for name, array in zip([each for each in node.output if each], arrays, strict=True):
                self._set_array(name, array, (*carried, node.name))
            return True
        plain = attributes(node, self.source.opset)
        known = shape_arithmetic(node.output[0], op, plain, inputs)
        if known is None:
            return False
        if known.dims is not None:
            dims = tuple(self.emitter.simplify(dim) for dim in known.dims)
            known = shape_value(known.name, dims, known.scalar, known.dtype)
        known.carried = (*carried, node.name)
        self.values[node.output[0]] = known
        return True

    def _outputs(self, node: onnx.NodeProto) -> list[str]:
        """The names of the outputs, "" for one that nobody reads; none beyond the last that is read."""
        names = [name if name in self.used else "" for name in node.output]
        while names and not names[-1]:
            names.pop()
        return names

    def _set_array(self, name: str, array: Any, carried: tuple[str, ...]) -> None:
        from byoc.frontends.onnx.weights import constant_value

        self.values[name] = constant_value(name, array, carried)

    def _inference_dropout(self, node: onnx.NodeProto, inputs: Sequence[Value | None]) -> bool:
        if any(self._outputs(node)[1:]):
            return False
        training = inputs[2] if len(inputs) > 2 else None
        if training is None:
            return True
        return training.array is not None and not training.array.any()

    @staticmethod
    def _carried(inputs: Sequence[Value | None]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for each in inputs if each is not None for name in each.carried))

    def tensor(self, value: Value, consumer: str = "") -> Any:
        """Return the value as a Relax expression, making it when it is shape arithmetic or made afresh."""
        if value.fresh is not None:
            return value.fresh()
        if value.array is not None:
            return value.constant()
        if value.expr is None:
            assert value.dims is not None
            shape = relax.ShapeExpr(value.dims)
            expr = self.emitter.bind(value.name, relax.op.shape_to_tensor(shape), value.carried)
            if value.dtype != "int64":
                expr = self.emitter.bind(value.name, relax.op.astype(expr, value.dtype), value.carried)
            if value.scalar:
                expr = self.emitter.bind(value.name, relax.op.squeeze(expr, [0]), value.carried)
            value.expr = expr
        return value.expr

    def _specs(self, node: onnx.NodeProto, inputs: Sequence[Value | None]) -> list[TensorSpec | None]:
        """What inference says of each output, from what is known now, else from the whole model."""
        inferred = node_outputs(node, inputs, self.source.opsets)
        specs = []
        for name in self._outputs(node):
            spec = spec_of(inferred.get(name))
            specs.append(spec if spec is not None else spec_of(self.types.get(name)))
        return specs

    def _ops(self, node: onnx.NodeProto, inputs: Sequence[Value | None]) -> None:
        if node.op_type == "DequantizeLinear" and inputs[0] is not None:
            self.values[node.output[0]] = self._shared(node, inputs)
            return
        self._convert(node, inputs)

    def _shared(self, node: onnx.NodeProto, inputs: Sequence[Value | None]) -> Value:
        """A value that every consumer gets its own copy of."""
        name = node.output[0]
        first = self._convert(node, inputs)
        made = [first]

        def fresh() -> Any:
            return made.pop() if made else self._convert(node, inputs)

        value = self.values[name]
        return Value(name, expr=value.expr, fresh=fresh, carried=value.carried)

    def _convert(self, node: onnx.NodeProto, inputs: Sequence[Value | None]) -> Any:
        """Convert to Relax calls, or make a host call; return the first output."""
        start = len(self.emitter.bindings)
        if any(each is not None and each.opaque is not None for each in inputs):
            self.host([node], "it reads a value that is no tensor of numbers")
            return self._first(node)
        specs = self._specs(node, inputs)
        try:
            results, adopted = self._attempt(node, inputs, specs)
        except Decline as reason:
            self.host([node], str(reason), specs=specs, start=start)
            return self._first(node)
        self._record(node, inputs, results, adopted)
        return self._first(node)

    def _first(self, node: onnx.NodeProto) -> Any:
        return next(self.values[name].expr for name in self._outputs(node) if name)

    def _attempt(
        self, node: onnx.NodeProto, inputs: Sequence[Value | None], specs: list[TensorSpec | None]
    ) -> tuple[list[Any], list[str]]:
        emitter = self.emitter
        outputs = self._outputs(node)
        wanted = len(outputs)
        origins = (node.name, *(name for name in self._carried(inputs) if name != node.name))

        # One expression for each input, however often a converter asks.
        read = functools.cache(self.tensor)

        def run(builder: Any) -> Any:
            context = Context(
                node,
                _since(node, self.source.opset),
                attributes(node, self.source.opset),
                inputs,
                read,
                specs,
                emitter,
                builder,
                self.source.opset,
                wanted,
            )
            return convert(context)

        steps, results = emitter.scratch(run)
        if len(results) < wanted:
            raise Decline(f"TVM's importer gives {len(results)} of its {wanted} outputs")
        results = results[:wanted]
        for index, name in enumerate(outputs):
            if name:
                _hold(results[index], specs[index])
        names = [name or f"{node.name}_{index}" for index, name in enumerate(outputs)]
        used = [index for index, name in enumerate(outputs) if name]
        adopted_results, adopted = emitter.adopt(
            *self._bound(steps, results, used), [names[index] for index in used], origins
        )
        finished: list[Any] = [None] * wanted
        for index, expr in zip(used, adopted_results, strict=True):
            finished[index] = self._plain(expr, names[index], origins, adopted)
        return finished, adopted

    def _bound(self, steps: list[Any], results: list[Any], used: list[int]) -> tuple[list[Any], list[Any]]:
        """Bind results that are still bare calls, so that each output has a variable."""
        steps, bound = list(steps), []
        for index in used:
            expr = results[index]
            if not isinstance(expr, ir.Var | ir.GenericConst):
                var = relax.DataflowVar("out", expr.ty)
                steps.append(relax.VarBinding(var, expr))
                expr = var
            bound.append(expr)
        return steps, bound

    def _plain(self, expr: Any, name: str, origins: tuple[str, ...], adopted: list[str]) -> Any:
        """Give a result whose dims are expressions plain variables as dims; equal expressions, equal variables."""
        if isinstance(expr, ir.GenericConst):
            return expr
        dims = [self.emitter.dim_for(dim) for dim in expr.ty.shape.values]
        if all(plain_dim(dim) is not None for dim in expr.ty.shape.values):
            return expr
        cast = self.emitter.match_cast(name, expr, relax.TensorType(dims, dtype_of(expr.ty)), origins)
        adopted.append(cast.name)
        return cast

    def _record(
        self,
        node: onnx.NodeProto,
        inputs: Sequence[Value | None],
        results: Sequence[Any],
        adopted: list[str],
    ) -> None:
        carried = self._carried(inputs)
        for name, expr in zip(self._outputs(node), results, strict=True):
            if not name:
                continue
            if isinstance(expr, ir.GenericConst):
                from byoc.frontends.onnx.values import constant_array

                self._set_array(name, constant_array(expr), (*carried, node.name))
            else:
                own = () if adopted else (*carried, node.name)
                self.values[name] = Value(name, expr=expr, carried=own)
        if self._is_group(node, adopted):
            self._group(f"onnx.{node.op_type}", node, inputs, results, adopted)

    def _is_group(self, node: onnx.NodeProto, adopted: list[str]) -> bool:
        calls = [
            each.value.op.name
            for each in self.emitter.bindings[len(self.emitter.bindings) - len(adopted) :]
            if isinstance(each.value, ir.Call) and isinstance(each.value.op, ir.Op)
        ]
        return bool(adopted) and (
            len(calls) > 1 or "relax.call_tir" in calls or node.op_type in ALWAYS_GROUPS
        )

    def _group(
        self,
        op: str,
        node: onnx.NodeProto,
        inputs: Sequence[Value | None],
        results: Sequence[Any],
        bindings: Sequence[str],
        symbol: str = "",
        reason: str = "",
    ) -> None:
        outputs = tuple(
            expr.name if expr is not None and isinstance(expr, ir.Var) and not tirx_var(expr) else ""
            for expr in results
        )
        self.emitter.groups.append(
            SourceGroup(
                op=op,
                node=node.name,
                bindings=tuple(bindings),
                inputs=_named_inputs(node, inputs, self.source.opsets),
                outputs=outputs,
                attrs=attributes(node, self.source.opsets.get(node.domain, 1)),
                host=symbol,
                reason=reason,
            )
        )

    # -- host calls

    def host(
        self,
        nodes: Sequence[onnx.NodeProto],
        reason: str,
        specs: list[TensorSpec | None] | None = None,
        start: int | None = None,
    ) -> None:
        """Make one host call of `nodes`."""
        names = host.reads(nodes)
        inputs = {name: self._read(name) for name in names}
        present = {name: value for name, value in inputs.items() if value is not None}
        bad = [name for name, value in present.items() if value.opaque is not None and value.array is None]
        if bad:
            raise ModelError(
                f"{self.source.name}: {nodes[0].name!r} ({nodes[0].op_type}) reads {bad[0]!r}, which is no tensor "
                "of numbers."
            )
        outputs = self._host_outputs(nodes, present, specs)
        passed = {name: value for name, value in present.items() if not host.is_embedded(value)}
        args = {name: self.tensor(value) for name, value in passed.items()}
        symbol = f"byoc.host.{len(self.host_nodes)}"
        origins = tuple(
            dict.fromkeys([*(node.name for node in nodes), *self._carried(list(present.values()))])
        )
        self._host_call(symbol, nodes, list(args.values()), outputs, origins, present, reason)
        self.host_nodes[symbol] = host.host_model(
            nodes, present, {name: self._host_type(name, spec) for name, spec in outputs.items()}, self.source.proto
        )

    def _host_type(self, name: str, spec: TensorSpec) -> TypeProto:
        return onnx.helper.make_tensor_type_proto(
            type_proto(relax.TensorType(None, spec.dtype)).tensor_type.elem_type, spec.shape
        )

    def _host_outputs(
        self,
        nodes: Sequence[onnx.NodeProto],
        inputs: dict[str, Value],
        specs: list[TensorSpec | None] | None,
    ) -> dict[str, TensorSpec]:
        """The outputs that somebody else reads, with the best that is known of their types."""
        if len(nodes) == 1 and specs is None:
            specs = self._specs(nodes[0], [self.values.get(name) if name else None for name in nodes[0].input])
        known = dict(zip(self._outputs(nodes[0]), specs, strict=True)) if len(nodes) == 1 and specs else {}
        outer = self._read_outside(nodes)
        outputs: dict[str, TensorSpec] = {}
        for node in nodes:
            for name in self._outputs(node):
                if not name or name not in outer:
                    continue
                proto = self.types.get(name, TypeProto())
                if not is_tensor(proto):
                    raise ModelError(
                        f"{self.source.name}: {name!r} is a {type_name(proto)} and the model returns it; byoc "
                        "returns tensors of numbers."
                    )
                spec = known.get(name) or spec_of(proto)
                if spec is None:
                    spec = spec_of(self._infer_together(nodes, inputs).get(name))
                outputs[name] = spec or self._guess(node, inputs, name)
        return outputs

    def _infer_together(
        self, nodes: Sequence[onnx.NodeProto], inputs: dict[str, Value]
    ) -> dict[str, TypeProto]:
        """Infer the types of a host model's own outputs: branches and bodies need their outer values."""
        wanted = {name: TypeProto() for node in nodes for name in self._outputs(node) if name}
        return model_outputs(host.host_model(nodes, inputs, wanted, self.source.proto))

    def _read_outside(self, nodes: Sequence[onnx.NodeProto]) -> set[str]:
        """The values that the graph's result or other nodes read; of a single node, all that are used."""
        if len(nodes) == 1:
            return self.used
        members = {id(node) for node in nodes}
        names = {each.name for each in self.source.proto.graph.output}
        for node in self.nodes:
            if id(node) not in members:
                names.update(host.reads([node]))
        return names

    def _guess(self, node: onnx.NodeProto, inputs: dict[str, Value], name: str) -> TensorSpec:
        specs = [spec_of(each.type) for each in inputs.values()]
        dtype = next((each.dtype for each in specs if each is not None), "float32")
        self.notes.append(
            f"{node.name}: nothing states the type of {name!r}; {dtype} is assumed, as its first input has, "
            "and checked when the model runs"
        )
        return TensorSpec(dtype, None)

    def _host_call(
        self,
        symbol: str,
        nodes: Sequence[onnx.NodeProto],
        args: list[Any],
        outputs: dict[str, TensorSpec],
        origins: tuple[str, ...],
        inputs: dict[str, Value],
        reason: str,
    ) -> None:
        emitter = self.emitter
        types = [self._static_type(spec) for spec in outputs.values()]
        ty = types[0] if len(types) == 1 else relax.TupleType(types)
        call = relax.call_pure_packed(symbol, *args, ty_args=[ty])
        names = list(outputs)
        base = names[0] if len(names) == 1 else nodes[-1].name
        escapes_later = any(not self._is_static(spec) for spec in outputs.values())
        start = len(emitter.bindings)
        final = len(names) == 1 and not escapes_later
        var = emitter.bind(base if final else f"{base}_host", call, origins)
        results = []
        for index, (name, spec) in enumerate(outputs.items()):
            expr = var
            if len(names) > 1:
                static = self._is_static(spec)
                expr = emitter.bind(name if static else f"{name}_host", relax.TupleGetItem(var, index), origins)
            if not self._is_static(spec):
                expr = emitter.match_cast(name, expr, self._dynamic_type(spec), origins)
            results.append(expr)
            self.values[name] = Value(name, expr=expr)
        bindings = [each.var.name for each in emitter.bindings[start:]]
        first, *rest = dict.fromkeys(_qualified(node) for node in nodes)
        op = "+".join([first, *(each.removeprefix("onnx.") for each in rest)])
        node = nodes[0]
        listed = [inputs.get(name) for name in node.input] if len(nodes) == 1 else list(inputs.values())
        self._group(op, node, listed, results, bindings, symbol, reason)

    def _is_static(self, spec: TensorSpec) -> bool:
        return spec.shape is not None and all(isinstance(dim, int) for dim in spec.shape)

    def _static_type(self, spec: TensorSpec) -> Any:
        if self._is_static(spec):
            return relax.TensorType(list(spec.shape or ()), spec.dtype)
        return relax.TensorType(None, spec.dtype, ndim=-1 if spec.shape is None else len(spec.shape))

    def _dynamic_type(self, spec: TensorSpec) -> Any:
        if spec.shape is None:
            return relax.TensorType(None, spec.dtype)
        # A name that inference made up is no symbol of the function.
        known = self.emitter.symbols
        dims = [
            dim if isinstance(dim, int) else self.emitter.symbol(dim if dim in known else "")
            for dim in spec.shape
        ]
        return relax.TensorType(dims, spec.dtype)


def tirx_var(expr: Any) -> bool:
    """Whether `expr` is a symbolic dimension rather than a Relax variable."""
    return isinstance(expr, tirx.Var) and ir.is_prim_expr(expr)


def live_nodes(graph: onnx.GraphProto) -> tuple[list[onnx.NodeProto], set[str]]:
    """Return copies of the nodes that the graph's outputs need, and the names of all values that are read."""
    used = {each.name for each in graph.output}
    live = []
    for node in reversed(graph.node):
        if any(name in used for name in node.output):
            used.update(host.reads([node]))
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            live.append(copy)
    return live[::-1], used


def _qualified(node: onnx.NodeProto) -> str:
    return f"{node.domain or 'onnx'}.{node.op_type}".replace("ai.onnx.", "onnx.", 1)


def _renamed(value: Value, name: str, node: str) -> Value:
    return Value(
        name,
        array=value.array,
        dims=value.dims,
        scalar=value.scalar,
        dtype=value.dtype,
        expr=value.expr,
        fresh=value.fresh,
        opaque=value.opaque,
        carried=(*value.carried, node),
    )


def _since(node: onnx.NodeProto, opset: int) -> int:
    try:
        return int(onnx.defs.get_schema(node.op_type, opset, node.domain).since_version)
    except onnx.defs.SchemaError:
        return 0


def _hold(expr: Any, spec: TensorSpec | None) -> None:
    """Accept a result only when its type is known and is what ONNX's inference says."""
    ty = expr.ty
    if not isinstance(ty, relax.TensorType) or ty.shape is None:
        raise Decline("TVM's importer does not know the shape of its result")
    if spec is None:
        raise Decline("ONNX's inference does not know the type of its result")
    if dtype_of(ty) != spec.dtype:
        raise Decline(f"TVM's importer makes it {dtype_of(ty)} where ONNX says {spec.dtype}")
    if spec.shape is None:
        return
    dims = [plain_dim(dim) for dim in ty.shape.values]
    agree = len(dims) == len(spec.shape) and all(
        not (isinstance(ours, int) and isinstance(theirs, int)) or ours == theirs
        for ours, theirs in zip(dims, spec.shape, strict=True)
    )
    if not agree:
        raise Decline("TVM's importer gives it another shape than ONNX's inference")


def _escaping(graph: onnx.GraphProto) -> frozenset[str]:
    """The values that become results of the function, through identities."""
    names = {each.name for each in graph.output}
    for node in reversed(graph.node):
        if node.op_type in ("Identity", "Dropout") and node.output and node.output[0] in names and node.input:
            names.add(node.input[0])
    return frozenset(names)


def _named_inputs(
    node: onnx.NodeProto, inputs: Sequence[Value | None], opsets: dict[str, int]
) -> dict[str, Any]:
    """What a node reads, by the schema's input names; `input0`, `input1` where there is no schema."""
    read = [_reference(value) for value in inputs]
    try:
        formal = onnx.defs.get_schema(node.op_type, opsets.get(node.domain, 1), node.domain).inputs
    except onnx.defs.SchemaError:
        return {f"input{index}": each for index, each in enumerate(read)}
    named: dict[str, Any] = {}
    for index, parameter in enumerate(formal):
        if parameter.option == onnx.defs.OpSchema.FormalParameterOption.Variadic:
            named[parameter.name] = tuple(read[index:])
        else:
            named[parameter.name] = read[index] if index < len(read) else None
    return named


def _reference(value: Value | None) -> Any:
    if value is None:
        return None
    if value.array is not None:
        return value.array
    return value.expr.name if value.expr is not None else None
