"""Relax modules without what Relay text cannot carry, so that what is left can be compared.

Gone are:
- the names of variables and the kinds of blocks;
- the order of what does not read each other, and values that nothing reads;
- bindings of a variable, of a tuple, of an item of a tuple that is written, and casts to a type that is known;
- local functions that are no composites: they are put where they are called;
- attributes of functions other than those that say whose they are;
- the momentum of a batch norm, which training alone reads; the dtype of the bounds of a clip; strides of a slice
  that are left out; the axis of one scale; whether axes of a reduction or a norm are counted from the end, or all
  are meant where none is named.
"""

from __future__ import annotations

from typing import Any

import tvm_ffi
from tvm import ir, relax, tirx

_KEPT = ("Codegen", "Composite", "Primitive", "global_symbol")


def difference(left: Any, right: Any) -> str:
    """Where two modules differ, "" where they do not."""
    names = [
        sorted(each.name_hint for each in module.get_global_vars()) for module in (left, right)
    ]
    if names[0] != names[1]:
        return f"functions {names[0]} and {names[1]}"
    shared = {name: ir.GlobalVar(name) for name in names[0]}
    for name, var in shared.items():
        relax.expr._update_type(var, left[name].ty)
    for name in names[0]:
        ours, theirs = (_Plain(shared).function(module[name]) for module in (left, right))
        place = tvm_ffi.get_first_structural_mismatch(ours, theirs)
        if place is not None:
            return f"{name}: {place[0]} and {place[1]}"
    return ""


class _Plain:
    """One function, bound again in one block."""

    def __init__(self, shared: dict[str, Any], values: dict[Any, Any] | None = None) -> None:
        self.shared = shared
        self.values: dict[Any, Any] = {} if values is None else values
        self.builder = relax.BlockBuilder()

    def function(self, function: Any) -> Any:
        params = [relax.Var("p", each.ty) for each in function.params]
        self.values.update(zip(function.params, params, strict=True))
        body = self._body(params, function.body)
        made = relax.Function(params, body, body.ty, True)
        given = dict(function.attrs.items()) if function.attrs else {}
        attrs = {key: given[key] for key in _KEPT if given.get(key)}
        return made.with_attrs(attrs) if attrs else made

    def _body(self, params: list[Any], body: Any) -> Any:
        self.builder.begin_scope(params)
        bindings: list[tuple[Any, Any]] = []
        result = self._statements(body, bindings)
        kept = [relax.VarBinding(var, value) for var, value in _ordered(dict(bindings), result)]
        blocks = [relax.BindingBlock(kept)] if kept else []
        whole = self.builder.normalize(relax.SeqExpr(blocks, result))
        self.builder.end_scope()
        return whole

    def _statements(self, body: Any, bindings: list[tuple[Any, Any]]) -> Any:
        for block in body.blocks:
            for binding in block.bindings:
                self.values[binding.var] = self._value(binding.value, bindings)
        return self._operand(body.body)

    def _value(self, value: Any, bindings: list[tuple[Any, Any]]) -> Any:
        if isinstance(value, ir.Call) and isinstance(value.op, ir.Var):
            callee = self.values[value.op]
            if isinstance(callee, relax.Function):
                args = [self._operand(each) for each in value.args]
                self.values.update(zip(callee.params, args, strict=True))
                return self._statements(callee.body, bindings)
        if isinstance(value, relax.Function) and "Composite" not in (value.attrs or {}):
            return value
        plain = self._plain(value)
        if isinstance(plain, ir.Var | ir.GenericConst | ir.Tuple):
            return plain
        plain = self.builder.normalize(plain)
        var = relax.Var("v", plain.ty)
        bindings.append((var, plain))
        return var

    def _plain(self, value: Any) -> Any:
        if isinstance(value, relax.Function):
            return _Plain(self.shared).function(value)
        if isinstance(value, relax.If):
            branches = [
                _Plain(self.shared, dict(self.values))._body([], each)
                for each in (value.true_branch, value.false_branch)
            ]
            return relax.If(self._operand(value.cond), *branches)
        if isinstance(value, ir.TupleGetItem):
            whole = self._operand(value.tuple_value)
            written = isinstance(whole, ir.Tuple)
            return whole.fields[value.index] if written else relax.TupleGetItem(whole, value.index)
        if isinstance(value, ir.Call):
            return self._call(value)
        return self._operand(value)

    def _call(self, value: Any) -> Any:
        callee = value.op
        if isinstance(callee, ir.GlobalVar):
            callee = self.shared[callee.name_hint]
        elif isinstance(callee, ir.Var):
            callee = self.values[callee]
        args = [self._operand(each) for each in value.args]
        named = _RENEWED.get(callee.name) if isinstance(callee, ir.Op) else None
        if named is not None:
            return named(value, args)
        return ir.Call(callee, args, value.attrs, list(value.ty_args))

    def _operand(self, value: Any) -> Any:
        if isinstance(value, ir.Var):
            return self.values[value]
        if isinstance(value, ir.Tuple):
            return relax.Tuple([self._operand(each) for each in value.fields])
        return value


def _batch_norm(call: Any, args: list[Any]) -> Any:
    names = ("axis", "epsilon", "center", "scale", "training")
    return relax.op.nn.batch_norm(*args, **{name: getattr(call.attrs, name) for name in names})


def _clip(call: Any, args: list[Any]) -> Any:
    return relax.op.clip(args[0], *[float(each.value) for each in args[1:]])


def _reduced(call: Any, args: list[Any]) -> Any:
    make = getattr(relax.op, call.op.name.removeprefix("relax."))
    rank, axes = args[0].ty.ndim, call.attrs.axis
    axes = range(rank) if axes is None else [int(axis) % rank for axis in axes]
    return make(args[0], list(axes), keepdims=call.attrs.keepdims)


def _layer_norm(call: Any, args: list[Any]) -> Any:
    given, rank = call.attrs, args[0].ty.ndim
    axes = [int(axis) % rank for axis in given.axes]
    return relax.op.nn.layer_norm(*args, axes, given.epsilon, given.center, given.scale)


def _sliced(call: Any, args: list[Any]) -> Any:
    strides = args[4] if len(args) > 4 else relax.Tuple([tirx.IntImm("int64", 1)] * len(args[1]))
    return relax.op.strided_slice(*args[:4], strides)


def _quantised(call: Any, args: list[Any]) -> Any:
    make = getattr(relax.op, call.op.name.removeprefix("relax."))
    axis = call.attrs.axis if args[1].ty.ndim else 0
    return make(*args, axis=axis, out_dtype=call.attrs.out_dtype)


_RENEWED = {
    "relax.nn.layer_norm": _layer_norm,
    "relax.strided_slice": _sliced,
    "relax.quantize": _quantised,
    "relax.dequantize": _quantised,
    "relax.nn.batch_norm": _batch_norm,
    "relax.clip": _clip,
    **{f"relax.{name}": _reduced for name in ("sum", "max", "min", "prod", "mean", "variance")},
}
"""The ops that are made anew, and how."""


def _ordered(values: dict[Any, Any], result: Any) -> list[tuple[Any, Any]]:
    """What `result` needs, each behind its operands in their order."""
    order: dict[Any, Any] = {}
    pending = [(each, False) for each in reversed(_variables(result))]
    while pending:
        var, visited = pending.pop()
        if visited:
            order.setdefault(var, values[var])
        elif var in values and var not in order:
            pending.append((var, True))
            pending += [(each, False) for each in reversed(_variables(values[var]))]
    return list(order.items())


def _variables(value: Any) -> list[Any]:
    found: list[Any] = []

    def visit(each: Any) -> None:
        if isinstance(each, ir.Var):
            found.append(each)

    relax.analysis.post_order_visit(value, visit)
    return found
