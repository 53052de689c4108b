"""Attributes of a call as its operator declares them: Relay's defaults, and values of the kinds these have."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from byoc.frontends.relay.operation import Misfit

_UNSET = {
    "a_max": "number",
    "a_min": "number",
    "axes": "integer or integers",
    "axis": "integer or integers",
    "channels": "integer",
    "index_rank": "integer",
    "indices_or_sections": "integer or integers",
    "k": "integer",
    "kernel_size": "integers",
    "lhs_end": "integer",
    "newshape": "integers",
    "output_size": "integers or None",
    "rhs_end": "integer",
    "roi": "numbers",
    "shape": "integers",
    "size": "integers",
    "align_corners": "truth value",
    "transpose_b": "truth value",
    "units": "integer",
}
"""The kinds of attributes without a default. What is not here, such as the bounds of `arange`, is not read."""

_DTYPE = re.compile(r"|u?int(1|8|16|32|64)|float(16|32|64)|bfloat16|bool")

_LISTS = {
    "begin": "integers or None",
    "crops": "pairs of integers",
    "end": "integers or None",
    "pad_width": "pairs of integers",
    "paddings": "pairs of integers",
}


def settled(defaults: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """All attributes of an operator: what is written, of the kind that is declared, and defaults.

    A truth value may be written as 0 or 1, a list of one integer as that integer, no dtype as "void", and what
    has a list or a string for a default as None. Raises Misfit for a value of another kind.
    """
    return {
        name: _value(name, default, written[name]) if name in written else default
        for name, default in defaults.items()
    }


def _value(name: str, default: Any, given: Any) -> Any:
    if given is None and (default is None or isinstance(default, tuple | str)):
        return default
    kind = _kind(name, default)
    if kind is None:
        return given
    if kind == "dtype" and given == "void":
        return ""
    if kind in ("integers", "integers or None") and _is_integer(given):
        given = (given,)
    if not _KINDS[kind](given):
        raise Misfit(
            f"its attribute {name} is {given!r}, where {_ARTICLES.get(kind, kind)} belongs"
        )
    if kind == "truth value":
        return bool(given)
    return float(given) if kind == "number" and isinstance(default, float) else given


def _kind(name: str, default: Any) -> str | None:
    if name in ("dtype", "out_dtype"):
        return "dtype"
    if default is None:
        return _UNSET.get(name)
    if name in _LISTS:
        return _LISTS[name]
    kinds = {bool: "truth value", int: "integer", float: "number", str: "string", tuple: "integers"}
    return kinds[type(default)]


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or _is_integer(value)


def _all(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple) and all(fits(each) for each in value)


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(_is_integer(each) for each in value)


_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "truth value": lambda value: isinstance(value, bool) or value in (0, 1),
    "integer": _is_integer,
    "number": _is_number,
    "dtype": lambda value: isinstance(value, str) and _DTYPE.fullmatch(value) is not None,
    "string": lambda value: isinstance(value, str),
    "integers": _all(_is_integer),
    "integer or integers": lambda value: _is_integer(value) or _all(_is_integer)(value),
    "integers or None": _all(lambda each: each is None or _is_integer(each)),
    "numbers": _all(_is_number),
    "pairs of integers": _all(_is_pair),
}

_ARTICLES = {
    "truth value": "a truth value",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "dtype": "the name of a dtype",
    "integers": "a list of integers",
    "integers or None": "a list of integers",
    "integer or integers": "an integer or a list of integers",
    "numbers": "a list of numbers",
    "pairs of integers": "a list of pairs of integers",
}
