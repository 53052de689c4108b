"""Symbolic dimensions: bound by the tensors given, computed where they are expressions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc.manifest import Port
from byoc.runtime.extents import bind, extent_size, sizes


def test_the_first_tensor_binds_a_name() -> None:
    ports = [Port("a", "float32", ("n", 3)), Port("b", "float32", ("n", "m"))]
    assert bind(ports, [(2, 3), (5, 7)]) == {"n": 2, "m": 7}


@pytest.mark.parametrize(
    ("extent", "size"),
    [
        (4, 4),
        (None, None),
        ("n", 3),
        ("m", None),
        ("n * 2 + 1", 7),
        ("(n + 1) // 2", 2),
        ("T.max(n, T.int64(5))", 5),
        ("n + m", None),
        ("n ** 9 ** 9 ** 9", None),
        ("__import__('os')", None),
    ],
)
def test_the_size_of_an_extent(extent: int | str | None, size: int | None) -> None:
    assert extent_size(extent, {"n": 3}) == size


@given(st.integers(0, 1000), st.integers(1, 50), st.integers(0, 50))
def test_expressions_are_those_of_python(n: int, factor: int, offset: int) -> None:
    port = Port("a", "float32", (f"n * {factor} + {offset}", f"n // {factor}"))
    assert sizes(port, {"n": n}) == (n * factor + offset, n // factor)


def test_an_unknown_rank_stays_unknown() -> None:
    assert sizes(Port("a", "float32", None), {"n": 3}) is None
