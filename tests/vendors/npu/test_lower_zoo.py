"""Lowering the zoo: every segment computes what onnxruntime does of the same inputs, within 1e-4."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import byoc
from byoc.testing import zoo
from tests.vendors.npu.agreement import OPSET, disagreement, feeds, lowered, segments
from tests.vendors.npu.reference import evaluate
from tests.vendors.toolchain import native_session

QUICK = {"resnet50", "shufflenet", "squeezenet", "transformer", "rapidocr-cls", "silero-vad-half"}


def given(segment: byoc.Segment) -> dict[str, Any]:
    """Random inputs; a mask, which a product with a huge number is made of, lets everything through."""
    found = feeds(segment.to_onnx(OPSET))
    return {
        name: np.ones_like(each) if each.shape == (1, 1, 1, 128) else each
        for name, each in found.items()
    }


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in zoo.names()],
)
def test_every_segment_of_the_zoo_is_lowered_right(name: str) -> None:
    if not zoo.describe(name).available:
        pytest.skip(f"{name} needs a package that is not installed")
    for segment in segments(f"zoo:{name}"):
        assert disagreement(segment, 1e-4, given(segment)) == ""


def test_the_quantised_network_is_exact() -> None:
    (segment,) = segments("zoo:qdq_cnn")
    model = segment.to_onnx(OPSET)
    inputs = feeds(model)
    (wanted,) = native_session(model).run(None, inputs)
    (found,) = evaluate(lowered(segment), list(inputs.values()))
    assert np.array_equal(found, wanted)


@pytest.mark.parametrize("chip", ["small", "large"])
def test_lowering_does_not_depend_on_the_chip(chip: str) -> None:
    (segment,) = segments("zoo:rapidocr-cls", chip=chip)
    (other,) = segments("zoo:rapidocr-cls")
    kinds = [type(each) for each in lowered(segment).layers]
    assert kinds == [type(each) for each in lowered(other).layers]
