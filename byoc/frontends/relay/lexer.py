"""Relay text as words: the terminals of grammar.lark in one regular expression, one match a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lark.lexer import Lexer

from byoc.frontends.relay.ast import Position

if TYPE_CHECKING:
    from lark.common import LexerConf

_INNER = r"/\*(?:[^*/]++|\*(?!/)|/(?!\*))*+\*/"
_COMMENT = rf"/\*(?:[^*/]++|\*(?!/)|/(?!\*)|{_INNER})*+\*/|/\*(?:[^*]++|\*(?!/))*+\*/"
"""A comment, with comments inside; or, where these do not match, up to the first end of one."""
_BLANK = rf"(?:[ \t\r\n\f]++|{_COMMENT}|//[^\n]*+)*+"
_SPAN = re.compile(r"span=([^\s*]+?):[0-9]+:[0-9]+\s")
_NAMED = frozenset(["RPAR", "META"])
"""The last word of what a comment behind it may name the source node of."""
_LEFT_OUT = ("match", "type", "extern", "ref", "ref_read", "ref_write", "grad")
"""Keywords of what has no form in Relax."""
_STEPS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_DEEPEST = 200
"""Brackets within brackets; texts that TVM writes have five or so."""


class Word:
    """A word: its terminal, its characters, its place, and the source node that the comment behind it names."""

    __slots__ = ("column", "end_pos", "line", "span", "start_pos", "text", "type")

    # Lark copies these to the word that stands for the text's end.
    end_line = end_column = 0

    def __init__(self, kind: str, text: str, line: int, column: int, start: int, end: int) -> None:
        self.type, self.text, self.line, self.column = kind, text, line, column
        self.start_pos, self.end_pos, self.span = start, end, ""

    @property
    def at(self) -> Position:
        """Its place."""
        return Position(self.line, self.column)


class Unreadable(Exception):  # noqa: N818 (never leaves the frontend)
    """Something at `at` is wrong; the message says what."""

    def __init__(self, at: Position, message: str) -> None:
        super().__init__(message)
        self.at = at


class RelayLexer(Lexer):
    """What Lark asks for words. Keywords are no names, and a minus sign is a word of its own."""

    def __init__(self, conf: LexerConf) -> None:
        patterns = [each for each in conf.terminals if each.pattern.type == "re"]
        patterns.sort(key=lambda each: (-each.priority, each.name))
        named = [f"(?P<{each.name}>{each.pattern.to_regexp()})" for each in patterns]
        self._kinds = {
            each.pattern.value: each.name for each in conf.terminals if each.pattern.type == "str"
        }
        self._kinds |= dict.fromkeys(_LEFT_OUT, "WRONG")
        signs = sorted((each for each in self._kinds if not each[0].isalpha()), key=len)
        sign = "|".join(re.escape(each) for each in reversed(signs))
        self._blank = re.compile(_BLANK)
        self._word = re.compile(
            rf"(?:{'|'.join(named)}|(?P<WRONG>/\*)|(?P<SIGN>{sign})|(?P<OTHER>.)){_BLANK}",
            re.DOTALL,
        )

    def lex(self, text: Any, _: Any = None) -> Iterator[Any]:
        """The words of `text`. Raises Unreadable."""
        begin = self._blank.match(text)
        kinds, steps, depth = self._kinds, _STEPS, 0
        ends = [*(found.start() for found in re.finditer("\n", text)), len(text)]
        line, before, end_of_line = 1, -1, ends[0]
        for found in self._word.finditer(text, begin.end() if begin else 0):
            kind, start, index = found.lastgroup, found.start(), found.lastindex
            assert kind is not None and index is not None, "the expression has an alternative left"
            while start > end_of_line:
                before, end_of_line = end_of_line, ends[line]
                line += 1
            written, end = found[index], found.end(index)
            if kind == "SIGN":
                kind = kinds[written]
                depth += steps.get(written, 0)
            elif kind == "NAME":
                kind = kinds.get(written, kind)
                if kind == "WRONG" and text.startswith("=", found.end()):
                    kind = "NAME"  # an attribute of that name
            elif kind == "OTHER":
                kind = "WRONG"
            word = Word(kind, written, line, start - before, start, end)
            if kind == "WRONG" or depth > _DEEPEST:
                raise Unreadable(word.at, _wrong(text, word))
            if kind in _NAMED and found.end() != end:
                named = text.find("span=", end, found.end())
                span = _SPAN.match(text, named) if named >= 0 else None
                word.span = span[1] if span else ""
            yield word


def _wrong(text: str, word: Word) -> str:
    if word.type != "WRONG":
        return f"brackets within brackets, more than {_DEEPEST} deep"
    if word.text in _LEFT_OUT:
        return f"{word.text}: algebraic data types, references and match have no form in Relax"
    if word.text == "/*":
        return "the comment is not closed"
    if word.text == '"':
        return "the string is not closed"
    if text.startswith("#[", word.start_pos):
        return 'expected #[version = "0.0.5"] or #[metadata]'
    return f"unexpected {word.text!r}"
