"""The table's claims: every row and pattern has a model that is partitioned, compiled and run, and is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from byoc.support import load_table
from byoc.vendors import npu
from tests.partition.build import module
from tests.vendors.npu.agreement import feeds
from tests.vendors.npu.families import FAMILIES, family
from tests.vendors.npu.whole import difference, outputs, partitioned
from tests.vendors.toolchain import native_session

CHUNKS = 8


def claims() -> set[str]:
    """The rows and patterns of the table that take something."""
    plain = load_table(Path(npu.HERE) / "support.yaml").source.plain()
    found = set(plain["patterns"])
    for name, rows in plain["ops"].items():
        for each in rows if isinstance(rows, list) else [rows]:
            if not any(rule["holds"] is False for rule in each.get("when", [])):
                found.add(name)
    return found


def complaint(name: str, chip: str) -> str:
    model = family(name)
    given = feeds(model)
    wanted = native_session(model).run(None, given)
    found = outputs(partitioned(model, chip), list(given.values()), chip)
    words = [difference(a, b, 2e-5) for a, b in zip(found, wanted, strict=True)]
    return "; ".join(filter(None, words))


def complaints(chunk: int, chip: str) -> dict[str, str]:
    found = {name: complaint(name, chip) for name in list(FAMILIES)[chunk::CHUNKS]}
    return {name: words for name, words in found.items() if words}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_families_are_right_on_the_small_chip(chunk: int) -> None:
    assert complaints(chunk, "small") == {}


@pytest.mark.slow
@pytest.mark.parametrize("chip", ["medium", "large"])
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_families_are_right_on_the_other_chips(chunk: int, chip: str) -> None:
    assert complaints(chunk, chip) == {}


RELAX: dict[str, dict[str, object]] = {
    "nn.adaptive_avg_pool2d": {"output_size": (1, 1)},
    **{name: {} for name in ("nn.gelu", "nn.gelu_tanh", "nn.silu", "rsqrt", "square")},
}
"""Ops that come of Relax models alone."""

UNSEEN = {"onnx.HardSwish"}
"""Operators that the importer writes in other ops."""


@pytest.mark.parametrize("name", RELAX)
def test_ops_of_relax(name: str) -> None:
    shape = (2, 5, 6, 7)
    made = module([("nn.max_pool2d", [0]), (name, [1], RELAX[name])], inputs=(shape,))
    partition = partitioned(made, "small")
    assert all(op.segment for op in partition.plan.ops)
    given = [np.random.default_rng(0).uniform(0.5, 2, shape).astype(np.float32)]
    (segment,) = partition.segments()
    wanted = segment.reference(given)
    for ours, theirs in zip(outputs(partition, given, "small"), wanted, strict=True):
        assert difference(ours, theirs, 2e-5) == ""


def test_every_claim_has_a_family() -> None:
    seen = set()
    for name in FAMILIES:
        plan = partitioned(family(name)).plan
        seen |= {op.op for op in plan.ops if op.segment}
        for segment in plan.segments:
            seen |= {each.removeprefix("npu.").removesuffix(".qdq") for each in segment.composites}
    assert claims() - seen == {*RELAX, *UNSEEN}
