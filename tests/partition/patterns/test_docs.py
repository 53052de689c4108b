"""docs/patterns.md: every pattern in it parses, every Python example runs, every name of the facade is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from byoc import patterns
from byoc.partition.patterns.ast import Row
from byoc.partition.patterns.library import FORMS
from byoc.partition.patterns.text import parse
from byoc.partition.patterns.walk import size

PAGE = (Path(__file__).parents[3] / "docs" / "patterns.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", blocks("pattern"))
def test_every_pattern_parses(text: str) -> None:
    assert size(*parse(text)) > 0


@pytest.mark.parametrize("code", blocks("python"))
def test_every_python_example_runs(code: str) -> None:
    names: dict[str, object] = {"__name__": "docs"}
    exec(compile(code, "patterns.md", "exec", dont_inherit=True), names)
    if callable(table := names.get("byoc_pattern_table")):
        rows = table("mychip")
        assert [type(each) for each in rows] == [Row] * 3
        assert rows[0].name == "mychip.conv2d_bias_relu"


def test_the_page_has_examples_of_both() -> None:
    assert len(blocks("pattern")) >= 4
    assert len(blocks("python")) == 2


@pytest.mark.parametrize("name", [*patterns.__all__, *FORMS])
def test_every_name_is_told(name: str) -> None:
    if name not in ("COMMUTATIVE", "Pattern", "Row"):
        assert name in PAGE
