"""Rows of a pattern table: from a support table's `patterns`, and the order in which rows are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from byoc.errors import PatternError, TableError
from byoc.partition.patterns.ast import Row
from byoc.partition.patterns.text import parse
from byoc.partition.patterns.walk import names, roots, size

__all__ = ["PatternEntry", "PatternTable", "names", "ordered", "roots", "size", "table_rows"]


class PatternEntry(Protocol):
    """One entry of a table's `patterns`, bound to a chip. `line` and `column` are those of the text's start."""

    @property
    def name(self) -> str:
        """The pattern's name, without the vendor's."""

    @property
    def text(self) -> str:
        """The pattern text."""

    @property
    def file(self) -> str:
        """The table's file."""

    @property
    def line(self) -> int:
        """The line of the text's first character in the file, from 1."""

    @property
    def column(self) -> int:
        """The column of the text's first character in the file, from 1."""

    @property
    def priority(self) -> int:
        """Larger is tried first."""

    @property
    def use(self) -> str:
        """`alone` or `joined`."""

    @property
    def qdq(self) -> bool:
        """Whether the quantised form matches too."""

    @property
    def rule(self) -> str:
        """Where the row stands, as refusals say it."""

    @property
    def test(self) -> Callable[..., Any]:
        """The rules of the row."""


class PatternTable(Protocol):
    """What of a bound support table matters here."""

    @property
    def patterns(self) -> Sequence[PatternEntry]:
        """The entries in table order."""


def table_rows(table: PatternTable, vendor: str) -> tuple[Row, ...]:
    """Return the rows of a support table's `patterns`, in table order.

    Raises TableError with the file's line and column for text that does not parse.
    """
    return tuple([_row(entry, vendor) for entry in table.patterns])


def ordered(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return `rows` as they are tried: larger priority, then more ops, then the order given."""
    return tuple(sorted(rows, key=lambda row: (-row.priority, -size(*row.outputs))))


def _row(entry: PatternEntry, vendor: str) -> Row:
    try:
        outputs = parse(entry.text)
    except PatternError as error:
        line, column = _in_file(entry, error.line or 1, error.column or 1)
        what = f"pattern {entry.name}: {error.what}"
        raise TableError(what, file=entry.file, line=line, column=column) from None
    return Row(
        vendor,
        f"{vendor}.{entry.name}",
        outputs,
        entry.priority,
        entry.rule,
        entry.test,
        qdq=entry.qdq,
        joined=entry.use == "joined",
    )


def _in_file(entry: PatternEntry, line: int, column: int) -> tuple[int, int]:
    """Where a place in the text is in the file: block scalars are indented alike on every line."""
    return entry.line + line - 1, entry.column + column - 1
