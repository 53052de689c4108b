"""Relay pattern tables on today's models: the names that a table written for `tvm.relay` uses.

A table needs its imports changed and nothing else:

    from byoc.relay import dataflow_pattern, tvm
    from byoc.relay.dataflow_pattern import is_constant, is_op, wildcard
    from byoc.relay.register import register_pattern_table

and a plugin's `byoc_pattern_table` returns `byoc.relay.rows("mychip")`, or the table itself. Nothing here is
imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from byoc.relay import analysis as analysis
    from byoc.relay import build_module as build_module
    from byoc.relay import dataflow_pattern as dataflow_pattern
    from byoc.relay import expr as expr
    from byoc.relay import expr_functor as expr_functor
    from byoc.relay import function as function
    from byoc.relay import op as op
    from byoc.relay import register as register
    from byoc.relay import strategy as strategy
    from byoc.relay import transform as transform
    from byoc.relay import tvm as tvm
    from byoc.relay.expr import Call as Call
    from byoc.relay.expr import Constant as Constant
    from byoc.relay.expr import Expr as Expr
    from byoc.relay.expr import Tuple as Tuple
    from byoc.relay.expr import TupleGetItem as TupleGetItem
    from byoc.relay.expr import Var as Var
    from byoc.relay.expr import const as const
    from byoc.relay.expr import var as var
    from byoc.relay.expr_functor import ExprMutator as ExprMutator
    from byoc.relay.expr_functor import ExprVisitor as ExprVisitor
    from byoc.relay.model import rewritten as rewritten
    from byoc.relay.register import get_pattern_table as get_pattern_table
    from byoc.relay.register import register_op_attr as register_op_attr
    from byoc.relay.register import register_pattern_table as register_pattern_table
    from byoc.relay.table import rows as rows
    from byoc.relay.table import rows_from_relay as rows_from_relay

_HOMES: Final = {
    "Any": "expr",
    "Call": "expr",
    "Constant": "expr",
    "Expr": "expr",
    "ExprFunctor": "expr_functor",
    "ExprMutator": "expr_functor",
    "ExprVisitor": "expr_functor",
    "Function": "function",
    "GlobalVar": "expr",
    "Pattern": "dataflow_pattern",
    "RelayExpr": "expr",
    "Tuple": "expr",
    "TupleGetItem": "expr",
    "Var": "expr",
    "const": "expr",
    "get_pattern_table": "register",
    "image": "op",
    "nn": "op",
    "qnn": "op",
    "register_op_attr": "register",
    "register_pattern_table": "register",
    "rewritten": "model",
    "rows": "table",
    "rows_from_relay": "table",
    "var": "expr",
}

_MODULES: Final = frozenset(
    {
        "analysis",
        "build_module",
        "dataflow_pattern",
        "expr",
        "expr_functor",
        "function",
        "op",
        "register",
        "strategy",
        "transform",
        "tvm",
    }
)

__all__ = [*_HOMES, *sorted(_MODULES)]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
