"""`match` and `partition` of one pattern, and models rewritten before they are partitioned."""

from __future__ import annotations

from typing import Any

import pytest
from tvm import relax

from byoc import relay
from byoc.errors import PatternError
from byoc.frontends.model import Model
from byoc.partition.graph import read_module
from byoc.partition.match import Match
from byoc.partition.vendor import Vendor
from byoc.relay.dataflow_pattern import is_constant, is_op, is_tuple, match, partition, wildcard
from tests.partition.build import module, script
from tests.relay.build import seen, used
from tests.relay.test_rewriting import NORM, LayerNorm, same_results


def main(text: str) -> Any:
    return script(text, **used(text))["main"]


def conv() -> Any:
    return is_op("nn.conv2d")(wildcard(), is_constant())


def test_the_result_of_a_function_is_matched() -> None:
    function = main("c = nn.conv2d(i, w); r = nn.relu(c) -> r")
    assert match(is_op("nn.relu")(conv()), function)
    assert is_op("nn.relu")(wildcard()).match(function)
    assert wildcard().match(function)
    assert not conv().match(function)


def test_what_a_check_sees_is_matched() -> None:
    call = seen("c = nn.conv2d(i, w); r = nn.relu(c) -> r", is_op("nn.relu")(conv()))
    assert is_op("nn.relu")(conv()).match(call)
    assert conv().match(call.args[0])
    assert not is_op("nn.relu")(wildcard()).match(call.args[0])


def test_what_a_callback_makes_is_matched() -> None:
    made = relay.op.nn.relu(relay.const([1.0, 2.0]) + 1.0)
    assert is_op("nn.relu")(is_op("add")(is_constant(), wildcard())).match(made)
    assert not is_op("nn.relu")(is_tuple(None)).match(made)


@pytest.mark.parametrize("given", [None, "x", 3])
def test_other_things_are_refused(given: Any) -> None:
    with pytest.raises(PatternError, match=f"match of {type(given).__name__}"):
        wildcard().match(given)
    with pytest.raises(PatternError, match=f"partition of {type(given).__name__}"):
        is_op("exp")(wildcard()).partition(given)


def test_a_function_has_one_result() -> None:
    with pytest.raises(PatternError, match="expected one result"):
        wildcard().match(module([("exp", [0]), ("sqrt", [0])], [1, 2], dataflow=False)["main"])


def functions(function: Any) -> list[Any]:
    values = [each.value for block in function.body.blocks for each in block.bindings]
    return [each for each in values if isinstance(each, relax.Function)]


def test_matches_become_functions() -> None:
    text = "c = nn.conv2d(i, w); r = nn.relu(c); e = exp(r); f = nn.relu(e) -> f"
    made = script(text, **used(text))
    pattern = conv().optional(is_op("nn.relu")) | is_op("nn.relu")(wildcard())
    made["main"] = partition(pattern, made["main"], {"Composite": "npu.conv"})
    relax.analysis.well_formed(made)
    local = functions(made["main"])
    assert [str(each.attrs["PartitionedFromPattern"]) for each in local] == [
        "nn.conv2d_nn.relu_",
        "nn.relu_",
    ]
    assert {str(each.attrs["Composite"]) for each in local} == {"npu.conv"}


def test_a_check_decides() -> None:
    function = main("c = nn.conv2d(i, w); d = nn.conv2d(i, w) -> c, d")
    assert len(functions(partition(conv(), function))) == 2
    asked = []
    same = partition(conv(), function, check=lambda call: asked.append(call.attrs.channels))  # type: ignore[func-returns-value]
    assert same.same_as(function)
    assert asked == [8, 8]


ROWS = [("norm", is_op("nn.layer_norm")(wildcard(), wildcard(), wildcard()))]


@pytest.mark.parametrize("whole", [True, False])
def test_a_rewritten_model_is_partitioned_and_names_its_source(whole: bool) -> None:
    before = script(NORM, **used(NORM))
    origins = {"main": {name: (f"node_{name}",) for name in "mdpvesngo"}}
    model = Model("norm", before, origins=origins)

    def change(given: Any) -> Any:
        given["main"] = relay.dataflow_pattern.rewrite(LayerNorm(), given["main"])
        return given

    made = relay.rewritten(model, change if whole else LayerNorm())
    assert same_results(NORM, made.module)
    assert made.origins["main"]["o"] == tuple(f"node_{name}" for name in "mdpvesngo")
    assert before["main"].same_as(model.module["main"])
    rows = tuple(relay.rows_from_relay("npu", ROWS))
    (graph,) = read_module(made.module)
    (candidate,) = Match(Vendor("npu", rows=rows))(graph).candidates
    assert candidate.name == "npu.norm"


def test_a_change_has_to_give_a_module() -> None:
    model = Model("norm", script(NORM, **used(NORM)))
    with pytest.raises(PatternError, match="the change gives NoneType"):
        relay.rewritten(model, lambda given: None)
