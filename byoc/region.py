"""Region: what a vendor sees of a part of the model, be it a candidate or a merged segment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tvm import ir, relax

from byoc.frontends.model import SourceGroup
from byoc.partition._plain import array
from byoc.partition.constants import put_back, restored, stored, take_out
from byoc.partition.facts import group_facts, op_facts, tensor
from byoc.partition.graph import Graph, Group, Kind, attach_groups, read_function
from byoc.partition.plan import Candidate
from byoc.support.facts import Attribute, Facts, Input, Tensor

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from onnx import ModelProto


@dataclass(frozen=True, slots=True)
class RegionOp:
    """One op of a region: Relax's name (`nn.conv2d`) or an ONNX group's (`onnx.LSTM`), and what it works on.

    `nodes` are the source nodes it came from. `inputs` and `attrs` are as in `byoc.support.facts.Facts`.
    """

    name: str
    nodes: tuple[str, ...]
    inputs: Mapping[str, Input]
    outputs: tuple[Tensor, ...]
    attrs: Mapping[str, Attribute]


@dataclass(frozen=True)
class Region:
    """A part of the model as one vendor would be given it. Picklable: it travels to worker processes.

    `name` is the composite's name, "" for a single op or a merged segment. `function` is a Relax function: its
    parameters are the captured tensors, in order of first use, its result the outputs (a tuple when several).
    `origins` maps a binding's name to source nodes. `named` are the pattern's names: the binding that each names,
    or the binding that reads it and the operand's place (a path, where tuples nest). `host_nodes` has the ONNX
    model behind each host call inside, by its symbol.
    """

    vendor: str
    name: str
    function: relax.Function
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[SourceGroup, ...] = ()
    named: tuple[tuple[str, str, tuple[int, ...]], ...] = ()
    host_nodes: Mapping[str, bytes] = field(default_factory=dict)

    def to_onnx(self, opset: int | None = None) -> ModelProto:
        """The region as an ONNX model of the default domain's `opset` (byoc's choice when None).

        Inputs and outputs are those of `function`, in order, under its names; QDQ stays QDQ, symbolic dimensions
        stay symbolic. Raises ExportError, naming the op and its source node, for what ONNX has no word for.
        """
        from byoc.codegen.export import export

        return export(self, opset)

    def save_onnx(
        self, folder: Path | str, opset: int | None = None, *, weights: bool = True
    ) -> Path:
        """Write the region as ONNX into `folder`, which exists: `model.onnx`, whose path is returned.

        Constants of 1 MiB and more are its external data, in the file `weights`: faster than `to_onnx`, and they
        may be beyond 2 GiB together. Without `weights`, the data of those of floating-point numbers, scales
        excepted, is not written and reads as zeros: for questions that shapes and dtypes answer. Raises as
        `to_onnx` does, and OSError.
        """
        from byoc.codegen.export import save

        return save(self, Path(folder), opset, weights=weights)

    @cached_property
    def graph(self) -> Graph:
        """The dataflow view of `function`."""
        (graph,) = read_function("region", self.function)
        graph.origins, graph.host_nodes = self.origins, self.host_nodes
        attach_groups(graph, {"region": self.groups})
        return graph

    @cached_property
    def ops(self) -> tuple[RegionOp, ...]:
        """The ops in an order in which they can run; an ONNX group is one op."""
        graph = self.graph
        groups = {node: group for group in graph.groups for node in group.nodes}
        ops = []
        for node in graph.counted():
            group = groups.get(node)
            if group is None:
                ops.append(_op(graph, op_facts(graph, node), (node,)))
            elif node == next(each for each in graph.counted() if each in group.nodes):
                ops.append(_op(graph, group_facts(graph, group), group.nodes))
        return tuple(ops)

    @cached_property
    def candidate(self) -> Candidate:
        """The whole region as a candidate of `graph`."""
        graph = self.graph
        ids = {name: node for node, name in enumerate(graph.names) if name}
        free = (Kind.INPUT, Kind.CONSTANT, Kind.LITERAL, Kind.ALIAS)
        nodes = tuple(node for node, kind in enumerate(graph.kinds) if kind not in free)
        last = max(graph.escapes)
        results = graph.operands[last] if graph.kinds[last] is Kind.ALIAS else (last,)
        if (
            len(results) == 1
            and graph.kinds[results[0]] is Kind.TUPLE
            and not graph.names[results[0]]
        ):
            results = graph.operands[results[0]]
        named = []
        for name, binding, path in self.named:
            node = ids[binding]
            for place in path:
                node = graph.operands[node][place]
            named.append((name, node))
        inputs = tuple(ids[param.name] for param in self.function.params if param.name in ids)
        return Candidate(
            self.vendor, self.name, nodes, inputs, tuple(sorted(results)), named=tuple(named)
        )

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256, in hexadecimal, of everything in the region that can change a vendor's result.

        That is ops, operand order, attributes, shapes, dtypes, symbolic dimensions, the bytes of constants, groups
        and the models of host calls, composites; no names of variables or source nodes, and no options.
        """
        from byoc.codegen.fingerprint import fingerprint

        return fingerprint(self)

    @cached_property
    def constants(self) -> tuple[npt.NDArray[np.generic], ...]:
        """The data of the constants, each once, in order of first use."""
        return tuple(array(each) for each in take_out(self.function)[1])

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The captured tensors, in the order of the function's parameters."""
        ids = {name: node for node, name in enumerate(self.graph.names) if name}
        return tuple(tensor(self.graph, ids[param.name]) for param in self.function.params)

    def __getstate__(self) -> dict[str, Any]:
        skeleton, constants = take_out(self.function)
        return {
            **self._described(),
            "function": ir.save_json(skeleton),
            "constants": [stored(each) for each in constants],
        }

    def _described(self) -> dict[str, Any]:
        """What a pickle holds beside the function."""
        return {
            "vendor": self.vendor,
            "name": self.name,
            "origins": dict(self.origins),
            "groups": self.groups,
            "named": self.named,
            "host_nodes": dict(self.host_nodes),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        constants = [restored(each) for each in state.pop("constants")]
        state["function"] = put_back(ir.load_json(state["function"]), constants)
        self.__dict__.update(state)


def region(graph: Graph, candidate: Candidate, further: Sequence[relax.Var] = ()) -> Region:
    """What `candidate` would be as a function of its own, with `further` parameters after its inputs."""
    builder = relax.BlockBuilder()
    exprs: dict[int, Any] = {}
    params = []
    for node in candidate.inputs:
        var = graph.vars[node]
        exprs[node] = relax.Var(var.name, var.ty)
        params.append(exprs[node])
    with builder.function("region", [*params, *further]):
        with builder.dataflow():
            for node in candidate.nodes:
                _emit(builder, graph, node, exprs)
            results = [exprs[node] for node in candidate.outputs]
            result = builder.emit_output(results[0] if len(results) == 1 else relax.Tuple(results))
        builder.emit_func_output(result)
    inside = set(candidate.nodes)
    groups = tuple(
        _source_group(graph, each) for each in graph.groups if inside.issuperset(each.nodes)
    )
    names = [graph.names[node] for node in candidate.nodes if graph.names[node]]
    origins = {name: graph.origins.get(name, (name,)) for name in names}
    function = builder.get()["region"]
    return Region(
        candidate.vendor,
        candidate.name,
        function,
        origins,
        groups,
        _named(graph, candidate),
        _host_nodes(graph, candidate.nodes),
    )


def _named(graph: Graph, candidate: Candidate) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    """The candidate's names by binding, and by place where a constant or literal has no binding."""
    places: dict[int, tuple[str, tuple[int, ...]]] = {}
    stack: list[tuple[int, str, tuple[int, ...]]]
    stack = [(node, graph.names[node], ()) for node in candidate.nodes if graph.names[node]]
    while stack:
        node, binding, path = stack.pop()
        for place, operand in enumerate(graph.operands[node]):
            if graph.names[operand]:
                places.setdefault(operand, (graph.names[operand], ()))
            else:
                places.setdefault(operand, (binding, (*path, place)))
                stack.append((operand, binding, (*path, place)))
    places |= {node: (graph.names[node], ()) for node in candidate.nodes if graph.names[node]}
    return tuple((name, *places[node]) for name, node in candidate.named if node in places)


def _emit(builder: Any, graph: Graph, node: int, exprs: dict[int, Any]) -> None:
    """Bind `node` again, under its own name, its operands replaced by those of the region."""
    expr, kind = graph.exprs[node], graph.kinds[node]
    operands = [_expr(graph, operand, exprs) for operand in graph.operands[node]]
    if kind is Kind.CAST:
        exprs[node] = relax.DataflowVar(graph.names[node], graph.vars[node].ty)
        builder.emit_normalized(relax.MatchCast(exprs[node], operands[0], exprs[node].ty))
        return
    if kind is Kind.CALL:
        value = relax.Call(expr.op, operands, expr.attrs, list(expr.ty_args))
    elif kind is Kind.TUPLE:
        value = relax.Tuple(operands)
    else:
        value = relax.TupleGetItem(operands[0], graph.items[node])
    exprs[node] = builder.emit(value, graph.names[node]) if graph.names[node] else value


def _expr(graph: Graph, node: int, exprs: dict[int, Any]) -> Any:
    if node not in exprs and graph.kinds[node] is Kind.TUPLE:
        return relax.Tuple([_expr(graph, each, exprs) for each in graph.operands[node]])
    return exprs.get(node, graph.exprs[node])


def _source_group(graph: Graph, group: Group) -> SourceGroup:
    def given(each: Any) -> Any:
        if isinstance(each, int):
            return graph.names[each]
        return tuple(map(given, each)) if isinstance(each, tuple) else each

    return SourceGroup(
        op=group.op,
        node=group.source,
        bindings=tuple(graph.names[node] for node in group.nodes),
        inputs={name: given(each) for name, each in group.inputs.items()},
        outputs=tuple(graph.names[node] if node >= 0 else "" for node in group.outputs),
        attrs=group.attrs,
        host=next(_symbols(graph, group.nodes), "") if group.host else "",
        opset=group.opset,
    )


def _host_nodes(graph: Graph, nodes: Sequence[int]) -> dict[str, bytes]:
    """The ONNX models behind the host calls among `nodes`."""
    known = graph.host_nodes
    return {symbol: known[symbol] for symbol in _symbols(graph, nodes) if symbol in known}


def _symbols(graph: Graph, nodes: Sequence[int]) -> Iterator[str]:
    """The names of the packed functions that `nodes` call."""
    for node in nodes:
        if graph.ops[node] == "call_pure_packed":
            callee = graph.exprs[node].args[0]
            if isinstance(callee, relax.ExternFunc):
                yield str(callee.global_symbol)


def _op(graph: Graph, facts: Facts, nodes: tuple[int, ...]) -> RegionOp:
    return RegionOp(facts.op, graph.sources(nodes), facts.inputs, facts.outputs, facts.attrs)
