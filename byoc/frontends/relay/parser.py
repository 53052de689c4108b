"""Relay text in, syntax tree out; everything that is wrong is a ModelError with line and column."""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import NoReturn

from lark import Lark
from lark.exceptions import UnexpectedToken

from byoc.collector import collector_paused
from byoc.errors import ModelError
from byoc.frontends.relay import ast
from byoc.frontends.relay.build import RULES
from byoc.frontends.relay.lexer import RelayLexer, Unreadable
from byoc.frontends.relay.mistakes import explain


def parse(text: str, name: str) -> ast.Module:
    """Parse Relay text; `name` stands before line and column in errors.

    Raises ModelError for text that is not Relay, or uses a part of Relay that Relax has no form for.
    """
    try:
        # A tree of a million nodes, none of them garbage, would be searched again and again.
        with collector_paused():
            module: ast.Module = _grammar().parse(text)  # type: ignore[assignment]  # RULES makes none of lark's trees
    except (UnexpectedToken, Unreadable) as error:
        place, why = explain(error, text)
        fail(name, place, why)
    return module


def fail(name: str, at: ast.Position, message: str) -> NoReturn:
    """Raise a ModelError that starts with the place."""
    raise ModelError(f"{name}:{at.line}:{at.column}: {message}")


@functools.cache
def _grammar() -> Lark:
    grammar = files("byoc.frontends.relay").joinpath("grammar.lark").read_text("utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer=RelayLexer,
        # Trees are made while the text is read: none of lark's own are built, and no second pass is needed.
        transformer=RULES,
        keep_all_tokens=True,
        maybe_placeholders=False,
    )
