"""Operators of one element, or of two that broadcast."""

import math
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest

from tests.frontends.relay.operators.harness import Array, agree, random, refused

X = random(3, 5)
UNIT = np.clip(X / 4, -0.99, 0.99)
ABOVE = np.abs(X) + 1.01
ODD = np.array([0.0, -0.0, 1.5, -2.5, np.inf, -np.inf, np.nan], np.float32)
HALVES = np.array(
    [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997, 8388609.0, -0.2, np.inf, -np.inf], np.float32
)
ERF = np.vectorize(math.erf, otypes=[np.float32])


def sigmoid(x: Array) -> Array:
    return (1 / (1 + np.exp(-x.astype(np.float64)))).astype(x.dtype)


def away(x: Array) -> Array:
    """Halves away from zero, as C's round."""
    return np.array([Decimal(float(each)).to_integral_value(ROUND_HALF_UP) for each in x], x.dtype)


@pytest.mark.parametrize(
    ("name", "x", "wanted"),
    [
        ("abs", X, np.abs(X)),
        ("acos", UNIT, np.arccos(UNIT)),
        ("acosh", ABOVE, np.arccosh(ABOVE)),
        ("asin", UNIT, np.arcsin(UNIT)),
        ("asinh", X, np.arcsinh(X)),
        ("atan", X, np.arctan(X)),
        ("atanh", UNIT, np.arctanh(UNIT)),
        ("bitwise_not", np.array([0, -7, 9], np.int32), np.array([-1, 6, -10], np.int32)),
        ("ceil", HALVES, np.ceil(HALVES)),
        ("copy", X, X),
        ("cos", X, np.cos(X)),
        ("cosh", X, np.cosh(X)),
        ("erf", X, ERF(X)),
        ("exp", X, np.exp(X)),
        ("fast_erf", X, ERF(X)),
        ("fast_exp", X, np.exp(X)),
        ("fast_tanh", X, np.tanh(X)),
        ("floor", HALVES, np.floor(HALVES)),
        ("identity", X, X),
        ("annotation.stop_fusion", X, X),
        ("isfinite", ODD, np.isfinite(ODD)),
        ("isinf", ODD, np.isinf(ODD)),
        ("isnan", ODD, np.isnan(ODD)),
        ("log", ABOVE, np.log(ABOVE)),
        ("log10", ABOVE, np.log10(ABOVE)),
        ("log2", ABOVE, np.log2(ABOVE)),
        ("logical_not", X > 0, ~(X > 0)),
        ("negative", X, -X),
        ("ones_like", X, np.ones_like(X)),
        ("round", HALVES, away(HALVES)),
        ("rsqrt", ABOVE, 1 / np.sqrt(ABOVE)),
        ("sigmoid", X, sigmoid(X)),
        ("sign", ODD[:6], np.sign(ODD[:6])),
        ("sin", X, np.sin(X)),
        ("sinh", X, np.sinh(X)),
        ("sqrt", ABOVE, np.sqrt(ABOVE)),
        ("tan", X, np.tan(X)),
        ("tanh", X, np.tanh(X)),
        ("trunc", HALVES, np.trunc(HALVES)),
        ("zeros_like", X, np.zeros_like(X)),
    ],
)
def test_one_operand(name: str, x: Array, wanted: Array) -> None:
    agree(f"{name}(%x)", wanted, x=x)


Y = random(5, seed=1) + 3
INTS = np.array([[-7, -1, 0, 5, 7]], np.int32)
STEPS = np.array([[2], [-2], [3], [-3]], np.int32)
TRUTHS = np.array([True, False, True, False]), np.array([True, True, False, False])


@pytest.mark.parametrize(
    ("name", "x", "y", "wanted"),
    [
        ("add", X, Y, X + Y),
        ("subtract", X, Y, X - Y),
        ("multiply", X, Y, X * Y),
        ("divide", X, Y, X / Y),
        ("divide", INTS, STEPS, np.trunc(INTS / STEPS).astype(np.int32)),
        ("floor_divide", X, Y, np.floor(X / Y)),
        ("floor_divide", INTS, STEPS, INTS // STEPS),
        ("trunc_divide", INTS, STEPS, np.trunc(INTS / STEPS).astype(np.int32)),
        ("trunc_divide", X, Y, np.trunc(X / Y)),
        ("mod", INTS, STEPS, np.fmod(INTS, STEPS)),
        ("mod", X, Y, np.fmod(X, Y)),
        ("trunc_mod", INTS, STEPS, np.fmod(INTS, STEPS)),
        ("floor_mod", INTS, STEPS, INTS % STEPS),
        ("floor_mod", X, Y, (X % Y)),
        ("power", ABOVE, Y, ABOVE**Y),
        ("maximum", X, Y, np.maximum(X, Y)),
        ("minimum", X, Y, np.minimum(X, Y)),
        ("equal", INTS, STEPS, INTS == STEPS),
        ("not_equal", INTS, STEPS, INTS != STEPS),
        ("less", INTS, STEPS, INTS < STEPS),
        ("less_equal", INTS, STEPS, INTS <= STEPS),
        ("greater", INTS, STEPS, INTS > STEPS),
        ("greater_equal", INTS, STEPS, INTS >= STEPS),
        ("logical_and", *TRUTHS, TRUTHS[0] & TRUTHS[1]),
        ("logical_or", *TRUTHS, TRUTHS[0] | TRUTHS[1]),
        ("logical_xor", *TRUTHS, TRUTHS[0] ^ TRUTHS[1]),
        ("bitwise_and", INTS, STEPS, INTS & STEPS),
        ("bitwise_or", INTS, STEPS, INTS | STEPS),
        ("bitwise_xor", INTS, STEPS, INTS ^ STEPS),
        ("left_shift", INTS, abs(STEPS), INTS << abs(STEPS)),
        ("right_shift", INTS, abs(STEPS), INTS >> abs(STEPS)),
    ],
)
def test_two_operands(name: str, x: Array, y: Array, wanted: Array) -> None:
    agree(f"{name}(%x, %y)", wanted, x=x, y=y)


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!="])
def test_infix(sign: str) -> None:
    agree(f"%x {sign} %y", eval(f"X {sign} Y", {"X": X, "Y": Y}), x=X, y=Y)


def test_clip_has_the_dtype_of_its_argument() -> None:
    agree("clip(%x, a_min=-0.5f, a_max=1f)", np.clip(X, -0.5, 1), x=X)
    agree("clip(%x, a_min=-2f, a_max=6f)", np.clip(INTS, -2, 6), x=INTS)
    agree("clip(%x, a_min=0f, a_max=inff)", np.clip(X, 0, None), x=X)
    agree("clip(%x, a_min=-inff, a_max=3.40282e+38f)", X, x=X)
    agree("clip(%x, a_min=-300f, a_max=300f)", X.astype(np.int8), x=X.astype(np.int8))
    agree("clip(%x, a_min=-inff, a_max=3f)", np.clip(INTS, None, 3), x=INTS)


def test_casts() -> None:
    wide = np.array([-1.7, 1.7, 100.2], np.float32)
    agree('cast(%x, dtype="int32")', wide.astype(np.int32), x=wide)
    agree('cast(%x, dtype="bool")', np.array([True, False]), x=np.array([2, 0], np.int32))
    agree('cast(%x, dtype="float16")', wide.astype(np.float16), x=wide)
    agree('cast(%x, dtype="float32")', wide, x=wide)
    agree("cast_like(%x, %y)", wide.astype(np.int32), x=wide, y=INTS)


def test_a_choice_broadcasts() -> None:
    agree("where(%c, %x, %y)", np.where(X > 0, X, Y), c=X > 0, x=X, y=Y)
    count = np.array([0, 2, 0, -1, 1], np.int32)
    agree("where(%c, %x, %y)", np.where(count != 0, X, Y), c=count, x=X, y=Y)
    agree("where(%c, %x, 0f)", np.where(X > 0, X, 0).astype(np.float32), c=X > 0, x=X)


def test_annotations_are_their_arguments() -> None:
    begin = 'annotation.compiler_begin(%x, compiler="npu")'
    agree(f'%0 = {begin}; annotation.compiler_end(%0, compiler="npu")', X, x=X)


def test_operands_that_do_not_broadcast_are_refused() -> None:
    refused("add(%x, %y)", "add has no form in Relax here", x=X, y=random(4))
