"""Numbers of patterns against constants of every dtype that models have."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc.partition.patterns.numbers import TOLERANCE, agrees, tolerance, uniform

FLOATS = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("number", [0.5, 0.044715, 0.7978845608, 1.4142135, 0.16666667, 6.0, -3.0])
def test_a_number_is_found_in_every_float_dtype(dtype: type, number: float) -> None:
    held = uniform(np.full((2, 3), number).astype(dtype))
    assert held is not None
    assert agrees(held[0], number, held[1])


@given(st.floats(1e-3, 1e3), st.sampled_from(FLOATS))
def test_rounding_is_within_the_tolerance(number: float, dtype: type) -> None:
    held = uniform(np.array([number]).astype(dtype))
    assert held is not None
    assert agrees(held[0], number, held[1])


def test_the_tolerance_is_the_dtypes_where_that_is_coarser() -> None:
    assert tolerance(np.dtype("float32")) == TOLERANCE
    assert tolerance(np.dtype("int8")) == TOLERANCE
    assert tolerance(np.dtype("float16")) == pytest.approx(2**-10)
    assert tolerance(np.dtype(ml_dtypes.bfloat16)) == pytest.approx(2**-7)


def test_numbers_further_apart_differ() -> None:
    assert not agrees(0.5001, 0.5)
    assert not agrees(0.51, 0.5, tolerance(np.dtype("float16")))
    assert not agrees(1e-30, 0.0)
    assert uniform(np.array([1.0, 1.1])) is None
    assert uniform(np.array([])) is None
    assert uniform(np.array(["a"])) is None
