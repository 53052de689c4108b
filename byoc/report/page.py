"""How reports put text on a page: nothing is cut, long names stay whole, lines end without blanks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

_WORD = re.compile(r"\S+\s*")


def console(file: TextIO | None = None) -> Console:
    """A console on `file` (stdout) that shows text as it is: no markup, no guessed highlights.

    Colours appear on a terminal only, and not with NO_COLOR; away from a terminal a line has 80 columns.
    """
    return Console(file=file, markup=False, highlight=False, emoji=False)


def line(out: Console, text: Text | str, style: str = "") -> None:
    """Print one line that is never wrapped."""
    shown = Text(text, style) if isinstance(text, str) else text
    shown.rstrip()
    out.print(shown, soft_wrap=True)


def paragraph(
    out: Console, text: Text | str, style: str = "", *, indent: int = 0, prefix: Text | None = None
) -> None:
    """Print `text` wrapped at words, every line indented; `prefix` stands in the first line's indent.

    A word longer than the line stays whole, so that a node's name can be copied.
    """
    words = Text(text, style) if isinstance(text, str) else text
    width = max(out.width - indent, 20)
    first = prefix or Text()
    for wrapped in words.divide(_breaks(words.plain, width)):
        wrapped.rstrip()
        first.pad_right(indent - first.cell_len)
        line(out, first + wrapped)
        first = Text()


def columns(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Lay `rows` out in aligned columns, the first `left` of them to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(_cells(row, widths, left)).rstrip() for row in rows]


def fields(out: Console, pairs: Sequence[tuple[str, str]]) -> None:
    """Print a line for each label and its value, which wraps beside the labels."""
    width = max(len(label) for label, _ in pairs) + 4
    for label, value in pairs:
        paragraph(out, value, indent=width, prefix=Text(f"  {label}", "dim"))


def bar(part: int, whole: int, width: int, style: str, out: Console) -> Text:
    """A bar of `width` columns; a part that is neither nothing nor all shows as neither."""
    full, empty = ("#", ".") if out.options.ascii_only else ("█", "░")
    filled = round(width * part / whole) if whole else 0
    if 0 < part < whole:
        filled = min(max(filled, 1), width - 1)
    return Text.assemble((full * filled, style), (empty * (width - filled), "dim"))


def _breaks(text: str, width: int) -> list[int]:
    """Where `text` is cut into lines of `width`, before words only (rich's own wrapping cuts long words)."""
    breaks: list[int] = []
    column = 0
    for word in _WORD.finditer(text):
        if column and column + cell_len(word.group().rstrip()) > width:
            breaks.append(word.start())
            column = 0
        column += cell_len(word.group())
    return breaks


def _cells(row: Sequence[str], widths: Sequence[int], left: int) -> list[str]:
    return [
        f"{cell:<{width}}" if index < left else f"{cell:>{width}}"
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
