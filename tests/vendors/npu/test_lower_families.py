"""Lowering: every composite family computes what onnxruntime does; floats within 1e-5, 8 bits exactly."""

from __future__ import annotations

from pathlib import Path

import pytest

import byoc
from byoc.support import load_table
from byoc.vendors import npu
from tests.vendors.npu.agreement import disagreement
from tests.vendors.npu.families import FAMILIES, family

ON_HOST = ("function_Reciprocal", "global_max")
"""Models of which the npu leaves ops to the host."""


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_taken_and_lowered_right(name: str) -> None:
    partition = byoc.partition_model(family(name), ["npu"])
    left = [(op.op, op.refusals) for op in partition.plan.ops if not op.segment]
    assert not left or name in ON_HOST
    for segment in partition.segments():
        assert disagreement(segment) == ""


def test_every_pattern_of_the_table_is_tried() -> None:
    found = {
        composite.name.removeprefix("npu.")
        for name in FAMILIES
        for segment in byoc.partition_model(family(name), ["npu"]).segments()
        for composite in segment.composites
    }
    patterns = load_table(Path(npu.__file__).with_name("support.yaml")).source.plain()["patterns"]
    wanted = set(patterns) | {f"{name}.qdq" for name, row in patterns.items() if row.get("qdq")}
    assert wanted - found == set()
