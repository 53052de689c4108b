"""Numbers, strings and references to the metadata section, from their words."""

from __future__ import annotations

import math
import re

from byoc.errors import nearest
from byoc.frontends.relay.ast import MetaValue, Position
from byoc.frontends.relay.lexer import Unreadable, Word

_NUMBER = re.compile(
    r"(?P<digits>inff|nanf|[0-9.]+(?:[eE][+-]?[0-9]+)?)"
    r"(?P<kind>u?int|b?float|[iuf])?(?P<width>[0-9]+)?"
)
_DTYPES = frozenset(
    ["bool", "bfloat16", "float16", "float32", "float64"]
    + [f"{sign}int{width}" for sign in ("", "u") for width in (1, 8, 16, 32, 64)]
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_LONGEST = 18
"""Digits of an index, or of an integer that certainly fits 64 bits."""


def number(word: Word, negative: bool) -> tuple[float | int, str]:
    """The value and dtype of a number. Raises Unreadable."""
    found = _NUMBER.fullmatch(word.text)
    assert found is not None, "the grammar's NUMBER is no wider"
    digits, kind, width = found["digits"], found["kind"] or "", found["width"]
    if digits in ("inff", "nanf"):
        value = float(digits[:3])
        return -value if negative else value, dtype(f"float{width or 32}", word.at)
    if kind in ("f", "float", "bfloat") or not digits.isdigit():
        if kind in ("i", "u", "int", "uint"):
            raise Unreadable(word.at, f"{word.text} has a fraction, but an integer's suffix")
        written = _float(digits, word.at)
        name = f"{'bfloat' if kind == 'bfloat' else 'float'}{width or 32}"
        return -written if negative else written, dtype(name, word.at)
    return _integer(word, ("-" if negative else "") + digits, kind.startswith("u"), width)


def _integer(word: Word, digits: str, unsigned: bool, width: str | None) -> tuple[int, str]:
    short = len(digits) <= _LONGEST and -(2**31) <= int(digits) < 2**31
    name = dtype(f"{'u' if unsigned else ''}int{width or (32 if short else 64)}", word.at)
    bits = int(name.rpartition("int")[2])
    low, high = (0, 2**bits) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    sign = "-" if digits.startswith("-") else ""
    if len(digits) > _LONGEST + 3 or not low <= int(digits) < high:
        raise Unreadable(word.at, f"{sign}{word.text[:40]} does not fit {name}")
    return int(digits), name


def _float(digits: str, at: Position) -> float:
    try:
        value = float(digits)
    except ValueError:
        raise Unreadable(at, f"{digits[:40]} is no number") from None
    if math.isinf(value):
        raise Unreadable(at, f"{digits[:40]} does not fit a float")
    return value


def dtype(name: str, at: Position) -> str:
    """`name`, when there is a dtype of that name. Raises Unreadable."""
    if name not in _DTYPES:
        raise Unreadable(at, f"there is no type {name}{nearest(name, _DTYPES)}")
    return name


def index(word: Word, digits: str) -> int:
    """An index of a tuple or of the metadata section. Raises Unreadable for one beyond any."""
    if len(digits) > _LONGEST:
        raise Unreadable(word.at, f"{digits[:40]} is no index")
    return int(digits)


def text_of(word: Word) -> str:
    """What a string says, its escapes replaced."""
    written = word.text[1:-1]
    if "\\" not in written:
        return written
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), written, flags=re.S)


def entry(word: Word) -> MetaValue:
    """The entry of the metadata section that `meta[KIND][INDEX]` names."""
    kind, digits = word.text[len("meta[") : -1].split("][")
    return MetaValue(kind, index(word, digits))
