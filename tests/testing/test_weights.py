"""Weights that depend on a name alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc.testing.zoo._weights import centred, he_uniform, uniform

PINNED = [-0.9796228408813477, -0.467856764793396, -0.780552864074707, -0.5442625284194946]


def test_the_stream_is_the_same_in_every_process_and_release() -> None:
    values = uniform("conv1.weight", (4,), -1, 1)
    assert values.tolist() == PINNED


@given(st.text(max_size=20), st.floats(-2, 0), st.floats(0.1, 2))
def test_uniform_stays_in_its_bounds(name: str, low: float, width: float) -> None:
    values = uniform(name, (64,), low, low + width)
    assert values.dtype == np.float32
    assert values.min() >= low - 1e-6
    assert values.max() <= low + width + 1e-6


def test_he_uniform_has_twice_the_inverse_of_fan_in_as_variance() -> None:
    weights = he_uniform("a", (256, 128), fan_in=128)
    assert weights.var() == pytest.approx(2 / 128, rel=0.02)


def test_filters_sum_to_zero_unless_they_have_one_channel() -> None:
    assert abs(centred("a", (8, 16, 3, 3)).sum(axis=(1, 2, 3))).max() < 1e-5
    assert abs(centred("a", (8, 1, 3, 3)).sum(axis=(1, 2, 3))).min() > 1e-3
