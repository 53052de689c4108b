"""8-bit products of any scales: what the real numbers say, rounded half to even."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vendors.npu.agreement import lowered, segments
from tests.vendors.npu.families import Graph
from tests.vendors.npu.reference import evaluate

SCALES = st.floats(2.0**-10, 0.5, width=32)
NEAR = 1e-4
"""How near to a tie, in units of the result, float32 arithmetic may fall on either side."""


@settings(max_examples=15, deadline=None)
@given(SCALES, st.lists(SCALES, min_size=6, max_size=6), SCALES, st.integers(-128, 127))
def test_a_product_is_exact_but_at_ties(
    left: float, right: list[float], result: float, zero: int
) -> None:
    graph = Graph()
    value = graph.dq(graph.input(5, 9, dtype="int8"), left, zero)
    stored = graph.rng.integers(-127, 128, (9, 6))
    weight = graph.dq(graph.constant(stored, "int8"), right, [0] * 6, axis=1)
    offsets = graph.rng.integers(-2000, 2000, 6)
    steps = np.float32(left) * np.asarray(right, np.float32)
    bias = graph.node(
        "DequantizeLinear", graph.constant(offsets, "int32"), graph.constant(steps), axis=0
    )
    made = graph.node("Relu", graph.node("Add", graph.node("MatMul", value, weight), bias))
    (segment,) = segments(graph.model(graph.q(made, result, -100)))
    x = np.random.default_rng(1).integers(-128, 128, (5, 9)).astype(np.int8)
    (found,) = evaluate(lowered(segment), [x])
    sums = (x.astype(np.int64) - zero) @ stored
    scales = np.float64(np.float32(left)) * np.asarray(right, np.float32)
    real = np.maximum(sums * scales + offsets * steps.astype(np.float64), 0) / np.float32(result)
    wanted = np.clip(np.rint(real) - 100, -128, 127)
    is_tie = np.abs(real - np.floor(real) - 0.5) < NEAR * np.maximum(1, np.abs(real) / 128)
    assert np.array_equal(found[~is_tie], wanted[~is_tie])
    assert np.abs(found - wanted).max() <= 1
