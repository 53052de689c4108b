"""What names and branches a part of the syntax tree has, as far as converting it must know beforehand."""

from __future__ import annotations

from collections.abc import Mapping

from byoc.frontends.relay import ast
from byoc.frontends.relay.values import Value


def has_branches(expr: ast.Expr) -> bool:
    """Whether there is an `if` in what stands here."""
    pending = [expr]
    while pending:
        each = pending.pop()
        if isinstance(each, ast.If):
            return True
        if not (isinstance(each, ast.Function) and "Composite" in each.attrs):
            pending += ast.parts(each)
    return False


def captured_names(function: ast.Function, names: Mapping[str, Value]) -> dict[str, Value]:
    """What the names that a function reads stand for where it is written."""
    found: dict[str, Value] = {}
    pending: list[ast.Expr] = [function.body]
    while pending:
        each = pending.pop()
        pending += ast.parts(each)
        name = each.name if isinstance(each, ast.Local) else ""
        while name and name not in found:
            if name in names:
                found[name] = names[name]
            name = name.rpartition(".")[0]
    return found


def escaping_names(body: ast.Expr) -> frozenset[str]:
    """The names whose values the function gives, through tuples and other names."""
    if not isinstance(body, ast.Scope):
        return frozenset()
    values = {each.name: each.value for each in body.bindings}
    found: set[str] = set()
    pending: list[ast.Expr | None] = [body.result]
    while pending:
        each = pending.pop()
        if isinstance(each, ast.Tuple):
            pending += each.fields
        elif isinstance(each, ast.Local) and each.name not in found:
            found.add(each.name)
            pending.append(values.get(each.name))
    return frozenset(found)
