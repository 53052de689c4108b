"""What the table claims is lowered, and right: every row's ops, at and around its limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import byoc
from byoc.support import load_table
from byoc.vendors import npu
from tests.vendors.npu.agreement import disagreement, feeds, lowered
from tests.vendors.npu.cases import ELSEWHERE, FORMS, POSITIVE, Case, cases

TABLE = load_table(Path(npu.__file__).with_name("support.yaml"))


def test_every_op_of_the_table_is_tried() -> None:
    assert list(TABLE.source.plain()["ops"]) == sorted(
        [*FORMS, *ELSEWHERE], key=list(TABLE.source.plain()["ops"]).index
    )


def problem(case: Case) -> str:
    """What is wrong with a case, "" for nothing."""
    partition = byoc.partition_model(case.module, ["npu"])
    (op,) = [each for each in partition.plan.ops if each.op == case.op][:1]
    taken = bool(op.segment)
    if not taken and not op.refusals:
        return "refused without a reason"
    expected = _expected(case)
    if expected is not None and taken != expected:
        words = "; ".join(each.message for each in op.refusals)
        return f"{'taken' if taken else 'refused'}: {words}"
    for segment in partition.segments():
        words = checked(case, segment)
        if words:
            return words
    return ""


def _expected(case: Case) -> bool | None:
    """Whether the op is taken; None where the table alone knows."""
    if case.form == "plain" and case.dtype != "float32":
        return None if case.dtype == "int8" else False
    # What is refused in 8 bits may be taken in float32, between dequantize and quantize.
    return case.spec.taken or None if case.form == "qdq" else case.spec.taken


def checked(case: Case, segment: byoc.Segment) -> str:
    if not case.spec.run:
        lowered(segment)
        return ""
    given = feeds(segment.to_onnx())
    if case.op in POSITIVE and case.dtype == "float32":
        given = {name: np.abs(each) + np.float32(0.1) for name, each in given.items()}
    return disagreement(segment, 1e-5, given)


@pytest.mark.parametrize("op", FORMS)
def test_what_the_table_claims_is_lowered_right(op: str) -> None:
    found = {case.name: problem(case) for case in cases(ops=[op])}
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize("chip", ["small", pytest.param("large", marks=pytest.mark.slow)])
def test_limits_of_the_other_chips(chip: str) -> None:
    for case in cases(chip, ops=["nn.conv2d", "nn.softmax", "nn.layer_norm"]):
        if case.form == "qdq" or case.dtype != "float32" or case.spec.taken is None:
            continue
        chosen = byoc.PartitionOptions(vendor_options={"npu": {"chip": chip}})
        plan = byoc.partition_model(case.module, ["npu"], chosen).plan
        assert bool(plan.ops[0].segment) == case.spec.taken, case.name
