from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc.partition.patterns.attributes import hold


@pytest.mark.parametrize(
    ("wanted", "given", "rank", "holds"),
    [
        (2, 2, None, True),
        (2, (2, 2), None, True),
        (2, (2, 1), None, False),
        (2, (), None, False),
        ([2, 2], (2, 2), None, True),
        ((2,), 2, None, True),
        ((2, 2), (2,), None, False),
        ("NCHW", "NCHW", None, True),
        ("NCHW", "NHWC", None, False),
        (True, True, None, True),
        (True, 1, None, True),
        (None, None, None, True),
        (None, 0, None, False),
        (1e-5, 9.999999747378752e-06, None, True),
        (1e-5, 1.1e-5, None, False),
        (0.5, "x", None, False),
    ],
)
def test_values(wanted: object, given: object, rank: int | None, holds: bool) -> None:
    assert hold({"key": wanted}, {"key": given, "other": 1}, rank) is holds


@pytest.mark.parametrize(
    ("wanted", "given", "rank", "holds"),
    [
        (-1, 3, 4, True),
        (-1, -1, 4, True),
        (-1, 3, 5, False),
        (-1, 3, None, False),
        (-1, (3,), 4, True),
        (3, (3, 3), 4, False),
        ([-2, -1], (2, 3), 4, True),
        ([-1, -2], (2, 3), 4, False),
        (0, 0, 0, True),
    ],
)
def test_axes_count_from_the_end(
    wanted: object, given: object, rank: int | None, holds: bool
) -> None:
    assert hold({"axis": wanted}, {"axis": given}, rank) is holds
    assert hold({"axes": wanted}, {"axes": given}, rank) is holds


def test_an_attribute_that_is_missing_never_holds() -> None:
    assert not hold({"axis": None}, {}, 4)
    assert hold({}, {}, None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)


@given(VALUES, VALUES, st.none() | st.integers(0, 6))
def test_any_two_values_compare(one: object, other: object, rank: int | None) -> None:
    for key in ("axis", "key"):
        assert hold({key: one}, {key: other}, rank) in (True, False)
