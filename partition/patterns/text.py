"""Pattern text: parse the `match` of a support table's patterns (docs/patterns.md has the grammar).

Importing this module does not import TVM.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.lark import PostLex

from byoc.errors import PatternError
from byoc.partition.patterns._build import Builder
from byoc.partition.patterns.ast import Pattern
from byoc.support.ops import OpInfo, known_ops

_OPEN: Final = frozenset({"LPAR", "LSQB", "LBRACE"})
_CLOSE: Final = frozenset({"RPAR", "RSQB", "RBRACE"})
_GOES_ON: Final = frozenset({"VBAR", "COMMA", "EQUAL"})

_WORDS: Final = {
    "NAME": "a name",
    "NUMBER": "a number",
    "INT": "a number",
    "STRING": "a string",
    "_NL": "the end of the line",
    "$END": "the end of the text",
}


def parse(
    text: str, *, where: str = "", known: Mapping[str, OpInfo] | None = None
) -> tuple[Pattern, ...]:
    """Parse pattern text into its outputs, one pattern each; they share nodes.

    `where` says in messages whose pattern it is. `known` are the ops that may be named, all of Relax and ONNX by
    default. Raises PatternError with line and column for a syntax error, an unknown op, attribute or ready-made
    form, a value defined twice, late or never used, and an output that no op computes.
    """
    ops = known_ops() if known is None else known
    try:
        return Builder(_tree, ops, where).outputs(_tree(text, where))
    except RecursionError:
        raise PatternError("the pattern is nested too deeply", where=where) from None


@cache
def _tree(text: str, where: str = "") -> Tree[Token]:
    """Parse `text` into lark's tree; every form of the library is parsed once."""
    if not text.strip():
        raise PatternError("the pattern is empty; expected at least an op", where=where)
    try:
        return _parser().parse(text)
    except UnexpectedInput as error:
        raise _syntax_error(error, text, where) from None


@cache
def _parser() -> Lark:
    """Make the LALR parser; lark refuses a grammar with conflicts."""
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer="basic",
        postlex=_Lines(),
        propagate_positions=True,
        maybe_placeholders=False,
    )


class _Lines(PostLex):
    """Drops line ends inside brackets, after `|`, `,` and `=`, and before a line that starts with `|`."""

    always_accept = ("_NL",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """Pass on the tokens that the grammar should see."""
        depth, last, held = 0, "", None
        for token in stream:
            if token.type == "_NL":
                held = None if depth or last in _GOES_ON else held or token
                continue
            if held is not None and token.type != "VBAR":
                yield held
            held = None
            depth += (token.type in _OPEN) - (token.type in _CLOSE)
            last = token.type
            yield token


def _syntax_error(error: UnexpectedInput, text: str, where: str) -> PatternError:
    """Say in plain words what lark did not understand."""
    line, column = error.line, error.column
    if isinstance(error, UnexpectedCharacters):
        return PatternError(f"unexpected {error.char!r}", where=where, line=line, column=column)
    assert isinstance(error, UnexpectedToken)
    expected = ", ".join(dict.fromkeys(sorted(map(_word, error.expected))))
    if error.token.type == "$END":
        lines = text.rstrip().splitlines()
        what, line, column = "the text ends too early", len(lines), len(lines[-1]) + 1
    elif error.token.type == "_NL":
        what = "the line ends too early"
    else:
        what = f"unexpected {str(error.token)!r}"
    return PatternError(f"{what}; expected {expected}", where=where, line=line, column=column)


def _word(terminal: str) -> str:
    """Return the plain word for one of the grammar's terminals."""
    if terminal in _WORDS:
        return _WORDS[terminal]
    return repr(str(_parser().get_terminal(terminal).pattern.value))
