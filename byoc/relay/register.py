"""Registration as tables do it: `register_pattern_table`, `get_pattern_table`, `register_op_attr`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from byoc.errors import PatternError, nearest

Table = Callable[[], Sequence[tuple[Any, ...]]]
Given = TypeVar("Given", bound=Callable[..., Any])

_TABLES: Final[dict[str, Sequence[tuple[Any, ...]] | Table]] = {}
_OPS: Final[dict[str, dict[str, Callable[..., Any]]]] = {}

PREFIX: Final = "target."


def register_pattern_table(compiler: str, table: Table | None = None) -> Any:
    """Register the function that makes the pattern table of `compiler`; a decorator without `table`."""

    def register(given: Table) -> Table:
        _TABLES[compiler] = given
        return given

    return register if table is None else register(table)


def get_pattern_table(compiler: str) -> Sequence[tuple[Any, ...]]:
    """The registered pattern table of `compiler`: its rows (name, pattern[, check]).

    Raises PatternError when none is registered, with the nearest name.
    """
    if compiler not in _TABLES:
        has = ", ".join(sorted(_TABLES)) or "none"
        near = nearest(compiler, _TABLES)
        raise PatternError(
            f"no Relay pattern table is registered for {compiler!r} (there is: {has}){near}; "
            f"import the module that calls register_pattern_table first"
        )
    table = _TABLES[compiler]
    return table() if callable(table) else table


def register_op_attr(op_name: str, attr_key: str, value: Any = None, level: int = 10) -> Any:
    """Register what says whether a compiler takes a single op: `attr_key` is `target.NAME`.

    `value` is a function of the call, or of its attributes and operands; a decorator without it. Attributes other
    than `target.…` mean nothing to byoc and are dropped. `level` is taken and not used, as the last one wins.
    """
    del level

    def register(given: Given) -> Given:
        if attr_key.startswith(PREFIX):
            _OPS.setdefault(attr_key.removeprefix(PREFIX), {})[op_name] = given
        return given

    return register if value is None else register(value)


def registered_tables() -> tuple[str, ...]:
    """The compilers that have a pattern table."""
    return tuple(_TABLES)


def registered_ops(compiler: str) -> dict[str, Callable[..., Any]]:
    """The single ops that `compiler` takes, in order of registration, with what is asked of each."""
    return dict(_OPS.get(compiler, {}))
