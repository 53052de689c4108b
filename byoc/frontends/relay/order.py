"""The order in which the functions of a module are made: those that are called first."""

from __future__ import annotations

from collections.abc import Iterator

from byoc.errors import nearest
from byoc.frontends.relay import ast
from byoc.frontends.relay.parser import fail


def callees_first(module: ast.Module, file: str) -> list[str]:
    """The names of all functions, each after those that it calls.

    Raises ModelError, with the place of the call, for a function that the module does not have, or one that calls
    itself, by way of others or not.
    """
    done: dict[str, None] = {}
    for name in module.functions:
        opened: dict[str, Iterator[ast.Global]] = {}
        if name not in done:
            opened[name] = _globals(module.functions[name].body)
        while opened:
            top = next(reversed(opened))
            called = next((each for each in opened[top] if each.name not in done), None)
            if called is None:
                opened.popitem()
                done[top] = None
                continue
            if called.name in opened:
                words = f"@{called.name} calls itself, which has no form in byoc"
                fail(file, called.at, words)
            if called.name not in module.functions:
                near = nearest(called.name, module.functions)
                fail(file, called.at, f"the module has no function @{called.name}{near}")
            opened[called.name] = _globals(module.functions[called.name].body)
    return list(done)


def _globals(body: ast.Expr) -> Iterator[ast.Global]:
    """The functions of the module that an expression names, in the text's order."""
    pending: list[ast.Expr] = [body]
    while pending:
        each = pending.pop()
        if isinstance(each, ast.Global):
            yield each
        pending += reversed(ast.parts(each))
