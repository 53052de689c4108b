"""`dominates`: chains, diamonds, and what is none."""

from __future__ import annotations

import pytest

from byoc.errors import PatternError
from byoc.relay.dataflow_pattern import DFPattern, dominates, is_op, is_var, wildcard
from byoc.relay.table import rows_from_relay
from tests.relay.build import found, match

ELEMENTWISE = {"TOpPattern": 0}
BROADCAST = {"TOpPattern": 1}


def conv() -> DFPattern:
    return is_op("nn.conv2d")(wildcard(), wildcard())


def steps() -> DFPattern:
    """Any elementwise op, or one of two tensors."""
    single = wildcard().has_attr(ELEMENTWISE)(wildcard())
    return single | wildcard().has_attr(BROADCAST)(wildcard(), wildcard())


def end() -> DFPattern:
    return is_op("add")(wildcard(), wildcard())


DIAMOND = "c = nn.conv2d(i, w); r = nn.relu(c); s = nn.relu(r); t = exp(s); o = add(r, t)"
WIDE = "c = nn.conv2d(i, w); r = nn.relu(c); s = exp(c); t = tanh(c); u = add(r, s); o = add(u, t)"


@pytest.mark.parametrize(
    ("text", "composite"),
    [
        (DIAMOND + " -> o", "row(c r s t o)"),
        (WIDE + " -> o", "row(c r s t u o)"),
        ("c = nn.conv2d(i, w); r = nn.relu(c); o = add(c, r) -> o", "row(c r o)"),
        ("c = nn.conv2d(i, w); o = add(c, c) -> o", "row(c o)"),
        # The way leads to something else than the parent.
        ("c = nn.conv2d(i, w); r = nn.relu(c); e = exp(f); o = add(r, e) -> o", ""),
        ("c = nn.conv2d(i, w); r = nn.relu(c); o = add(r, b) -> o", ""),
        # An op on the way is not of the path.
        ("c = nn.conv2d(i, w); r = nn.relu(c); s = nn.softmax(c); o = add(r, s) -> o", ""),
        # Two convolutions are two parents.
        ("c = nn.conv2d(i, w); d = nn.conv2d(i, w); o = add(c, d) -> o", ""),
        # Something else reads what is on the way, or the parent.
        (DIAMOND + " -> o, s", ""),
        (DIAMOND + "; e = sqrt(c) -> o, e", ""),
        (DIAMOND + " -> o, c", ""),
    ],
)
def test_all_ways_lead_to_the_parent(text: str, composite: str) -> None:
    given = [("row", dominates(conv(), steps(), end()))]
    assert found(text, given) == ([composite] if composite else [])


def test_around_a_dominator_the_pattern_goes_on() -> None:
    pattern = is_op("nn.relu")(end().dominates(conv(), steps()))
    assert found(DIAMOND + "; z = nn.relu(o) -> z", [("row", pattern)]) == ["row(c r s t o z)"]


def test_the_inputs_are_those_of_the_parent() -> None:
    graph, decision = match(DIAMOND + " -> o", [("row", end().dominates(conv(), steps()))])
    (candidate,) = decision.candidates
    assert [graph.names[node] for node in candidate.inputs] == ["i"]
    assert [graph.names[node] for node in candidate.outputs] == ["o"]


def test_a_path_of_any_ops() -> None:
    text = "r = nn.relu(x); s = nn.softmax(r); t = exp(s); o = add(t, r) -> o"
    whole = end().dominates(is_op("nn.relu")(is_var("x")))
    assert found(text, [("row", whole)]) == ["row(r s t o)"]


def test_a_long_chain() -> None:
    chain = "; ".join(f"v{at + 1} = exp(v{at})" for at in range(200))
    text = f"v0 = nn.relu(x); {chain}; o = sqrt(v200) -> o"
    row = is_op("sqrt")(wildcard()).dominates(
        is_op("nn.relu")(wildcard()), is_op("exp")(wildcard())
    )
    (composite,) = found(text, [("row", row)])
    assert len(composite.split()) == 202


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: wildcard().dominates(conv()), "the child must be a call"),
        (lambda: wildcard().has_attr({"TOpPattern": 8})(wildcard()), "byoc knows TOpPattern"),
        (
            lambda: wildcard().has_attr({"axis": 1})(wildcard()),
            "an operator with the attributes axis",
        ),
    ],
)
def test_what_is_refused(make: object, words: str) -> None:
    with pytest.raises(PatternError, match=words):
        rows_from_relay("npu", [("r", make())])  # type: ignore[operator]


def test_operators_of_a_kind() -> None:
    named = (is_op("add") | is_op("exp")).has_attr(BROADCAST)(wildcard(), wildcard())
    assert found("a = add(x, y) -> a", [("row", named)]) == ["row(a)"]
    assert found("a = exp(x) -> a", [("row", wildcard().has_attr(ELEMENTWISE)(None))]) == ["row(a)"]
    assert found("a = nn.softmax(x) -> a", [("row", wildcard().has_attr(ELEMENTWISE)(None))]) == []
