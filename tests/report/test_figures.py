"""Figures: units, shares, and names made safe."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc.partition.plan import TensorInfo
from byoc.report.figures import clean, macs, plural, share, size, tally, tensors_bytes


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "?"),
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (118_013_952, "118 M"),
        (4_089_184_256, "4.09 G"),
        (31_000_000_000_000_000, "31000 T"),
    ],
)
def test_macs(value: int | None, words: str) -> None:
    assert macs(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0 B"), (1023, "1023 B"), (37_888, "37.0 KiB"), (None, "?")]
)
def test_size(value: int | None, words: str) -> None:
    assert size(value) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 0, "-"),
        (0, 9, "0.0 %"),
        (1, 10_000, "<0.1 %"),
        (1, 3, "33.3 %"),
        (99_999, 100_000, "99.9 %"),
        (7, 7, "100 %"),
    ],
)
def test_share(part: int, whole: int, words: str) -> None:
    assert share(part, whole) == words


def test_plural() -> None:
    assert [plural(n, "op") for n in (0, 1, 1200)] == ["0 ops", "1 op", "1,200 ops"]


def test_tally_cuts_the_rarest() -> None:
    assert tally(["a", "b", "b", "c"], 2) == "b x2, a, 1 more kind"


@pytest.mark.parametrize(
    ("tensors", "total"),
    [
        ([TensorInfo((2, 3), "float32"), TensorInfo((5,), "bfloat16")], 34),
        ([TensorInfo((), "bool")], 1),
        ([TensorInfo((3,), "int4")], 2),
        ([TensorInfo((2,), "float8_e4m3fn")], 2),
        ([TensorInfo((2, "n"), "int8")], None),
        ([TensorInfo((2, None), "int8")], None),
        ([TensorInfo(None, "int8")], None),
        ([TensorInfo((2,), "handle")], None),
    ],
)
def test_tensors_bytes(tensors: list[TensorInfo], total: int | None) -> None:
    assert tensors_bytes(tensors) == total


@given(st.text())
def test_clean_is_one_printable_line(text: str) -> None:
    assert clean(text).isprintable()
