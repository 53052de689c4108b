"""A light dataflow view of Relax: ints and tuples, read from TVM once.

A `Graph` is one binding block, the unit that the stages work on: a dataflow block, a run of bindings outside
dataflow blocks, or a block of an `If` branch. A value that another block binds is an INPUT here. Reading costs
about 20 us a binding, which is why no stage after this one walks TVM objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol

import tvm_ffi
from tvm import IRModule, ir, relax, tirx

NOT_COUNTED = frozenset(
    {"shape_of", "shape_to_tensor", "tensor_to_shape", "null_value", "to_vdevice", "hint_on_device"}
)
"""Calls that compute nothing; with tuples, items, literals and casts they are no op of a report."""

IMPURE = frozenset(
    {"print", "assert_op", "call_inplace_packed", "call_tir_inplace", "invoke_closure"}
)
"""Calls whose order among themselves is kept. A call of a packed or Relax function is impure as its type says."""


class Kind(IntEnum):
    """What a node is."""

    INPUT = 0  # a parameter, or a value that another block binds
    CONSTANT = 1
    LITERAL = 2  # a shape, integer, string or dtype operand, or a tuple of them
    TUPLE = 3
    ITEM = 4  # an item of a tuple
    CALL = 5
    ALIAS = 6  # `gv = lv`; users of an alias see what it stands for
    CAST = 7  # match_cast
    IF = 8
    OTHER = 9  # a local function, or anything else that is opaque here


# An enum's member costs ten times a global's name to look up, and every binding asks.
_CONSTANT, _CALL, _ALIAS = Kind.CONSTANT, Kind.CALL, Kind.ALIAS
_MATCH_CAST = relax.MatchCast

_SIZE = tvm_ffi.get_global_func("ffi.ArraySize")
_AT = tvm_ffi.get_global_func("ffi.ArrayGetItem")


@dataclass(frozen=True, slots=True)
class Group:
    """An ONNX node that became several bindings, a `call_tir` or a host call; rows may name it as `op`.

    `nodes` are the ids of its bindings in ascending order. `inputs` maps the ONNX schema's input names to what
    the node reads: a node id, a constant's data (numpy), a tuple of those when variadic, None when absent.
    `outputs` are the ids that hold its outputs, in ONNX's order (-1 for an output that nobody reads). `opset` is
    the version of the operator's schema, 0 when that is not known.
    """

    op: str
    source: str
    nodes: tuple[int, ...]
    inputs: Mapping[str, Any]
    outputs: tuple[int, ...]
    attrs: Mapping[str, Any]
    host: bool = False
    opset: int = 0


@dataclass(slots=True)
class Graph:
    """One binding block. Node ids ascend in binding order, so every operand has a smaller id than its user.

    All lists are indexed by node id. `operands[i]` has one id per argument, in order: an inline tuple, constant
    or literal is a node of its own. `after[i]` are further nodes that must come first (effects, the definition
    of a symbolic dimension). `names[i]` is the bound variable's name, unique in the function, or "" for inline
    nodes. `bindings[i]` is what binds it, None for inline nodes and inputs. `escapes` are the nodes that other
    blocks or the function's result use. `origins` maps a binding's name to the source nodes it came from.
    `host_nodes` maps the symbol of a host call to the ONNX model behind it. `memo` is where `facts` keeps what it
    has read.
    """

    function: str
    block: tuple[int | str, ...]
    dataflow: bool
    kinds: list[Kind] = field(default_factory=list)
    ops: list[str] = field(default_factory=list)
    operands: list[tuple[int, ...]] = field(default_factory=list)
    users: list[list[int]] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    exprs: list[Any] = field(default_factory=list)
    vars: list[Any] = field(default_factory=list)
    bindings: list[Any] = field(default_factory=list)
    after: dict[int, tuple[int, ...]] = field(default_factory=dict)
    impure: set[int] = field(default_factory=set)
    escapes: set[int] = field(default_factory=set)
    groups: tuple[Group, ...] = ()
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    host_nodes: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    memo: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def scope(self) -> str:
        """The block's place in words: `main`, `main.1`, `main.1.gv.then.0`."""
        tail = ".".join(str(part) for part in self.block)
        return f"{self.function}.{tail}" if tail != "0" else self.function

    def sources(self, nodes: Iterable[int]) -> tuple[str, ...]:
        """The source nodes that `nodes` came from, each once, in order; a binding without any stands for itself."""
        names = (self.names[node] for node in nodes)
        found = (each for name in names if name for each in self.origins.get(name, (name,)))
        return tuple(dict.fromkeys(found))

    def counted(self) -> Iterator[int]:
        """The ids of the ops that reports count: calls that compute something, in binding order."""
        for node, kind in enumerate(self.kinds):
            if kind is _CALL and self.ops[node] not in NOT_COUNTED:
                yield node


def read_module(module: IRModule) -> list[Graph]:
    """Read every block of every Relax function that no earlier partition made, functions in order of name."""
    from tvm import relax

    functions = {var.name_hint: function for var, function in module.functions.items()}
    graphs: list[Graph] = []
    for name in sorted(functions):
        if isinstance(functions[name], relax.Function) and not is_outlined(functions[name]):
            graphs += read_function(name, functions[name])
    return graphs


def is_outlined(function: relax.Function) -> bool:
    """Whether `function` already belongs to a vendor, or is one composite or fused kernel."""
    attrs = function.attrs
    return attrs is not None and any(key in attrs for key in ("Codegen", "Composite", "Primitive"))


def read_function(name: str, function: relax.Function) -> list[Graph]:
    """Read the blocks of one Relax function; the blocks of an `If`'s branches follow the block that holds it."""
    reader = _FunctionReader(name)
    reader.sequence(function.body, ())
    return reader.graphs


class SourceGroup(Protocol):
    """What a frontend says of a source node that became several bindings (`frontends.model.SourceGroup`)."""

    @property
    def op(self) -> str:
        """The source operator: `onnx.LSTM`."""

    @property
    def node(self) -> str:
        """The source node's name."""

    @property
    def bindings(self) -> Sequence[str]:
        """The Relax variables it became, in order."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Variables' names, data, tuples of those, or None, by ONNX's input names."""

    @property
    def outputs(self) -> Sequence[str]:
        """The variables that hold its outputs, in ONNX's order."""

    @property
    def attrs(self) -> Mapping[str, Any]:
        """ONNX's attributes as plain Python."""

    @property
    def host(self) -> str:
        """The symbol of its host call, or "" when it became Relax ops."""

    @property
    def opset(self) -> int:
        """The version of the operator's schema, 0 when that is not known."""


def attach_groups(graph: Graph, groups: Mapping[str, Sequence[SourceGroup]]) -> None:
    """Set `graph.groups` from a model's groups (function -> groups): those whose bindings are in this block.

    Bindings that import dropped as dead are left out, and with them inputs that only they read.
    """
    ids = {name: node for node, name in enumerate(graph.names) if name}
    own = {name: node for name, node in ids.items() if graph.kinds[node] is not Kind.INPUT}
    found = []
    for group in groups.get(graph.function, ()):
        nodes = tuple(sorted(own[name] for name in group.bindings if name in own))
        if nodes:
            found.append(
                Group(
                    op=group.op,
                    source=group.node,
                    nodes=nodes,
                    inputs={name: _source_input(each, ids) for name, each in group.inputs.items()},
                    outputs=tuple(own.get(name, -1) for name in group.outputs),
                    attrs=group.attrs,
                    host=bool(group.host),
                    opset=group.opset,
                )
            )
    graph.groups = tuple(sorted(found, key=lambda group: group.nodes))


def _source_input(given: Any, ids: Mapping[str, int]) -> Any:
    """An input of a source group with ids in place of names; data stays data."""
    if isinstance(given, str):
        return ids.get(given)
    return (
        tuple([_source_input(each, ids) for each in given]) if isinstance(given, tuple) else given
    )


class _FunctionReader:
    """Walks one function. TVM's variables compare by identity and hash by address: addresses are the keys."""

    def __init__(self, function: str) -> None:
        self.function = function
        self.graphs: list[Graph] = []
        self.homes: dict[int, tuple[Graph, int]] = {}
        self.ops: dict[int, tuple[str, bool]] = {}

    def sequence(self, body: Any, path: tuple[int | str, ...]) -> None:
        """Read the blocks of a SeqExpr, and what its result uses."""
        for index, block in enumerate(body.blocks):
            is_dataflow = isinstance(block, relax.DataflowBlock)
            graph = Graph(self.function, (*path, index), is_dataflow)
            self.graphs.append(graph)
            _BlockReader(self, graph).read(block)
        self._escape(body.body)

    def _escape(self, result: Any) -> None:
        if isinstance(result, ir.Tuple):
            for each in result.fields:
                self._escape(each)
        elif isinstance(result, ir.TupleGetItem):
            self._escape(result.tuple_value)
        else:
            self.escape(result)

    def escape(self, var: Any) -> None:
        """Note that another block, or the function's result, uses `var`."""
        home = self.homes.get(hash(var))
        if home is not None:
            home[0].escapes.add(home[1])


class _BlockReader:
    """Reads one block; `ids` maps the address of a variable or constant to its node."""

    def __init__(self, function: _FunctionReader, graph: Graph) -> None:
        self.function, self.graph = function, graph
        self.ids: dict[int, int] = {}
        self.dims: dict[int, int] = {}
        self.last_effect: int | None = None
        # Bound once: every node is appended to nine lists.
        self.kind, self.op, self.expr = graph.kinds.append, graph.ops.append, graph.exprs.append
        self.var, self.name, self.item = graph.vars.append, graph.names.append, graph.items.append
        self.operands, self.users = graph.operands.append, graph.users.append
        self.binding = graph.bindings.append

    def read(self, block: Any) -> None:
        graph, homes, ids = self.graph, self.function.homes, self.ids
        for binding in listed(block.bindings):
            var, value = binding.var, binding.value
            if type(binding) is _MATCH_CAST:
                source = self._named(value, var) if type(value) is ir.Call else self.operand(value)
                node = self._add(Kind.CAST, "match_cast", (source,), value, var)
                for dim in _dims(binding.ty):
                    self.dims.setdefault(hash(dim), node)
            else:
                node = self._value(value, var)
            key = hash(var)
            homes[key] = (graph, node)
            ids[key] = graph.operands[node][0] if graph.kinds[node] is _ALIAS else node
            graph.bindings[node] = binding

    def _named(self, call: Any, cast: Any) -> int:
        """The node of a call that the match_cast of `cast` reads without a variable between them."""
        kind = relax.DataflowVar if self.graph.dataflow else relax.Var
        var = kind(f"{cast.name}_uncast", call.ty)
        node = self._value(call, var)
        self.graph.bindings[node] = relax.VarBinding(var, call)
        return node

    def operand(self, expr: Any) -> int:
        """The node of an operand; inline tuples, constants and literals become nodes where first used."""
        known = self.ids.get(hash(expr))
        if known is not None:
            return known
        # `type(...) is`: isinstance asks TVM's abstract base classes, at 0.7 us each.
        if type(expr) is ir.GenericConst:
            node = self._add(_CONSTANT, "constant", (), expr, None)
        elif ir.is_prim_expr(expr) or not isinstance(expr, ir.Var | ir.Tuple | ir.TupleGetItem):
            return self._literal(expr)
        elif isinstance(expr, ir.Var):
            self.function.escape(expr)
            node = self._add(Kind.INPUT, "input", (), expr, expr)
        elif isinstance(expr, ir.Tuple) and expr.fields and all(map(ir.is_prim_expr, expr.fields)):
            return self._literal(expr)
        else:
            return self._value(expr, None)
        self.ids[hash(expr)] = node
        return node

    def _value(self, value: Any, var: Any) -> int:
        if type(value) is ir.Call:
            return self._call(value, var)
        if isinstance(value, ir.Var | ir.GenericConst):
            return self._add(Kind.ALIAS, "alias", (self.operand(value),), value, var)
        if isinstance(value, ir.TupleGetItem):
            node = self._add(Kind.ITEM, "item", (self.operand(value.tuple_value),), value, var)
            self.graph.items[node] = int(value.index)
            return node
        if isinstance(value, ir.Tuple):
            fields = tuple([self.operand(each) for each in listed(value.fields)])
            return self._add(Kind.TUPLE, "tuple", fields, value, var)
        free = tuple([self.operand(each) for each in relax.analysis.free_vars(value)])
        if not isinstance(value, relax.If):
            return self._add(Kind.OTHER, "other", free, value, var)
        return self._if(value, var, free)

    def _call(self, value: Any, var: Any) -> int:
        callee = value.op
        known, operand = self.ids.get, self.operand
        given = listed(value.args)
        nodes: list[Any] = [known(hash(each)) for each in given]
        if None in nodes:
            nodes = [operand(each) for each in given]
        operands = tuple(nodes)
        found = self.function.ops.get(hash(callee))
        if found is not None:
            op, impure = found
        elif isinstance(callee, ir.Op):
            op = callee.name.removeprefix("relax.")
            impure = op in IMPURE
            self.function.ops[hash(callee)] = (op, impure)
        elif isinstance(callee, ir.GlobalVar | ir.Var):
            op, impure = "call", not callee.ty.purity
            if isinstance(callee, ir.Var):
                operands = (*operands, self.operand(callee))
        else:
            op, impure = "call_packed", True
        node = self._add(_CALL, op, operands, value, var)
        if impure:
            self._effect(node)
        return node

    def _if(self, value: Any, var: Any, free: tuple[int, ...]) -> int:
        operands = tuple(dict.fromkeys((self.operand(value.cond), *free)))
        node = self._add(Kind.IF, "if", operands, value, var)
        self._effect(node)
        for name, branch in (("then", value.true_branch), ("else", value.false_branch)):
            self.function.sequence(branch, (*self.graph.block, var.name, name))
        return node

    def _literal(self, expr: Any) -> int:
        node = self._add(Kind.LITERAL, "literal", (), expr, None)
        definers = {self.dims[hash(dim)] for dim in _dims(expr) if hash(dim) in self.dims}
        if definers:
            self.graph.after[node] = tuple(sorted(definers))
        return node

    def _effect(self, node: int) -> None:
        self.graph.impure.add(node)
        if self.last_effect is not None:
            self.graph.after[node] = (self.last_effect,)
        self.last_effect = node

    def _add(self, kind: Kind, op: str, operands: tuple[int, ...], expr: Any, var: Any) -> int:
        users = self.graph.users
        node = len(users)
        self.kind(kind)
        self.op(op)
        self.operands(operands)
        self.users([])
        self.item(-1)
        self.name("" if var is None else var.name)
        self.expr(expr)
        self.var(var)
        self.binding(None)
        for operand in operands if len(operands) < 2 else dict.fromkeys(operands):
            users[operand].append(node)
        return node


def listed(array: Any) -> list[Any]:
    """The elements of a TVM array, read three times as fast as by iterating."""
    return [_AT(array, index) for index in range(_SIZE(array))]


def _dims(expr: Any) -> list[Any]:
    """The symbolic dimensions that a type, a shape or an integer expression mentions."""
    found: dict[int, Any] = {}
    stack = [expr]
    while stack:
        each = stack.pop()
        if isinstance(each, relax.TensorType):
            stack += [] if each.shape is None else [each.shape]
        elif isinstance(each, relax.TupleType | ir.Tuple):
            stack += list(each.fields)
        elif isinstance(each, relax.ShapeType | relax.ShapeExpr):
            stack += list(each.values or ())
        elif (
            isinstance(each, ir.Expr)
            and ir.is_prim_expr(each)
            and not isinstance(each, ir.Constant)
        ):
            found.update((hash(dim), dim) for dim in tirx.analysis.undefined_vars(each))
    return list(found.values())
