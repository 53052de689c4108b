import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc.support.leaves import (
    DTYPES,
    DimSpec,
    Signature,
    parse_dim,
    parse_signature,
    parse_size,
    plain_sizes,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512KiB", 524288), ("1 MiB", 1 << 20), ("1.5KiB", 1536), ("2kB", 2000), ("16B", 16)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


def test_an_unknown_unit_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'KIB' is no unit of size; did you mean 'K[i]?B'"):
        parse_size("512KIB")


def test_text_that_is_no_size_is_left_alone() -> None:
    hardware = {"sram": "1KiB", "name": "v2", "core": {"line": "64B"}, "banks": ["1KiB", 2]}
    assert plain_sizes(hardware) == {
        "sram": 1024,
        "name": "v2",
        "core": {"line": 64},
        "banks": [1024, 2],
    }


@pytest.mark.parametrize(
    ("entry", "spec"),
    [
        (3, DimSpec(3, 3)),
        ("3?", DimSpec(3, 3, symbolic=True)),
        ("%16", DimSpec(multiple=16)),
        ("1..8192", DimSpec(1, 8192)),
        ("..64", DimSpec(None, 64)),
        ("16..", DimSpec(16)),
        ("16..512%8", DimSpec(16, 512, 8)),
        ("*", DimSpec()),
        ("?", DimSpec(symbolic=True)),
        ("%4?", DimSpec(multiple=4, symbolic=True)),
        ("...", None),
    ],
)
def test_dimensions(entry: int | str, spec: DimSpec | None) -> None:
    assert parse_dim(entry) == spec


@pytest.mark.parametrize("entry", [-1, "", "..", "..?", "16-32", "%0", "%", "9..1", "a", "1...3"])
def test_what_is_no_dimension_is_refused(entry: int | str) -> None:
    with pytest.raises(ValueError, match=r"dimension|holds nothing"):
        parse_dim(entry)


@given(st.text(max_size=8))
def test_any_text_is_a_dimension_or_a_value_error(text: str) -> None:
    try:
        spec = parse_dim(text)
    except ValueError:
        return
    assert spec is None or isinstance(spec.words, str)


def test_signatures() -> None:
    assert parse_signature("float32") == Signature(every="float32")
    assert parse_signature("(int8, *) -> (int8, int32)") == Signature(
        ("int8", "*"), ("int8", "int32")
    )
    assert parse_signature("(int8, int8) -> int8").words == "(int8, int8) -> int8"


@pytest.mark.parametrize("text", ["float3", "(int8) -> int7", "int8 -> int8", "(int8)", "*", ""])
def test_what_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        parse_signature(text)


def test_every_dtype_is_one_of_tvm() -> None:
    from tvm_ffi import dtype

    for name in DTYPES:
        assert str(dtype(name)) == name
