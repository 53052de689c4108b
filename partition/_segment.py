"""One region as one Relax function, with its composites as local functions (PartitionGraph's body).

The form is that of TVM's MergeCompositeFunctions: attributes `Codegen` and `global_symbol` on the function,
`Composite` on local functions that are bound and called inside it. Constants travel inside. Parameters and
results are new variables; what is bound and read inside alone moves as it is, because making it again is most of
the work. Every symbolic dimension is new: a dimension belongs to one function of a module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import tvm_ffi
from tvm import ir, relax

from byoc.partition import _relax
from byoc.partition.graph import Graph, Kind
from byoc.partition.plan import Candidate

# An enum's member costs ten times a global's name to look up, and every operand asks.
_CALL, _TUPLE, _CONSTANT, _LITERAL = Kind.CALL, Kind.TUPLE, Kind.CONSTANT, Kind.LITERAL


@dataclass(frozen=True, slots=True)
class Body:
    """A function made of some nodes: `inputs` are the nodes behind its parameters, `dims` what it is told beside.

    `casts` says that it may define dimensions of its own.
    """

    function: Any
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    dims: tuple[Any, ...]
    casts: bool

    def arguments(self, values: Sequence[Any]) -> list[Any]:
        """The arguments of a call: `values` for the inputs, and dimensions that no input tells."""
        return [*values, relax.ShapeExpr(self.dims)] if self.dims else list(values)


@dataclass(frozen=True, slots=True)
class Item:
    """What a segment consists of, in order: a composite (`name`), or plain nodes."""

    name: str
    nodes: tuple[int, ...]
    outputs: tuple[int, ...]

    @classmethod
    def of(cls, candidate: Candidate) -> Item:
        """The candidate as it will stand in its segment."""
        return cls(candidate.name, candidate.nodes, candidate.outputs)


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a function is cut out: region `number` of those that `home` gives for each node, -1 for the host.

    `definers` maps the address of a symbolic dimension to the match_cast of this block that defines it, and
    is None where the whole function has no symbolic dimension. `aliased` says that calls of the block may read
    aliases, which stay behind.
    """

    graph: Graph
    home: Sequence[int]
    number: int
    definers: Mapping[int, int] | None
    aliased: bool


class Scope:
    """Bindings of one function under construction; `nodes` are all those that end up in it."""

    def __init__(self, setting: Setting, nodes: Iterable[int], outputs: Sequence[int]) -> None:
        self.graph, self.definers = setting.graph, setting.definers
        self.home, self.number, self.aliased = setting.home, setting.number, setting.aliased
        self.nodes = frozenset(nodes) if setting.definers is not None else frozenset()
        self.mentioned: dict[int, Any] = {}
        self.outputs = tuple(outputs)
        self.visible = frozenset(outputs)
        self.values: dict[int, Any] = {}
        self.params: list[Any] = []
        self.inputs: list[int] = []
        self.bindings: list[Any] = []

    def value(self, node: int) -> Any:
        """The expression that stands for `node` here; what is not made here becomes a parameter."""
        known = self.values.get(node)
        if known is not None:
            return known
        graph = self.graph
        kind = graph.kinds[node]
        if kind is _CONSTANT or kind is _LITERAL:
            return graph.exprs[node]
        if kind is Kind.TUPLE and (graph.vars[node] is None or self._makes(node)):
            return ir.Tuple([self.value(each) for each in graph.operands[node]])
        if kind is Kind.ITEM and graph.vars[node] is None:
            return ir.TupleGetItem(self.value(graph.operands[node][0]), graph.items[node])
        param = _relax.variable(graph.names[node], graph.vars[node].ty, dataflow=False)
        self.values[node] = param
        self.params.append(param)
        self.inputs.append(node)
        return param

    def _makes(self, node: int) -> bool:
        """Whether a named tuple is made here: the host's and the region's own are, another region's is not."""
        return self.home[node] in (-1, self.number)

    def define(self, node: int) -> Any:
        """The variable for `node`: its own where nothing outside reads it, else a new one."""
        own, inside = self.graph.vars[node], node not in self.visible
        if inside and type(own) is relax.DataflowVar:
            var = own
        else:
            var = _relax.variable(self.graph.names[node], own.ty, dataflow=inside)
        self.values[node] = var
        return var

    def emit(self, node: int) -> None:
        """Bind a node as it was bound in the block it comes from; inline nodes come with their users."""
        graph = self.graph
        kind = graph.kinds[node]
        if graph.vars[node] is None or kind is _LITERAL:
            return
        if kind is _TUPLE and node not in self.visible:
            return
        operands, moved = self._operands(node)
        var = self.define(node)
        if kind is _CALL:
            self.bindings.append(self._call(node, operands, moved, var))
        elif kind is Kind.CAST:
            self.mention(relax.analysis.tir_vars_in_type(var.ty))
            self.bindings.append(_relax.match_cast(var, operands[0], var.ty))
        elif kind is _TUPLE:
            self.bindings.append(_relax.bind(var, ir.Tuple(operands)))
        else:
            item = ir.TupleGetItem(operands[0], graph.items[node])
            self.bindings.append(_relax.bind(var, item))

    def _operands(self, node: int) -> tuple[list[Any], bool]:
        """What `node` reads here, and whether any of it is another expression than in its block."""
        known, exprs, variables = self.values, self.graph.exprs, self.graph.vars
        operands, moved = [], False
        for each in self.graph.operands[node]:
            now = known.get(each)
            if now is None:
                now = self.value(each)
            operands.append(now)
            own = variables[each]
            moved = moved or now is not (exprs[each] if own is None else own)
        return operands, moved

    def _call(self, node: int, operands: list[Any], moved: bool, var: Any) -> Any:
        """The binding of a call: the same one, or the same call, where what it reads and binds stays as it is."""
        graph = self.graph
        original = graph.exprs[node]
        if not moved and not self.aliased:
            return graph.bindings[node] if var is graph.vars[node] else _relax.bind(var, original)
        if graph.ops[node] == "call":
            # The last operand may be the callee, a local function.
            operands = operands[: len(original.args)]
        return _relax.bind(var, _relax.call_again(original, operands))

    def call(self, name: str, body: Body) -> None:
        """Bind a composite as a local function, call it, and bind its outputs."""
        name = _identifier(name)
        local = _relax.variable(name, body.function.ty, dataflow=True)
        arguments = body.arguments([self.value(each) for each in body.inputs])
        self.bindings.append(_relax.bind(local, body.function))
        self.mention(body.dims)
        spread(self.graph, body, name, local, arguments, self.define, self.bindings, dataflow=True)

    def mention(self, dims: Iterable[Any]) -> None:
        """Note dimensions that have to be known here, or else a match_cast would define what it should check."""
        for dim in dims:
            self.mentioned.setdefault(hash(dim), dim)

    def finish(self, attrs: Any) -> Body:
        """Close the function."""
        result = [self.values[node] for node in self.outputs]
        body = result[0] if len(result) == 1 else ir.Tuple(result)
        inputs, outputs = tuple(self.inputs), self.outputs
        if self.definers is None:
            made = _relax.function(self.params, self.bindings, body, body.ty, attrs)
            return Body(made, inputs, outputs, (), False)
        ret_ty = _erased(body.ty, self.params)
        made = _relax.function(self.params, self.bindings, body, ret_ty, attrs)
        dims = self._untold(made)
        if dims:
            shape = _relax.variable("shape", relax.ShapeType(dims), dataflow=False)
            params = [*self.params, shape]
            ret_ty = _erased(body.ty, params)
            made = _relax.function(params, self.bindings, body, ret_ty, attrs)
        casts = any(isinstance(each, relax.MatchCast) for each in self.bindings)
        return Body(_relax.renewed(made), inputs, outputs, tuple(dims), casts)

    def _untold(self, made: Any) -> list[Any]:
        """The dimensions that the function has to be told: no parameter and no match_cast inside defines them."""
        assert self.definers is not None
        told = _definable(param.ty for param in self.params)
        found = {hash(dim): dim for dim in relax.analysis.free_symbolic_vars(made)}
        for key, dim in self.mentioned.items():
            if self.definers.get(key, -1) not in self.nodes:
                found.setdefault(key, dim)
        return [dim for key, dim in found.items() if key not in told]


def spread(
    graph: Graph,
    body: Body,
    name: str,
    callee: Any,
    arguments: Sequence[Any],
    define: Any,
    bindings: list[Any],
    *,
    dataflow: bool,
) -> None:
    """Append the call of `body` and bind its outputs, each to the variable that `define` gives for it.

    A dimension that is found out inside the function (by a match_cast) is found out once more by the caller,
    because the function's result type cannot speak of it.
    """
    if len(body.outputs) == 1 and not body.casts:
        var = define(body.outputs[0])
        bindings.append(_relax.bind(var, _relax.call(callee, arguments, var.ty)))
        return
    types = [graph.vars[node].ty for node in body.outputs]
    ty = types[0] if len(types) == 1 else relax.TupleType(types)
    told = _told(graph, body, ty)
    known = [told] if len(types) == 1 else list(told.fields)
    result = _relax.call(callee, arguments, told)
    values = [result]
    if len(types) > 1:
        whole = _relax.variable(f"{name}_result", told, dataflow=dataflow)
        bindings.append(_relax.bind(whole, result))
        values = [ir.TupleGetItem(whole, index) for index in range(len(types))]
    for node, value, kept, part in zip(body.outputs, values, types, known, strict=True):
        if told is ty or tvm_ffi.structural_equal(kept, part):
            bindings.append(_relax.bind(define(node), value))
        else:
            loose = _relax.variable(f"{graph.names[node]}_loose", part, dataflow=dataflow)
            bindings.append(_relax.bind(loose, value))
            var = define(node)
            bindings.append(_relax.match_cast(var, loose, var.ty))


def segment(setting: Setting, items: Sequence[Item], outputs: Sequence[int], attrs: Any) -> Body:
    """The function of one region."""
    scope = Scope(setting, (node for item in items for node in item.nodes), outputs)
    for item in items:
        if not item.name:
            for node in item.nodes:
                scope.emit(node)
            continue
        inner = Scope(setting, item.nodes, item.outputs)
        for node in item.nodes:
            inner.emit(node)
        scope.call(item.name, inner.finish(_relax.attrs(Composite=item.name)))
    return scope.finish(attrs)


def lift_composites(name: str, function: Any, functions: dict[Any, Any]) -> Any:
    """`function` calling functions of the module where it calls local ones, which go into `functions`."""
    blocks = []
    for block in function.body.blocks:
        lifted: dict[int, Any] = {}
        bindings = []
        for binding in block.bindings:
            value = binding.value
            if isinstance(value, relax.Function):
                outside = _relax.global_variable(f"{name}_{len(functions)}", value.ty)
                lifted[hash(binding.var)] = outside
                functions[outside] = value
            elif isinstance(value, ir.Call) and hash(value.op) in lifted:
                again = _relax.call(lifted[hash(value.op)], value.args, value.ty)
                bindings.append(_relax.bind(binding.var, again))
            else:
                bindings.append(binding)
        blocks.append(type(block)(bindings))
    body = _relax.sequence(blocks, function.body.body)
    return relax.Function(
        function.params, body, function.ret_ty, function.is_pure, function.attrs, function.span
    )


def _told(graph: Graph, body: Body, ty: Any) -> Any:
    """The type that the caller can know; `ty` itself unless a dimension is defined inside."""
    if not body.casts:
        return ty
    known = [graph.vars[node].ty for node in body.inputs]
    if body.dims:
        known.append(relax.ShapeType(list(body.dims)))
    return _erase(ty, known)


def _erased(ty: Any, params: Sequence[Any]) -> Any:
    return _erase(ty, [param.ty for param in params])


def _erase(ty: Any, known: Sequence[Any]) -> Any:
    """`ty` without the dimensions that the types of the arguments do not define."""
    defined = _definable(known).values()
    return relax.analysis.erase_to_well_defined(ty, {dim: dim for dim in defined}, {})


def _definable(types: Iterable[Any]) -> dict[int, Any]:
    """The dimensions that arguments of these types tell, by address."""
    whole = relax.TupleType(list(types))
    return {hash(dim): dim for dim in relax.analysis.definable_tir_vars_in_type(whole)}


@cache
def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name)
