"""`relay.analysis`, as far as tables use it on the expressions that checks and callbacks see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from byoc.relay.expr import Call, Expr, Tuple, TupleGetItem, Var


def children(expr: Expr) -> list[Expr]:
    """What an expression is made of, in order."""
    if isinstance(expr, Call):
        return expr.args
    if isinstance(expr, Tuple):
        return expr.fields
    return [expr.tuple_value] if isinstance(expr, TupleGetItem) else []


def post_order(expr: Expr) -> list[Expr]:
    """Every expression inside, each object once, operands before what reads them."""
    found: dict[int, Expr] = {}
    stack: list[tuple[Expr, bool]] = [(expr, False)]
    opened: set[int] = set()
    while stack:
        each, done = stack.pop()
        if done:
            found[id(each)] = each
        elif id(each) not in opened:
            opened.add(id(each))
            stack.append((each, True))
            stack += [(child, False) for child in reversed(children(each))]
    return list(found.values())


def post_order_visit(expr: Expr, fvisit: Callable[[Any], None]) -> None:
    """Call `fvisit` with every expression inside, operands first."""
    for each in post_order(expr):
        fvisit(each)


def free_vars(expr: Expr) -> list[Var]:
    """The variables inside, in order of first use."""
    return [each for each in post_order(expr) if isinstance(each, Var)]


def all_vars(expr: Expr) -> list[Var]:
    """The variables inside: none is bound by an expression."""
    return free_vars(expr)
