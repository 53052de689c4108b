"""Relax functions as trees."""

from __future__ import annotations

from typing import Any

from tvm import ir, relax

from tests.frontends.relay.printer import tree
from tests.frontends.relay.printer.nesting import closed, nested
from tests.frontends.relay.printer.site import NoRelayFormError, Site, data_of
from tests.frontends.relay.printer.spelling import SPELLINGS
from tests.frontends.relay.printer.text import Style

_ATTRS = {
    "Codegen": "Compiler",
    "Composite": "Composite",
    "Primitive": "Primitive",
    "global_symbol": "global_symbol",
}
"""Relax's attributes of functions and Relay's names of them."""


class Lowering:
    """One function of a Relax module as a tree. Raises NoRelayFormError for what Relay has no form for."""

    def __init__(self, style: Style, names: set[str]) -> None:
        self.style, self.names = style, names
        self.statements: list[tree.Statement] = []
        self.values: dict[Any, tree.Expr] = {}
        self.count = 0
        self._constants: dict[int, tree.Constant] = {}

    def function(self, function: Any) -> tree.Function:
        """The function."""
        params = []
        for each in function.params:
            name = self._unique(each.name)
            self.values[each] = tree.Local(name)
            params.append((name, each.ty))
        body = self._scope(function.body)
        return tree.Function(tuple(params), body, _attrs(function), function.ret_ty)

    def _scope(self, body: Any) -> tree.Scope:
        outside, self.statements = self.statements, []
        for block in body.blocks:
            for binding in block.bindings:
                self._binding(binding)
        result = self.expr(body.body)
        statements, self.statements = self.statements, outside
        scope = tree.Scope(tuple(statements), result)
        return closed(scope) if self.style.rng is None else nested(scope, self.style.rng)

    def _binding(self, binding: Any) -> None:
        if isinstance(binding, relax.MatchCast):
            self.values[binding.var] = self.expr(binding.value)
            return
        value = binding.value
        if isinstance(value, relax.Function):
            inner = Lowering(self.style, self.names)
            inner.values = dict(self.values)
            self.values[binding.var] = self._bound(inner.function(value), None, "")
        elif isinstance(value, ir.Var | ir.GenericConst):
            self.values[binding.var] = self.expr(value)
        else:
            self.values[binding.var] = self._bound(
                self._value(value, binding.var.name), value.ty, binding.var.name
            )

    def _bound(self, value: tree.Expr, ty: Any, name: str) -> tree.Expr:
        if name and self.style.chance(0.3):
            label = self._unique(name)
        else:
            label, self.count = str(self.count), self.count + 1
        self.statements.append(tree.Statement(label, value, ty))
        return tree.Local(label)

    def expr(self, expr: Any) -> tree.Expr:
        """An operand: a leaf, or a tuple of leaves."""
        if isinstance(expr, ir.Var):
            return self.values[expr]
        if isinstance(expr, ir.GenericConst):
            return self._constant(expr)
        if isinstance(expr, ir.Tuple):
            whole = tree.Tuple(tuple(self.expr(each) for each in expr.fields))
            return self._bound(whole, None, "") if self.style.rng is None else whole
        raise NoRelayFormError(f"an operand that is a {type(expr).__name__}")

    def _constant(self, expr: Any) -> tree.Expr:
        key, data = hash(expr), data_of(expr)
        assert data is not None
        if key not in self._constants:
            self._constants[key] = tree.Constant(data)
        return self._constants[key]

    def _value(self, value: Any, name: str) -> tree.Expr:
        if isinstance(value, ir.Tuple):
            return tree.Tuple(tuple(self.expr(each) for each in value.fields))
        if isinstance(value, ir.TupleGetItem):
            return tree.Item(self.expr(value.tuple_value), int(value.index))
        if isinstance(value, relax.If):
            branches = [self._scope(each) for each in (value.true_branch, value.false_branch)]
            return tree.If(self.expr(value.cond), *branches)
        if isinstance(value, ir.Call):
            return self._call(value, name)
        raise NoRelayFormError(f"a value that is a {type(value).__name__}")

    def _call(self, call: Any, name: str) -> tree.Expr:
        if isinstance(call.op, ir.GlobalVar):
            callee: tree.Expr = tree.Global(call.op.name_hint)
        elif isinstance(call.op, ir.Var):
            callee = self.expr(call.op)
        else:
            return self._operator(call, name)
        return tree.Call(callee, tuple(self.expr(each) for each in call.args), type=call.ty)

    def _operator(self, call: Any, name: str) -> tree.Expr:
        op = getattr(call.op, "name", type(call.op).__name__).removeprefix("relax.")
        if op not in SPELLINGS:
            raise NoRelayFormError(f"the op {op}")
        site = Site(
            call,
            self.expr,
            lambda value: self._bound(value, None, ""),
            self.style.idioms,
            name if self.style.spans else "",
        )
        return SPELLINGS[op](site)

    def _unique(self, name: str) -> str:
        base = name if name[:1].isalpha() else f"v{name}"
        found, count = base, 0
        while found in self.names:
            count += 1
            found = f"{base}{count}"
        self.names.add(found)
        return found


def _attrs(function: Any) -> dict[str, Any]:
    """The attributes of a function that Relay knows, under its names."""
    given = dict(function.attrs.items()) if function.attrs else {}
    kept = {ours: given[theirs] for theirs, ours in _ATTRS.items() if given.get(theirs)}
    if kept.get("global_symbol") == "main":
        del kept["global_symbol"]
    return {key: 1 if key == "Primitive" else str(value) for key, value in kept.items()}
