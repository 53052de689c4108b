"""The table of the operators that byoc converts, for docs/relay.md."""

from __future__ import annotations

from byoc.frontends.relay.operation import Row
from byoc.frontends.relay.ops import OPERATORS


def coverage_table() -> str:
    """The operators in Markdown: one table a family, families as they are registered, operators by name."""
    families: dict[str, list[Row]] = {}
    for row in OPERATORS.values():
        families.setdefault(row.family, []).append(row)
    return "\n\n".join(_table(name, rows) for name, rows in families.items())


def _table(family: str, rows: list[Row]) -> str:
    lines = [f"### {family}", "", "| Relay | Relax | attributes |", "|---|---|---|"]
    for row in sorted(rows, key=lambda each: each.name):
        attributes = ", ".join(f"`{name}`" for name in row.defaults)
        lines.append(f"| `{row.name}` | {row.form} | {attributes} |")
    return "\n".join(lines)
