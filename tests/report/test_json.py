"""The JSON report: held against its schema, against the plan, and against itself."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from byoc.partition.plan import Plan, Refusal
from byoc.report import report, schema
from byoc.support.refusal import CODES
from tests.report import plans

VALIDATOR = Draft202012Validator(schema())


def objects(node: Any) -> list[dict[str, Any]]:
    """Every subschema that describes an object."""
    if isinstance(node, list):
        return [found for each in node for found in objects(each)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("type") == "object" else []
    return own + [found for each in node.values() for found in objects(each)]


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


def test_objects_of_the_schema_take_no_other_fields() -> None:
    fixed = [each for each in objects(schema()) if "properties" in each]
    assert len(fixed) > 10
    assert all(each["additionalProperties"] is False for each in fixed)


def test_the_schema_knows_every_code() -> None:
    assert schema()["$defs"]["code"]["enum"] == list(CODES)


def test_a_report_is_valid() -> None:
    VALIDATOR.validate(json.loads(json.dumps(report(plans.partition(notes=("Loop_3",))))))


@pytest.mark.parametrize("field", ["format", "ops", "segments", "host", "verified", "seconds"])
def test_a_missing_field_is_invalid(field: str) -> None:
    document = report(plans.partition())
    del document[field]
    with pytest.raises(ValidationError):
        VALIDATOR.validate(document)


def test_a_strange_field_is_invalid() -> None:
    document = report(plans.partition())
    document["host"][0]["colour"] = "red"
    with pytest.raises(ValidationError):
        VALIDATOR.validate(document)


def test_the_figures() -> None:
    document = report(plans.partition())
    assert document["ops"] == {"total": 8, "offloaded": 4, "host": 4}
    assert document["macs"] == {
        "total": 158_013_952,
        "offloaded": 118_013_952,
        "host": 40_000_000,
        "unknown": 1,
    }
    assert document["coverage"] == [
        {
            "vendor": "npu",
            "segments": 1,
            "ops": 4,
            "ops_share": 0.5,
            "macs": 118_013_952,
            "macs_share": 0.746858,
        }
    ]
    assert document["options"]["shapes"] == {"input": [1, 3, 224, 224]}
    assert document["seconds"] == {"import": 0.21, "match": 0.012346}


def test_a_segment() -> None:
    assert report(plans.partition())["segments"] == [
        {
            "name": "npu_0",
            "vendor": "npu",
            "function": "main",
            "composites": ["npu.conv2d_bias_relu"],
            "nodes": ["Conv1", "Bias1", "Relu1", "Pool1"],
            "bindings": ["conv1", "bias1", "relu1", "pool1"],
            "ops": 4,
            "inputs": [{"shape": [1, 3, 224, 224], "dtype": "float32"}],
            "outputs": [
                {"shape": [1, 64, "h", 112], "dtype": "float32"},
                {"shape": [1, 64], "dtype": "int8"},
            ],
            "macs": 118_013_952,
            "constant_bytes": 37_888,
        }
    ]


def test_host_ops_carry_every_refusal() -> None:
    host = report(plans.partition())["host"]
    assert [each["node"] for each in host] == ["Conv2", "Add2", "Soft1", "Soft2"]
    assert [each["code"] for each in host[0]["refusals"]] == ["pattern", "when"]
    assert host[0]["refusals"][1] == {
        "vendor": "npu",
        "code": "when",
        "message": "the convolution engine holds kernels of at most 7x7",
        "rule": "support.yaml:31",
    }


def test_reasons_are_largest_first() -> None:
    found = [
        (each["code"], each["ops"], each["macs"]) for each in report(plans.partition())["reasons"]
    ]
    assert found == [
        ("pattern", 2, 40_000_000),
        ("when", 1, 40_000_000),
        ("unsupported-op", 2, 0),
    ]


def test_words_that_differ_in_a_node_are_one_reason() -> None:
    words = "conv2d_bias: the result of nn.conv2d ({}) is also used by add ({}) (not n)"
    ops = tuple(
        plans.op(
            f"lv{i}",
            "nn.conv2d",
            refusals=(Refusal("pattern", words.format(f"Lv{i}", "lv0"), "a.yaml:1", "npu"),),
        )
        for i in range(3)
    )
    (reason,) = report(plans.partition(plans.plan(ops=ops, segments=())))["reasons"]
    assert reason["message"] == words.format("...", "...")
    assert reason["nodes"] == ["Lv0", "Lv1", "Lv2"]


def test_a_pattern_that_repeats_a_rule_adds_no_reason() -> None:
    repeated = Refusal(
        "when", f"npu.conv2d: nn.conv2d (Conv1): {plans.KERNEL.message}", "support.yaml:31", "npu"
    )
    ops = (plans.op("conv1", "nn.conv2d", refusals=(repeated, plans.KERNEL)),)
    document = report(plans.partition(plans.plan(ops=ops, segments=())))
    assert [each["message"] for each in document["reasons"]] == [plans.KERNEL.message]
    assert len(document["host"][0]["refusals"]) == 2


def test_codes_are_counted_in_their_order() -> None:
    found = [(each["code"], each["ops"]) for each in report(plans.partition())["refusals"]]
    assert found == [("unsupported-op", 2), ("when", 1), ("pattern", 2)]


def test_only_seconds_differ_between_runs() -> None:
    first, second = plans.partition(), replace(plans.partition(), seconds={"import": 9.0})
    documents = [report(first), report(second)]
    for document in documents:
        document.pop("seconds")
    assert json.dumps(documents[0]) == json.dumps(documents[1])


def test_a_model_without_ops() -> None:
    document = report(plans.partition(plans.plan(segments=(), ops=())))
    VALIDATOR.validate(document)
    assert document["coverage"][0]["ops_share"] is None


REFUSALS = st.builds(
    Refusal, st.sampled_from(CODES), st.text(max_size=8), st.just("a.yaml:1"), st.just("npu")
)


@st.composite
def some_plans(draw: st.DrawFn) -> Plan:
    """Plans of some ops in up to two segments, with costs known and unknown."""
    ops = []
    for index in range(draw(st.integers(0, 12))):
        home = draw(st.sampled_from(["", "npu_0", "npu_1"]))
        refusals = () if home else tuple(draw(st.lists(REFUSALS, min_size=1, max_size=3)))
        cost = draw(st.none() | st.integers(0, 10**12))
        ops.append(plans.op(f"lv{index}", "add", cost, segment=home, refusals=refusals))
    homes = {each.segment for each in ops} - {""}
    segments = [
        plans.segment(index, tuple(op for op in ops if op.segment == f"npu_{index}"))
        for index in range(2)
        if f"npu_{index}" in homes
    ]
    return plans.plan(ops=tuple(ops), segments=tuple(segments))


@given(some_plans())
def test_every_plan_reports(plan: Plan) -> None:
    document = report(plans.partition(plan))
    VALIDATOR.validate(document)
    ops, macs = document["ops"], document["macs"]
    assert ops["total"] == ops["offloaded"] + ops["host"] == len(plan.ops)
    assert macs["total"] == macs["offloaded"] + macs["host"]
    assert ops["offloaded"] == sum(each["ops"] for each in document["coverage"])
    assert ops["host"] == len(document["host"])
    costs = [each["macs"] for each in document["reasons"]]
    assert costs == sorted(costs, reverse=True)
