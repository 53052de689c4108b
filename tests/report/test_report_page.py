"""docs/report.md names every field of the JSON report."""

from __future__ import annotations

import re
from pathlib import Path

from byoc.report import schema

PAGE = Path(__file__).parents[2] / "docs" / "report.md"


def test_every_field_of_the_document_is_on_the_page() -> None:
    table = PAGE.read_text("utf-8").partition("## JSON")[2].partition("## Exit codes")[0]
    rows = [row for row in table.splitlines() if row.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z]+)`", row.split("|")[1])}
    assert named == set(schema()["properties"])


def test_every_exit_code_is_on_the_page() -> None:
    codes = re.findall(r"^\| (\d+) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert codes == ["0", "1", "2", "130"]
