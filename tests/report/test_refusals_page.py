"""docs/refusals.md says what every refusal code means."""

from __future__ import annotations

import re
from pathlib import Path

from byoc.support.refusal import CODES

PAGE = Path(__file__).parents[2] / "docs" / "refusals.md"


def test_every_code_has_a_row_in_the_order_of_codes() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert tuple(code for code, _, _ in rows) == CODES
    assert all(len(meaning) > 20 and len(advice) > 10 for _, meaning, advice in rows)
