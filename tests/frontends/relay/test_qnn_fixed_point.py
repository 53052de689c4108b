"""Products by a multiplier and a shift: the pair of a number, and the two operators that have it."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc.errors import ModelError
from byoc.frontends.relay.ops.integer.fixed_point import fixed_point
from byoc.testing.run import run_model
from tests.frontends.relay.qnn_arithmetic import long_multiply, short_multiply
from tests.frontends.relay.qnn_networks import HEADER, imported

VALUES = np.asarray([-(2**31), -70_001, -3, -2, -1, 0, 1, 2, 3, 5, 70_001, 2**31 - 1], np.int32)


@given(st.floats(2**-40, 2**40))
def test_a_number_is_its_multiplier_and_shift_to_31_bits(number: float) -> None:
    factor, shift = fixed_point(number)
    assert 2**30 <= factor < 2**31
    found = Fraction(factor) * Fraction(2) ** (shift - 31)
    assert abs(found / Fraction(number) - 1) <= Fraction(1, 2**31)


def test_a_fraction_that_rounds_to_one_is_the_next_power_of_two() -> None:
    assert fixed_point(math.nextafter(1.0, 0.0)) == (2**30, 1)
    assert fixed_point(0.25) == (2**30, -1)
    assert fixed_point(0.0) == (0, 0)


@pytest.mark.parametrize(("factor", "shift"), [(2**30, -3), (2**30, 1), (1_518_500_250, -9)])
def test_fixed_point_multiply(factor: int, shift: int, tmp_path: Path) -> None:
    text = f"""{HEADER}def @main(%x: Tensor[(12), int32]) {{
  fixed_point_multiply(%x, multiplier={factor}, shift={shift})
}}
"""
    (found,) = run_model(imported(text, tmp_path, qnn="qdq"), {"x": VALUES})
    assert found.tolist() == [short_multiply(int(each), factor, shift) for each in VALUES]


def test_fixed_point_multiply_per_axis(tmp_path: Path) -> None:
    constants = {
        "m": np.asarray([2**30, 1_518_500_250, 2**31 - 1], np.int32),
        "l": np.asarray([1, 0, 0], np.int32),
        "r": np.asarray([0, 4, 11], np.int32),
    }
    text = f"""{HEADER}def @main(%x: Tensor[(4, 3), int32], %m: Tensor[(3), int32],
    %l: Tensor[(3), int32], %r: Tensor[(3), int32]) {{
  fixed_point_multiply_per_axis(%x, %m, %l, %r, is_lshift_required=True,
    is_rshift_required=True, axes=[1])
}}
"""
    (found,) = run_model(imported(text, tmp_path, constants, "qdq"), {"x": VALUES.reshape(4, 3)})
    shifts = constants["l"] - constants["r"]
    wanted = [
        [
            long_multiply(int(each), int(factor), int(shift))
            for each, factor, shift in zip(row, constants["m"], shifts, strict=True)
        ]
        for row in VALUES.reshape(4, 3)
    ]
    assert found.tolist() == wanted


@pytest.mark.parametrize("scale", ["1e-30f", "1e30f"])
def test_scales_too_far_apart_are_refused(scale: str, tmp_path: Path) -> None:
    text = f"""{HEADER}def @main(%x: Tensor[(4), int32]) {{
  qnn.requantize(%x, {scale}, 0, 1f, 0, out_dtype="int8")
}}
"""
    with pytest.raises(ModelError, match=r"model\.relay:3:3: qnn\.requantize .*not defined"):
        imported(text, tmp_path)
