"""What is wrong with a text that the lexer or the grammar refuses, in words."""

from __future__ import annotations

import re

from lark.exceptions import UnexpectedToken

from byoc.frontends.relay.ast import Position
from byoc.frontends.relay.lexer import Unreadable, Word

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_SIGNS = {
    "SEMICOLON": "';'",
    "COMMA": "','",
    "EQUAL": "'='",
    "COLON": "':'",
    "RPAR": "')'",
    "RSQB": "']'",
    "RBRACE": "'}'",
}
"""The signs that are worth a word when they were expected: nearly anything may go on with an infix or a call."""
_KINDS = {
    "DEF": "`def @main(...) {...}`",
    "TENSOR": "a type",
    "STRING": "a value",
    "IF": "an expression",
    "ELSE": "`else`",
    "LBRACE": "'{'",
    "LPAR": "'('",
    "METADATA": "#[metadata]",
}
_BRACKET = re.compile(r'"(?:[^"\\]++|\\[\s\S])*+"|/\*[\s\S]*?\*/|//[^\n]*+|[()\[\]{}\n]')
_OTHERS = (
    (re.compile(r"[\s\S]{0,200}[\0-\x08\x0e-\x1f]"), "this is no text"),
    (re.compile(r"\s*\{"), "this is JSON, perhaps of a module, and no Relay text"),
    (re.compile(r"\s*(?:#(?!\[)[^\n]*\s*)*(?:import|from|@[A-Za-z]\.?)\w* "), "this is Python"),
    (
        re.compile(r"\s*(?:#(?!\[)[^\n]*\s*)+@\w"),
        "this is Python, perhaps a Relax module of TVMScript",
    ),
)
"""What files that are no Relay text begin with."""


def explain(error: UnexpectedToken | Unreadable, text: str) -> tuple[Position, str]:
    """The place of a mistake, and what it is."""
    for begins, words in _OTHERS:
        if begins.match(text):
            return Position(1, 1), f"{words}. Expected what `mod.astext()` of TVM's Relay writes"
    if isinstance(error, Unreadable):
        return error.at, str(error)
    word = error.token
    if word.type == "$END":
        end = Position(text.count("\n") + 1, len(text) - text.rfind("\n"))
        return end, "the text ends too early" + _unclosed(text, len(text))
    shown = repr(word.text if len(word.text) <= 40 else f"{word.text[:37]}...")
    words = f"unexpected {shown}{_expected(error)}{_crossed(text, word)}"
    return Position(word.line, word.column), words


def _expected(error: UnexpectedToken) -> str:
    """What could have stood there, "" when that is too much to say."""
    accepted = error.accepts or set()
    signs = [shown for kind, shown in _SIGNS.items() if kind in accepted]
    kinds = [shown for kind, shown in _KINDS.items() if kind in accepted]
    words = signs or kinds[:1]
    return f"; expected {' or '.join(words)}" if words else ""


def _crossed(text: str, word: Word) -> str:
    """Words for a closing bracket that is not the one of the bracket last opened."""
    if word.text not in _PAIRS.values():
        return ""
    opened = _opened(text, word.start_pos)
    if not opened:
        return "; no bracket is open"
    return "" if _PAIRS[opened[-1][0]] == word.text else _unclosed(text, word.start_pos)


def _unclosed(text: str, until: int) -> str:
    opened = _opened(text, until)
    return f"; the {opened[-1][0]!r} of line {opened[-1][1]} is not closed" if opened else ""


def _opened(text: str, until: int) -> list[tuple[str, int]]:
    """The brackets that are open at `until`, with their lines."""
    opened: list[tuple[str, int]] = []
    line = 1
    for found in _BRACKET.finditer(text, 0, until):
        sign = found.group()
        if sign in _PAIRS:
            opened.append((sign, line))
        elif sign in _PAIRS.values() and opened:
            opened.pop()
        line += sign.count("\n")
    return opened
