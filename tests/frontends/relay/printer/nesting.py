"""Statements put into the one place that reads them, some of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from random import Random

from tests.frontends.relay.printer import tree


def closed(scope: tree.Scope) -> tree.Scope:
    """The scope with its last statement as the result, where the result is that."""
    last = scope.statements[-1] if scope.statements else None
    if last is None or not isinstance(scope.result, tree.Local) or scope.result.name != last.name:
        return scope
    return tree.Scope(scope.statements[:-1], last.value)


def nested(scope: tree.Scope, rng: Random) -> tree.Scope:
    """The scope with fewer statements; what a branch or a function reads stays outside of it."""
    everywhere, here = Counter[str](), Counter[str]()
    for each in (*(statement.value for statement in scope.statements), scope.result):
        _count(each, everywhere, deep=True)
        _count(each, here, deep=False)
    pending: dict[str, tree.Expr] = {}
    kept = []
    for statement in scope.statements:
        value, name = _put(statement.value, pending), statement.name
        once = everywhere[name] == here[name] == 1 and not isinstance(
            value, tree.Function | tree.If
        )
        if once and rng.random() < 0.3:
            alone = replace(statement, value=value)
            let = not name[0].isdigit() and rng.random() < 0.3
            pending[name] = tree.Scope((alone,), tree.Local(name)) if let else value
        else:
            kept.append(replace(statement, value=value))
    return tree.Scope(tuple(kept), _put(scope.result, pending))


def _parts(expr: tree.Expr) -> tuple[tree.Expr, ...]:
    """The operands of an expression in its own scope."""
    match expr:
        case tree.Tuple():
            return expr.fields
        case tree.Item():
            return (expr.value,)
        case tree.Call():
            return expr.args if isinstance(expr.callee, str) else (expr.callee, *expr.args)
        case tree.If():
            return (expr.condition,)
    return ()


def _count(expr: tree.Expr, found: Counter[str], deep: bool) -> None:
    if isinstance(expr, tree.Local):
        found[expr.name] += 1
    for each in _parts(expr):
        _count(each, found, deep)
    inner: tuple[tree.Scope, ...] = ()
    if isinstance(expr, tree.If):
        inner = (expr.then, expr.otherwise)
    elif isinstance(expr, tree.Function):
        inner = (expr.body,)
    elif isinstance(expr, tree.Scope):
        inner = (expr,)
    for scope in inner if deep else ():
        for each in (*(statement.value for statement in scope.statements), scope.result):
            _count(each, found, deep)


def _put(expr: tree.Expr, values: Mapping[str, tree.Expr]) -> tree.Expr:
    """The expression with values in place of names."""
    match expr:
        case tree.Local():
            return values.get(expr.name, expr)
        case tree.Tuple():
            return tree.Tuple(tuple(_put(each, values) for each in expr.fields))
        case tree.Item():
            return tree.Item(_put(expr.value, values), expr.index)
        case tree.Call():
            callee = expr.callee
            if not isinstance(callee, str):
                callee = _put(callee, values)
            args = tuple(_put(each, values) for each in expr.args)
            return replace(expr, callee=callee, args=args)
        case tree.If():
            return replace(expr, condition=_put(expr.condition, values))
    return expr
