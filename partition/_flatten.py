"""The meaning of a Relax function in one canonical form, whatever it was cut into.

Segments and composites are inlined, tuples taken apart again are seen through, what nobody reads is
dropped, and bindings stand in the order in which the result asks for them (what has effects first, in its
own order). A call of a segment or composite has to agree with it in type, and a value keeps the type that its
variable had. Two functions mean the same when their canonical forms are structurally equal: this is TVM's
DeadCodeElimination, CanonicalizeBindings and TopologicalSort in one, for bindings outside dataflow blocks
and branches of `If` too. Nothing is shared that was computed twice, so a doubled op shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import tvm_ffi
from tvm import IRModule, ir, relax

from byoc.partition import _relax
from byoc.partition.graph import listed


@dataclass(slots=True, eq=False)
class _Node:
    """A value that is bound in the canonical form. `args` are nodes, tuples of values, or expressions."""

    kind: str
    expr: Any
    args: list[Any]
    ty: Any
    scope: _Scope
    index: int = 0
    branches: tuple[_Scope, ...] = ()


@dataclass(slots=True, eq=False)
class _Scope:
    """A function's body or one branch: its result, and its effects in order."""

    outer: _Scope | None = None
    effects: list[_Node] = field(default_factory=list)
    result: Any = None

    def within(self, other: _Scope) -> bool:
        scope: _Scope | None = self
        while scope is not None and scope is not other:
            scope = scope.outer
        return scope is other


def flatten(module: IRModule, function: relax.Function) -> Any:
    """The canonical form of `function`; functions of `module` that belong to vendors are inlined.

    Raises TypeError when one of them is called with arguments, or for a result, of another type than its own.
    """
    reader = _Reader({hash(var): each for var, each in module.functions.items()})
    scope = _Scope()
    env: dict[int, Any] = {hash(param): param for param in function.params}
    scope.result = reader.sequence(function.body, env, scope)
    body = _Writer().scope(scope, function.body.ty)
    return relax.Function(function.params, body, function.ret_ty, function.is_pure, function.attrs)


class _Reader:
    """Evaluates bodies to nodes; variables compare by address."""

    def __init__(self, functions: Mapping[int, Any]) -> None:
        self.functions = functions
        self.items: dict[tuple[int, int], _Node] = {}
        self.pure: dict[str, bool] = {}

    def sequence(self, body: Any, env: dict[int, Any], scope: _Scope) -> Any:
        """The value of a SeqExpr."""
        for block in listed(body.blocks):
            bindings = listed(block.bindings)
            for position, binding in enumerate(bindings):
                var, value = binding.var, binding.value
                # `type(...) is`: isinstance asks TVM's abstract base classes, at 0.7 us each.
                if type(binding) is relax.MatchCast:
                    env[hash(var)] = self._cast(self.value(value, env, scope), binding.ty, scope)
                elif type(value) is ir.Call:
                    env[hash(var)] = self._call(value, env, scope, bindings, position)
                else:
                    env[hash(var)] = self.value(value, env, scope)
        return self.value(body.body, env, scope)

    def value(self, expr: Any, env: dict[int, Any], scope: _Scope) -> Any:
        """The value of an operand or of a binding that is no call."""
        known = env.get(hash(expr))
        if known is not None:
            return known
        if isinstance(expr, ir.Tuple) and not (expr.fields and ir.is_prim_expr(expr.fields[0])):
            return tuple([self.value(each, env, scope) for each in expr.fields])
        if isinstance(expr, ir.TupleGetItem):
            return self._item(
                self.value(expr.tuple_value, env, scope), int(expr.index), expr.ty, scope
            )
        if isinstance(expr, relax.If):
            return self._if(expr, env, scope)
        if isinstance(expr, ir.Call) and not ir.is_prim_expr(expr):
            return self._call(expr, env, scope, [], 0)
        return expr

    def _item(self, whole: Any, index: int, ty: Any, scope: _Scope) -> Any:
        if isinstance(whole, tuple):
            return whole[index]
        if isinstance(whole, ir.Tuple):
            return whole.fields[index]
        # Taking an item twice is no second computation.
        key = (id(whole) if isinstance(whole, _Node) else hash(whole), index)
        if key not in self.items:
            home = whole.scope if isinstance(whole, _Node) else scope
            while not isinstance(whole, _Node) and home.outer is not None:
                home = home.outer
            self.items[key] = _Node("item", whole, [whole], ty, home, index)
        return self.items[key]

    def _cast(self, value: Any, ty: Any, scope: _Scope) -> Any:
        known = _type_of(value)
        if known is not None and tvm_ffi.structural_equal(known, ty):
            return value
        return _Node("cast", None, [value], ty, scope)

    def _if(self, expr: Any, env: dict[int, Any], scope: _Scope) -> _Node:
        branches = []
        for body in (expr.true_branch, expr.false_branch):
            inner = _Scope(scope)
            inner.result = self.sequence(body, dict(env), inner)
            branches.append(inner)
        condition = self.value(expr.cond, env, scope)
        node = _Node("if", expr, [condition], expr.ty, scope, 0, tuple(branches))
        if any(branch.effects for branch in branches):
            scope.effects.append(node)
        return node

    def _call(
        self, call: Any, env: dict[int, Any], scope: _Scope, bindings: list[Any], position: int
    ) -> Any:
        args = [self.value(each, env, scope) for each in listed(call.args)]
        op = call.op
        bound = bindings[position].var.ty if bindings else call.ty
        callee = self._callee(op, env)
        if callee is not None:
            if relax.analysis.defined_symbolic_vars(callee):
                callee = _with_dims(callee, args, bindings, position)
            params = listed(callee.params)
            _hold_types(op, [*map(_type_of, args), call.ty], [*[each.ty for each in params], bound])
            _hold_types(op, [callee.ret_ty], [bound])
            inner = {hash(param): arg for param, arg in zip(params, args, strict=True)}
            return self.sequence(callee.body, inner, scope)
        node = _Node("call", call, args, bound, scope)
        if isinstance(op, ir.Var):
            node.args = [*args, env.get(hash(op), op)]
        if not self._is_pure(op):
            scope.effects.append(node)
        return node

    def _callee(self, callee: Any, env: dict[int, Any]) -> Any:
        """The function behind a call when it is a segment or a composite, which are seen through."""
        if type(callee) is ir.Op:
            return None
        if isinstance(callee, ir.GlobalVar):
            found = self.functions.get(hash(callee))
        elif isinstance(callee, ir.Var):
            found = env.get(hash(callee))
        else:
            return None
        if not isinstance(found, relax.Function):
            return None
        return found if "Codegen" in found.attrs or "Composite" in found.attrs else None

    def _is_pure(self, callee: Any) -> bool:
        if isinstance(callee, ir.Op):
            if callee.name not in self.pure:
                self.pure[callee.name] = bool(callee.get_attr("FPurity"))
            return self.pure[callee.name]
        return isinstance(callee, ir.GlobalVar | ir.Var) and bool(callee.ty.purity)


class _Writer:
    """Writes nodes back as bindings, in the order in which they are asked for."""

    def __init__(self) -> None:
        self.written: dict[int, Any] = {}
        self.kept: list[_Node] = []

    def scope(self, scope: _Scope, ty: Any) -> Any:
        """The body of a scope whose outer nodes are all written."""
        bindings: list[Any] = []
        for node in scope.effects:
            self._write(node, bindings, scope)
        self._write_all(scope.result, bindings, scope)
        result = self.expression(scope.result)
        if not isinstance(result, ir.Var | ir.Tuple | ir.GenericConst):
            var = _relax.variable("v", ty, dataflow=False)
            bindings.append(_relax.bind(var, result))
            result = var
        return _relax.sequence([relax.BindingBlock(bindings)] if bindings else [], result)

    def expression(self, value: Any) -> Any:
        """How an operand is written."""
        if isinstance(value, _Node):
            return self.written[id(value)]
        if isinstance(value, tuple):
            return ir.Tuple([self.expression(each) for each in value])
        return value

    def _write_all(self, value: Any, bindings: list[Any], scope: _Scope) -> None:
        for node in _nodes(value):
            self._write(node, bindings, scope)

    def _write(self, node: _Node, bindings: list[Any], scope: _Scope) -> None:
        stack = [node]
        while stack:
            current = stack[-1]
            if id(current) in self.written or not current.scope.within(scope):
                stack.pop()
                continue
            missing = [
                each
                for each in self._needs(current)
                if id(each) not in self.written and each.scope.within(scope)
            ]
            if missing:
                stack += reversed(missing)
                continue
            stack.pop()
            self._bind(current, bindings)

    def _needs(self, node: _Node) -> Iterator[_Node]:
        yield from _nodes(tuple(node.args))
        for branch in node.branches:
            yield from _outer_needs(branch)

    def _bind(self, node: _Node, bindings: list[Any]) -> None:
        args = [self.expression(each) for each in node.args]
        var = _relax.variable("v", node.ty, dataflow=False)
        if node.kind == "cast":
            bindings.append(_relax.match_cast(var, args[0], node.ty))
        elif node.kind == "item":
            bindings.append(_relax.bind(var, ir.TupleGetItem(args[0], node.index)))
        elif node.kind == "if":
            then, otherwise = (self.scope(branch, node.ty) for branch in node.branches)
            bindings.append(_relax.bind(var, _relax.branch(node.expr, args[0], then, otherwise)))
        else:
            again = _relax.call_again(node.expr, args[: len(node.expr.args)])
            bindings.append(_relax.bind(var, again))
        self.written[id(node)] = var
        # Addresses are keys: nothing may be freed while they are.
        self.kept.append(node)


def _nodes(value: Any) -> Iterator[_Node]:
    if isinstance(value, _Node):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _nodes(each)


def _outer_needs(scope: _Scope) -> Iterator[_Node]:
    """The nodes of outer scopes that a branch reads, in the order in which it does."""
    seen: set[int] = set()
    stack: list[_Node] = [*_nodes(scope.result)][::-1] + scope.effects[::-1]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not node.scope.within(scope):
            yield node
            continue
        stack += [*_nodes(tuple(node.args))][::-1]
        for branch in node.branches:
            stack += [*_outer_needs(branch)][::-1]


def _hold_types(callee: Any, given: list[Any], wanted: list[Any]) -> None:
    """Types agree when they are equal, or when what is wanted says less, as in calls of a module that came in."""
    for one, other in zip(given, wanted, strict=True):
        if one is None or one.same_as(other) or tvm_ffi.structural_equal(one, other):
            continue
        if relax.analysis.type_base_check(other, one) != relax.analysis.BaseCheckResult.PASS:
            raise TypeError(f"{callee} is called as if {other} were {one}")


def _type_of(value: Any) -> Any:
    if isinstance(value, tuple):
        types = [_type_of(each) for each in value]
        return None if None in types else relax.TupleType(types)
    return value.ty


def _with_dims(callee: Any, args: list[Any], bindings: list[Any], position: int) -> Any:
    """`callee` in the caller's symbolic dimensions.

    Its parameters tell most; a dimension that it finds out itself is told by the match_cast with which the
    caller finds it out again.
    """
    dims: dict[Any, Any] = {}
    for param, arg in zip(callee.params, args, strict=True):
        _match(param.ty, _type_of(arg), dims)
    if bindings:
        var = bindings[position].var
        inside = callee.body.body
        wholes = [inside] if not isinstance(inside, ir.Tuple) else list(inside.fields)
        for index, ty in _casts_of(var, bindings, position):
            _match(wholes[max(index, 0)].ty, ty, dims)
    own = [dim for dim in relax.analysis.defined_symbolic_vars(callee) if dim in dims]
    return callee.bind_symbolic_vars({dim: dims[dim] for dim in own}) if own else callee


def _casts_of(var: Any, bindings: list[Any], position: int) -> Iterator[tuple[int, Any]]:
    """The types that later bindings give the result (-1) or its items."""
    items = {hash(var): -1}
    for binding in bindings[position + 1 :]:
        value = binding.value
        if isinstance(binding, relax.MatchCast):
            if hash(value) in items:
                yield items[hash(value)], binding.ty
        elif isinstance(value, ir.TupleGetItem) and hash(value.tuple_value) == hash(var):
            items[hash(binding.var)] = int(value.index)


def _match(inner: Any, outer: Any, dims: dict[Any, Any]) -> None:
    """Note which of the caller's dimensions stands for each dimension of the callee."""
    if isinstance(inner, relax.TupleType):
        for one, other in zip(inner.fields, outer.fields, strict=True):
            _match(one, other, dims)
    elif isinstance(inner, relax.TensorType) and inner.shape is not None:
        if outer.shape is not None:
            _match(inner.shape.ty, outer.shape.ty, dims)
    elif isinstance(inner, relax.ShapeType) and inner.values is not None and outer.values:
        for one, other in zip(inner.values, outer.values, strict=True):
            if isinstance(one, ir.Var):
                dims.setdefault(one, other)
