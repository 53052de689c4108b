"""Float rows and QDQ clusters: what Relay has in integers, a row that says the float operator does not take."""

from __future__ import annotations

import pytest

from byoc.relay.dataflow_pattern import DFPattern, is_op, wildcard
from byoc.relay.integers import integers
from tests.relay.build import found, read

DATA = 'd = dequantize(p, S, Z, out_dtype="float32"); '
WEIGHT = 'k = dequantize(K, S, Z, out_dtype="float32"); '
ENDS = 'o = quantize({0}, S, Z, out_dtype="int8") -> o'

CLUSTER = DATA + WEIGHT + "c = nn.conv2d(d, k); r = nn.relu(c); " + ENDS.format("r")


def names(text: str) -> list[str]:
    graph = read(text)
    return [graph.names[node] for node in sorted(integers(graph)) if graph.names[node]]


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        (CLUSTER, ["d", "k", "c", "r"]),
        (DATA + WEIGHT + "c = nn.conv2d(d, k); r = nn.relu(c) -> r", []),
        (DATA + "c = nn.conv2d(i, w); " + ENDS.format("c"), []),
        (DATA + "c = nn.conv2d(d, w); " + ENDS.format("c"), ["d", "c"]),
        # No rule for an operator leaves everything around it on real numbers.
        (DATA + WEIGHT + "c = nn.conv2d(d, k); r = ceil(c); " + ENDS.format("r"), []),
        (DATA + "c = nn.softmax(d, axis=1); " + ENDS.format("c"), []),
        # A value that is read as a real number too stays one.
        (
            DATA + "r = nn.relu(d); s = sigmoid(r); e = ceil(r); "
            'o = quantize(s, S, Z, out_dtype="int8") -> o, e',
            ["s"],
        ),
        (DATA + "c = concat((d, d), axis=1); " + ENDS.format("c"), ["d", "c"]),
        (
            DATA + "t = split(d, indices_or_sections=2); u = t[0]; " + ENDS.format("u"),
            ["d", "t", "u"],
        ),
    ],
)
def test_what_is_in_integers(text: str, inside: list[str]) -> None:
    assert names(text) == inside


def conv(data: DFPattern | None = None) -> DFPattern:
    return is_op("nn.conv2d")(data or wildcard(), wildcard())


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        (conv(), False),
        (is_op("nn.relu")(wildcard()), False),
        (is_op("nn.relu")(None), False),
        (is_op("nn.relu")(conv()), False),
        (is_op("qnn.quantize")(wildcard(), wildcard(), wildcard()), False),
        (is_op("qnn.dequantize")(wildcard(), wildcard(), wildcard()), False),
        (is_op("qnn.conv2d")(None), True),
    ],
)
def test_float_rows_take_nothing_out_of_a_cluster(pattern: DFPattern, matches: bool) -> None:
    assert bool(found(CLUSTER, [("row", pattern)])) is matches


def test_a_pattern_that_says_where_integers_end_means_float_operators() -> None:
    stored = is_op("qnn.dequantize")(wildcard(), wildcard(), wildcard())
    whole = is_op("qnn.quantize")(is_op("nn.relu")(conv(stored)), wildcard(), wildcard())
    assert found(CLUSTER, [("row", whole)]) == ["row(d c r o)"]


def test_both_ends_of_a_model_are_quantised_and_dequantised() -> None:
    text = (
        'q1 = quantize(i, S, Z, out_dtype="int8"); d = dequantize(q1, S, Z, out_dtype="float32"); '
        'r = nn.relu(d); o = quantize(r, S, Z, out_dtype="int8"); '
        'e = dequantize(o, S, Z, out_dtype="float32") -> e'
    )
    ends = [
        ("in", is_op("qnn.quantize")(wildcard(), wildcard(), wildcard())),
        ("out", is_op("qnn.dequantize")(wildcard(), wildcard(), wildcard())),
    ]
    assert found(text, ends) == ["in(q1)", "out(e)"]
