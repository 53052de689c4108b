from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from byoc.partition._alike import Outcomes
from byoc.partition.facts import op_facts
from byoc.partition.graph import Graph, Kind, read_module
from byoc.partition.match import Match
from byoc.partition.patterns.ast import Row
from byoc.partition.patterns.text import parse
from byoc.partition.vendor import Vendor
from byoc.pipeline import PartitionOptions, as_model
from byoc.support.facts import Facts, Input, Tensor
from byoc.support.refusal import Refusal
from tests.partition.build import script, weight

CONV = "c = nn.conv2d(i, w); d = nn.conv2d(i, v); e = nn.conv2d(i, u, strides=2)"
INPUTS: dict[str, Any] = {
    "i": (1, 4, 8, 8),
    "w": weight(4, 4, 3, 3),
    "v": weight(4, 4, 3, 3) * np.float32(2),
    "u": weight(4, 4, 3, 3),
}


def graph_of(text: str, inputs: Mapping[str, Any] = INPUTS) -> Graph:
    return read_module(script(text, **inputs))[0]


def calls(graph: Graph, op: str) -> list[int]:
    return [node for node, name in enumerate(graph.ops) if name == op]


def without_data(held: Input) -> Any:
    if isinstance(held, Tensor):
        return replace(held, value=None), held.constant
    return None if held is None else tuple(map(without_data, held))


def seen(facts: Facts) -> Any:
    inputs = {name: without_data(each) for name, each in facts.inputs.items()}
    attrs = {name: repr(each) for name, each in facts.attrs.items()}
    return facts.op, inputs, without_data(facts.outputs), attrs


@pytest.mark.parametrize("name", ["resnet50", "transformer", "shufflenet", "qdq_cnn"])
def test_calls_of_one_number_have_the_same_facts_and_others_have_not(name: str) -> None:
    model = as_model(f"zoo:{name}", PartitionOptions())
    for graph in read_module(model.module):
        outcomes, numbers = Outcomes(graph), dict[int, Any]()
        for node, kind in enumerate(graph.kinds):
            if kind is Kind.CALL:
                facts = seen(op_facts(graph, node))
                assert numbers.setdefault(outcomes.call(node), facts) == facts
        distinct = list(map(repr, numbers.values()))
        assert len(set(distinct)) == len(distinct)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("clip(x, 0, 6)", "clip(x, 0, 5)"),
        ("nn.softmax(x, axis=0)", "nn.softmax(x, axis=1)"),
        ("add(x, k)", "add(x, y)"),
        ("add(x, y)", "add(x, n)"),
        ("reshape(x, (8, 2))", "reshape(x, (2, 8))"),
        ("nn.leakyrelu(x, alpha=1e-10)", "nn.leakyrelu(x, alpha=1e-12)"),
    ],
)
def test_what_rules_see_tells_calls_apart(text: str, other: str) -> None:
    inputs = {"x": (4, 4), "y": (4, 4), "n": (1, 4), "k": weight(4, 4)}
    graph = graph_of(f"a = {text}; b = {other}; c = {text} -> a, b, c", inputs)
    outcomes = Outcomes(graph)
    first, second, third = calls(graph, text.partition("(")[0])
    assert outcomes.call(first) == outcomes.call(third) != outcomes.call(second)


class Counting:
    """An op row that counts how often it is asked, and may look at the weight."""

    use, qdq, rule = "alone", False, "t.yaml:1"

    def __init__(self, looks: bool) -> None:
        self.looks, self.asked = looks, 0

    def test(self, facts: Facts, *, fused: bool = False) -> Refusal | None:
        self.asked += 1
        kernel = facts.inputs["weight"]
        assert isinstance(kernel, Tensor) and kernel.value is not None
        if self.looks and kernel.value().max() > weight(4, 4, 3, 3).max():
            return Refusal("when", "its weights are too large")
        return None


@pytest.mark.parametrize(("looks", "asked", "taken"), [(False, 2, 3), (True, 3, 2)])
def test_a_row_is_asked_once_for_all_that_is_alike_unless_it_looks_at_data(
    looks: bool, asked: int, taken: int
) -> None:
    graph = graph_of(f"{CONV} -> c, d, e")
    rule = Counting(looks)
    row = Row("npu", "npu.conv", parse("nn.conv2d(x, w:const)"))
    decision = Match(Vendor("npu", {"nn.conv2d": (rule,)}, (row,)))(graph)  # type: ignore[dict-item]
    assert (rule.asked, len(decision.candidates)) == (asked, taken)
    words = [refusal.message for given in decision.refusals.values() for refusal in given]
    assert words == ["npu.conv: nn.conv2d (d): its weights are too large"] * looks


def test_a_rule_of_the_row_is_asked_once_for_matches_that_are_alike() -> None:
    facts: list[Facts] = []
    row = Row("npu", "npu.conv", parse("nn.conv2d(x, w:const)"), test=facts.append)
    decision = Match(Vendor("npu", {}, (row,)))(graph_of(f"{CONV} -> c, d, e"))
    assert len(decision.candidates) == 3
    assert [each.attrs["strides"] for each in facts] == [(2, 2), (1, 1)]
