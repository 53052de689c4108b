"""What is wrong with a text that the grammar has no rule for, in words."""

from __future__ import annotations

import re

from lark.exceptions import UnexpectedToken

from byoc.frontends.relay.ast import Position
from byoc.frontends.relay.lexer import Word

_LEFT_OUT = {"match", "type", "extern", "ref", "ref_read", "ref_write", "grad"}
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
    "LBRACE": "'{'",
    "LPAR": "'('",
}
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_BRACKET = re.compile(r'"(?:[^"\\]++|\\[\s\S])*+"|/\*[\s\S]*?\*/|//[^\n]*+|[()\[\]{}\n]')
_BINARY = re.compile(r"[\0-\x08\x0e-\x1f]")


def explain(error: UnexpectedToken, text: str) -> tuple[Position, str]:
    """The place of a mistake, and what it is."""
    word = error.token
    if not text.strip():
        return Position(1, 1), "the text is empty"
    if _BINARY.search(text[:200]):
        return Position(1, 1), "this is no text. Expected Relay as `mod.astext()` of TVM writes it"
    if text.lstrip().startswith("{"):
        words = "this is no Relay text, perhaps JSON of a module. Write it as text, with `mod.astext()` of that TVM"
        return Position(1, 1), words
    if word.type == "$END":
        return _end(text), "the text ends too early" + _unclosed(text, len(text))
    at = Position(word.line, word.column)
    if text.startswith("/*", word.start_pos):
        return at, "the comment is not closed"
    if word.text in _LEFT_OUT:
        words = f"{word.text}: algebraic data types, references and match have no form in Relax"
        return at, words
    return at, f"unexpected {_shown(word.text)}" + _expected(error) + _crossed(text, word)


def _end(text: str) -> Position:
    return Position(text.count("\n") + 1, len(text) - text.rfind("\n"))


def _shown(written: str) -> str:
    return repr(written if len(written) <= 40 else written[:37] + "...")


def _expected(error: UnexpectedToken) -> str:
    """What could have stood there, "" when that is too much to say."""
    signs = [shown for kind, shown in _SIGNS.items() if kind in error.expected]
    kinds = [shown for kind, shown in _KINDS.items() if kind in error.expected]
    words = signs or kinds[:1]
    return f"; expected {' or '.join(words)}" if 0 < len(words) <= 3 else ""


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


def _crossed(text: str, word: Word) -> str:
    """Words for a closing bracket that is not the one of the bracket last opened."""
    if word.text not in _PAIRS.values():
        return ""
    opened = _opened(text, word.start_pos)
    if not opened:
        return "; no bracket is open"
    return "" if _PAIRS[opened[-1][0]] == word.text else _unclosed(text, word.start_pos)
