"""The documentation of a support table, from the same constraints that refuse: as JSON, markdown or text."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from byoc.support.constraints import Constraint, show
from byoc.support.rules import BoundRow, BoundTable

_USE = {
    "alone": "",
    "joined": "only in a segment with other ops",
    "fused": "only inside a pattern",
}


def as_record(table: BoundTable) -> dict[str, Any]:
    """The table as plain data, the vendor's figures in it: what `--format json` prints."""
    return {
        "vendor": table.vendor,
        "description": table.description,
        "digest": table.digest,
        "hardware": table.hardware,
        "segments": asdict(table.limits),
        "ops": {op: [_row_record(row) for row in rows] for op, rows in table.ops.items()},
        "patterns": [
            {
                "name": each.name,
                "match": each.text,
                "priority": each.priority,
                **_row_record(each),
            }
            for each in table.patterns
        ],
    }


def as_json(table: BoundTable) -> str:
    """The record as indented JSON text."""
    return json.dumps(as_record(table), indent=2, ensure_ascii=False) + "\n"


def as_markdown(table: BoundTable) -> str:
    """A documentation page, from the template `vendors_page.md.j2`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Path(__file__).parents[1] / "codegen_templates"
    environment = Environment(
        loader=FileSystemLoader(templates),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # the page is markdown, which HTML escapes would spoil
    )
    page = environment.get_template("vendors_page.md.j2")
    return page.render(
        table=table,
        hardware=dict(_figures(table.hardware)),
        limits=_limits(table),
        notes=row_notes,
        words=constraint_words,
    )


def as_text(table: BoundTable, width: int = 80) -> str:
    """The table for a terminal of `width` columns."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, highlight=False)
    console.print(
        Text(f"{table.vendor}: {table.description}" if table.description else table.vendor)
    )
    for title, pairs in (
        ("hardware", _figures(table.hardware)),
        ("segments", _limits(table).items()),
    ):
        figures = ", ".join(f"{name} {value}" for name, value in pairs)
        if figures:
            console.print(Text(f"{title}: {figures}"))
    named = [(op, row) for op, rows in table.ops.items() for row in rows]
    for title, rows in (("op", named), ("pattern", [(p.name, p) for p in table.patterns])):
        if not rows:
            continue
        grid = Table(
            "", "", box=None, show_header=False, padding=(0, 2, 0, 0), title_justify="left"
        )
        grid.columns[0].no_wrap = len(max((n for n, _ in rows), key=len)) <= width // 2
        for name, row in rows:
            grid.add_row(Text(name), Text("\n".join(_lines(row))))
        console.print(Text(f"\n{len(rows)} {title} row{'s' if len(rows) > 1 else ''}"))
        console.print(grid)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def constraint_words(constraint: Constraint, quote: str = "") -> str:
    """A constraint in words, the vendor's reason first where it gave one; `quote` stands around expressions."""
    words = f"{quote}{constraint.words}{quote}" if constraint.kind == "when" else constraint.words
    return f"{constraint.because} ({words})" if constraint.because else words


def row_notes(row: BoundRow) -> list[str]:
    """What holds for the row as a whole: its description, its use, its quantised form."""
    quantised = "also quantised (dequantize before, quantize after)" if row.qdq else ""
    return [each for each in (row.description, _USE[row.use], quantised) if each]


def _lines(row: BoundRow) -> Iterator[str]:
    words = [*row_notes(row), *map(constraint_words, row.constraints)]
    yield from words or ["anything"]


def _row_record(row: BoundRow) -> dict[str, Any]:
    return {
        "rule": row.rule,
        "use": row.use,
        "qdq": row.qdq,
        "description": row.description,
        "constraints": [
            {"kind": c.kind, "takes": c.words, "because": c.because, "rule": c.rule}
            for c in row.constraints
        ],
    }


def _figures(hardware: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The hardware's figures by dotted name."""
    for name, value in hardware.items():
        if isinstance(value, Mapping):
            yield from _figures(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", show(tuple(value) if isinstance(value, list) else value)


def _limits(table: BoundTable) -> dict[str, int]:
    return {name: value for name, value in asdict(table.limits).items() if value is not None}
