from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from byoc.errors import TableError
from byoc.partition.patterns.ast import Row
from byoc.partition.patterns.rows import ordered, table_rows
from byoc.partition.patterns.text import parse


@dataclass(frozen=True)
class Entry:
    name: str
    text: str
    priority: int = 0
    use: str = "alone"
    qdq: bool = False
    file: str = "npu/support.yaml"
    line: int = 12
    column: int = 7
    rule: str = "support.yaml:10"

    def test(self, facts: Any) -> None:
        return None


@dataclass(frozen=True)
class Table:
    patterns: tuple[Entry, ...] = field(default=())


def test_entries_become_rows() -> None:
    entry = Entry("act", "nn.relu(x)", 3, "joined", True)
    (row,) = table_rows(Table((entry,)), "npu")
    assert (row.vendor, row.name, row.priority, row.rule) == (
        "npu",
        "npu.act",
        3,
        "support.yaml:10",
    )
    assert row.joined and row.qdq and row.test == entry.test and row.check is None


def test_errors_are_placed_in_the_file() -> None:
    with pytest.raises(TableError) as caught:
        table_rows(Table((Entry("act", "c = exp(x)\nnn.rleu(c)"),)), "npu")
    assert str(caught.value) == (
        "npu/support.yaml:13:7: pattern act: unknown op 'nn.rleu'; did you mean 'nn.relu'?"
    )
    with pytest.raises(TableError, match=r"npu/support.yaml:12:11: .* unknown op 'eyp'"):
        table_rows(Table((Entry("act", "exp(eyp(x))"),)), "npu")
    with pytest.raises(
        TableError, match=r"npu/support.yaml:12:7: pattern act: the pattern is empty"
    ):
        table_rows(Table((Entry("act", ""),)), "npu")


def test_order_is_priority_then_size_then_the_table() -> None:
    def row(name: str, text: str, priority: int = 0) -> Row:
        return Row("npu", name, parse(text), priority)

    rows = [
        row("small", "exp(x)"),
        row("large", "exp(exp(x))"),
        row("late", "tanh(x)"),
        row("urgent", "sigmoid(x)", 5),
        row("never", "exp(exp(exp(x)))", -1),
    ]
    assert [each.name for each in ordered(rows)] == ["urgent", "large", "small", "late", "never"]
