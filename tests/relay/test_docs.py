"""The code of docs/relay-backend.md runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from byoc.frontends.model import Model
from byoc.relay import register
from byoc.relay.table import rows_from_relay
from tests.relay.build import found
from tests.relay.test_rewriting import NORM, module, ops, same_results

PAGE = Path(__file__).parents[2] / "docs" / "relay-backend.md"


def test_the_page_s_table_partitions_and_prepares(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in ("_TABLES", "_OPS"):
        monkeypatch.setattr(register, registry, {})
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        exec(block, names)
    table = names["pattern_table"]()
    assert [row.name for row in rows_from_relay("bnns", table)] == [row[0] for row in table]
    text = "c = nn.conv2d(i, w); a = add(c, b); r = nn.relu(a) -> r"
    assert found(text, table)[0].endswith("(c a r)")
    prepared = names["relay"].rewritten(Model("norm", module(NORM)), names["prepared"])
    assert ops(prepared.module) == ["nn.layer_norm"]
    assert same_results(NORM, prepared.module)
