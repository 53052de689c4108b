"""What options read: shapes, counts, vendor options."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc.cli._options import count, read_shapes, read_vendor_options
from byoc.errors import UsageError


def test_shapes_and_dimensions() -> None:
    given = ["input=1,3,224,224", "tokens=8,", "batch=4", "a=b=2, 3"]
    assert read_shapes(given) == (
        {"input": (1, 3, 224, 224), "tokens": (8,), "a=b": (2, 3)},
        {"batch": 4},
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1,3,224,224", "there is no NAME= in it"),
        ("=1,3", "there is no NAME= in it"),
        ("input=", "'' is no positive whole number"),
        ("input=1,,3", "'' is no positive whole number"),
        ("input=1,3,-1", "'-1' is no positive whole number"),
        ("input=1,0", "'0' is no positive whole number"),
        ("input=1,3.5", "'3.5' is no positive whole number"),
        ("input=1x3x224", "'1x3x224' is no positive whole number"),
        ("input=" + "9" * 5000, "is no positive whole number"),
        ("input=٣", "is no positive whole number"),
    ],
)
def test_bad_shapes(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match="expected NAME=1,3,224,224") as error:
        read_shapes([text])
    assert problem in str(error.value)


def test_a_shape_given_twice() -> None:
    with pytest.raises(UsageError, match="'x' is bound twice"):
        read_shapes(["x=1,2", "x=4"])


@given(st.text())
def test_any_shape_is_read_or_refused(text: str) -> None:
    try:
        read_shapes([text])
    except UsageError as error:
        assert repr(text) in str(error)


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("4000", 4000), ("20k", 20_000), ("1.5M", 1_500_000)]
)
def test_counts(text: str, value: int) -> None:
    assert count(text) == value


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5.2", "2 M", "1e3", "M", "inf", "1.5", "9" * 400, "٣"]
)
def test_bad_counts(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no count"):
        count(text)


def test_vendor_options() -> None:
    given = ["npu.cores=2", "npu.chip=a=b", "dsp.fast="]
    assert read_vendor_options(given, ["npu", "dsp"]) == {
        "npu": {"cores": "2", "chip": "a=b"},
        "dsp": {"fast": ""},
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["cores=2"], "expected VENDOR.KEY=VALUE"),
        (["npu.cores"], "expected VENDOR.KEY=VALUE"),
        (["npu.=2"], "expected VENDOR.KEY=VALUE"),
        (["npi.cores=2"], "did you mean 'npu'?"),
        (["npu.cores=2", "npu.cores=3"], "npu.cores is given twice"),
    ],
)
def test_bad_vendor_options(given: list[str], words: str) -> None:
    with pytest.raises(UsageError) as error:
        read_vendor_options(given, ["npu"])
    assert words in str(error.value)
