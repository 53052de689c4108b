"""What to say of text that the grammar does not allow."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lark import Lark
from lark.exceptions import UnexpectedInput

from byoc import nearest
from byoc.vendors.npu.errors import AssemblyError

_WORDS: Final = {
    "ADDRESS": "an address in brackets",
    "ASSIGN": "'=' or '+='",
    "EXTENTS": "a shape, as 1x28x28",
    "NUMBER": "a whole number",
    "OPERAND": "an operand, as f32[sp + 64]{0, 64, 4}",
    "SETTING": "a setting, as key=value",
    "STRING": "a string in double quotes",
    "TOKENS": "wait(...) or signal(...)",
    "WORD": "a word",
    "_NL": "the end of the line",
    "LESSTHAN": "'<-'",
    "PLUS": "'+'",
    "STAR": "'*'",
}

STATEMENTS: Final = (
    *(".chip", ".input", ".output", ".constants", ".tmp", ".limit", ".composite", ".buffer"),
    *("set", "add", "loop", "end", "halt"),
    *("load", "store", "mm", "vec", "red", "win", "fill"),
)


def syntax_error(error: UnexpectedInput, text: str, parser: Lark) -> AssemblyError:
    """Say in plain words what stands at the place, and what could."""
    line, column = error.line, error.column
    rest = text.split("\n")[line - 1][column - 1 :] if line <= text.count("\n") + 1 else ""
    found = re.match(r"\.?[A-Za-z_0-9]+|[^\s#]", rest)
    before = text.split("\n")[line - 1][: column - 1] if found else ""
    if found and not before.strip():
        what = f"unknown statement {found[0]!r}"
        return AssemblyError(
            what + (nearest(found[0], STATEMENTS) or _list(STATEMENTS)), line=line, column=column
        )
    what = f"unexpected {found[0]!r}" if found else "the line ends too early"
    return AssemblyError(f"{what}; expected {_expected(error, parser)}", line=line, column=column)


def _list(words: Iterable[str]) -> str:
    return "; expected " + ", ".join(words)


def _expected(error: UnexpectedInput, parser: Lark) -> str:
    found = (getattr(error, name, None) for name in ("accepts", "expected", "allowed"))
    terminals: Iterable[str] = next((each for each in found if each), ())
    names = sorted(each for each in terminals if not each.startswith("$"))
    return " or ".join(dict.fromkeys(_WORDS.get(each, each.strip("_").lower()) for each in names))
