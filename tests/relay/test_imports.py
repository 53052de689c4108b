"""The names that real tables import of TVM: each has its place in byoc.relay, or stands among those without."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.relay.imports import IMPORTS, WITHOUT

DOC = Path(__file__).parents[2] / "docs" / "relay-backend.md"

MOVED = {
    "tvm.relay.op.contrib.register": "byoc.relay.register",
    "tvm.relay.op.strategy.generic": "byoc.relay.strategy",
    "tvm.relay": "byoc.relay",
    "tvm": "byoc.relay.tvm",
}
"""How the documentation says that imports change; the longest that fits counts."""


def named() -> list[str]:
    """Every name that a table imports, in full, each once."""
    found = {
        f"{module}.{name}": None
        for table in IMPORTS.values()
        for module, names in table.items()
        for name in names.split()
    }
    return sorted(found)


def resolved(name: str) -> Any:
    """What stands in byoc for one of TVM's names. Raises AttributeError, ImportError."""
    old = next(old for old in MOVED if name.startswith(f"{old}."))
    held: Any = import_module(MOVED[old])
    for part in name.removeprefix(f"{old}.").split("."):
        held = getattr(held, part)
    return held


def test_every_name_has_a_place_or_a_reason() -> None:
    missing = []
    for name in named():
        try:
            resolved(name)
        except (AttributeError, ImportError):
            missing.append(name)
    assert missing == sorted(WITHOUT)


def test_the_page_counts_them() -> None:
    count, without = len(named()), len(WITHOUT)
    words = f"{len(IMPORTS)} tables import {count} names; {count - without} of them"
    assert re.sub(r"\s+", " ", DOC.read_text("utf-8")).count(words) == 1, words


@pytest.mark.parametrize("name", ["tvm.relay.nosuch", "tvm.nosuch", "tvm.relay.expr.nosuch"])
def test_other_names_say_that_they_are_not_there(name: str) -> None:
    with pytest.raises(AttributeError, match="nosuch"):
        resolved(name)
