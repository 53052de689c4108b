"""The rules of docs/relay-semantics.md, each by its example."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from byoc.partition.graph import read_module
from byoc.partition.match import Match
from byoc.partition.merge import Merge
from byoc.partition.outline import Outline
from byoc.partition.place import Place
from byoc.partition.vendor import Vendor
from byoc.relay.dataflow_pattern import DFPattern, is_constant, is_op, is_tuple_get_item, wildcard
from byoc.relay.table import rows_from_relay
from tests.partition.build import script
from tests.relay.build import found, match

DOC = Path(__file__).parents[2] / "docs" / "relay-semantics.md"


def relu(x: DFPattern | None = None) -> DFPattern:
    return is_op("nn.relu")(x or wildcard())


def exp(x: DFPattern | None = None) -> DFPattern:
    return is_op("exp")(x or wildcard())


def test_the_page_names_every_test_and_only_tests() -> None:
    named = re.findall(r"`(test_\w+)`", DOC.read_text(encoding="utf-8"))
    here = [name for name in globals() if name.startswith("test_") and "the_page" not in name]
    assert named == here


def test_rows_are_tried_in_the_order_of_the_table() -> None:
    text = "a = nn.relu(x); e = exp(a) -> e"
    assert found(text, [("one", relu()), ("two", exp(relu()))]) == ["one(a)"]
    assert found(text, [("two", exp(relu())), ("one", relu())]) == ["two(a e)"]


def test_a_row_is_matched_from_the_output() -> None:
    text = "a = nn.relu(x); c = nn.relu(a); d = nn.relu(c) -> d"
    assert found(text, [("pair", relu(relu()))]) == ["pair(c d)"]


def test_an_optional_op_is_taken_where_it_ends_the_match() -> None:
    conv = is_op("nn.conv2d")(wildcard(), is_constant()).optional(is_op("nn.relu"))
    assert found("c = nn.conv2d(i, w); r = nn.relu(c) -> r", [("conv", conv)]) == ["conv(c r)"]
    assert found("c = nn.conv2d(i, w); r = exp(c) -> r", [("conv", conv)]) == ["conv(c)"]


def test_the_left_alternative_is_tried_first() -> None:
    both = relu() | relu(exp())
    assert found("e = exp(x); r = nn.relu(e) -> r", [("either", both)]) == ["either(r)"]


def test_composites_do_not_overlap() -> None:
    text = "a = nn.relu(x); e = exp(a) -> e"
    assert found(text, [("two", exp(relu())), ("again", exp())]) == ["two(a e)"]


def test_a_composite_may_read_another() -> None:
    text = "a = nn.relu(x); e = exp(a) -> e"
    assert found(text, [("one", relu()), ("two", exp())]) == ["one(a)", "two(e)"]


def test_a_value_read_outside_prevents_the_match() -> None:
    text = "a = nn.relu(x); e = exp(a); s = add(a, e) -> s"
    assert found(text, [("two", exp(relu())), ("one", relu())]) == ["one(a)"]


def test_a_value_that_escapes_is_not_matched_another_way() -> None:
    both = exp(relu()) | exp()
    assert found("a = nn.relu(x); e = exp(a) -> e, a", [("either", both)]) == []


def test_a_refusing_check_gives_way_to_the_next_row() -> None:
    text = "a = nn.relu(x); e = exp(a) -> e"
    table = [("two", exp(relu()), lambda matched: False), ("one", exp())]
    _, decision = match(text, table)
    assert [each.name for each in decision.candidates] == ["npu.one"]
    (refusals,) = decision.refusals.values()
    assert [each.message for each in refusals] == ["npu.two refuses it"]


def test_a_check_that_answers_nothing_refuses() -> None:
    assert found("a = nn.relu(x) -> a", [("one", relu(), lambda matched: None)]) == []


def test_add_and_multiply_match_in_either_order() -> None:
    pattern = is_op("add")(exp(), wildcard())
    assert found("e = exp(x); a = add(y, e) -> a", [("sum", pattern)]) == ["sum(e a)"]
    pattern = is_op("subtract")(exp(), wildcard())
    assert found("e = exp(x); a = subtract(y, e) -> a", [("difference", pattern)]) == []


def test_one_pattern_object_is_one_value() -> None:
    x = wildcard()
    assert found("a = add(x, x) -> a", [("twice", is_op("add")(x, x))]) == ["twice(a)"]
    assert found("a = add(x, y) -> a", [("twice", is_op("add")(x, x))]) == []


def test_an_item_ends_a_composite() -> None:
    first = is_tuple_get_item(is_op("split")(wildcard()), 0)
    text = "t = split(x, indices_or_sections=2); u = t[0] -> u"
    assert found(text, [("half", first)]) == ["half(t u)"]
    text = "t = split(x, indices_or_sections=2); u = t[0]; v = t[1] -> u, v"
    assert found(text, [("half", first)]) == []


CYCLE = (
    "a = nn.relu(x); y1 = exp(a); z = exp(x); b = add(a, z); c = multiply(y1, z) -> b, c",
    {"one": ["nn.relu", "add"], "two": ["exp", "multiply"]},
)


def partitioned(text: str, targets: dict[str, list[str]], policy: Any) -> list[list[str]]:
    """The regions, as the names of their nodes, of targets that take single ops."""
    before = script(text, x=(4, 4))
    (graph,) = read_module(before)
    decisions = []
    for name, ops in targets.items():
        rows = tuple(rows_from_relay(name, [(op, is_op(op)(None)) for op in ops]))
        decisions.append((name, Match(Vendor(name, rows=rows))(graph)))
    plan = Merge(policy)(graph, Place()(graph, decisions), lambda node: 1)
    Outline()(before, [(graph, plan)])
    return [
        [graph.names[node] for index in region.candidates for node in plan.candidates[index].nodes]
        for region in plan.regions
    ]


def test_the_first_target_that_takes_an_op_has_it() -> None:
    both = {"one": ["exp"], "two": ["exp", "nn.relu"]}
    assert partitioned("a = nn.relu(x); e = exp(a) -> e", both, "connected") == [["a"], ["e"]]


@pytest.mark.parametrize("policy", ["connected", "fewest"])
def test_regions_grow_along_edges_of_one_target(policy: str) -> None:
    text = "a = nn.relu(x); e = exp(a); s = sqrt(e); r = nn.relu(s) -> r"
    regions = partitioned(text, {"one": ["nn.relu", "exp"]}, policy)
    assert regions == [["a", "e"], ["r"]]


def test_regions_side_by_side_are_joined_by_fewest_alone() -> None:
    text = "a = nn.relu(x); e = exp(x) -> a, e"
    assert partitioned(text, {"one": ["nn.relu", "exp"]}, "connected") == [["a"], ["e"]]
    assert partitioned(text, {"one": ["nn.relu", "exp"]}, "fewest") == [["a", "e"]]


@pytest.mark.parametrize("policy", ["connected", "fewest"])
def test_merged_regions_close_no_cycle(policy: str) -> None:
    regions = partitioned(*CYCLE, policy)
    assert sorted(node for region in regions for node in region) == ["a", "b", "c", "y1", "z"]
    assert len(regions) == 3


def test_the_same_model_gives_the_same_regions_in_the_same_order() -> None:
    runs = [partitioned(*CYCLE, "connected") for _ in range(3)]
    assert runs[0] == runs[1] == runs[2]
