"""ONNX's node tests: what the npu takes of them is lowered right, the rest refused with a reason; none wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import byoc
from byoc.errors import ModelError
from byoc.frontends import import_model
from tests.vendors.npu.agreement import difference, disagreement, lowered
from tests.vendors.npu.nodes import NodeTest, node_tests
from tests.vendors.npu.reference import evaluate

CHUNKS = 16

CLAIMED = (
    *(
        "Abs",
        "Add",
        "AveragePool",
        "BatchNormalization",
        "Clip",
        "Concat",
        "Conv",
    ),
    *("DequantizeLinear", "Div", "Erf", "Exp", "Flatten", "Gelu", "Gemm", "GlobalAveragePool"),
    *("HardSigmoid", "HardSwish", "LeakyRelu", "Log", "LRN", "MatMul", "Max"),
    *("MaxPool", "Min", "Mul", "Neg", "Pad", "Pow", "QuantizeLinear", "Relu"),
    *("Reshape", "Sigmoid", "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Tanh"),
    *("Transpose", "Unsqueeze", "Upsample"),
)
"""Operators of which the npu takes at least one test whole."""


def outcome(test: NodeTest) -> tuple[str, bool]:
    """What is wrong, "" for nothing, and whether the npu takes all of it."""
    try:
        imported = import_model(test.model)
    except ModelError:
        return "", False  # its reasons are held by the frontend's tests
    partition = byoc.partition_model(imported, ["npu"])
    if any(not op.segment and not op.refusals for op in partition.plan.ops):
        return "an op is refused without a reason", False
    found = partition.segments()
    if len(found) == 1 and all(op.segment for op in partition.plan.ops):
        return against_expected(test, found[0]), True
    return "; ".join(filter(None, (disagreement(each, 1e-4) for each in found))), False


def against_expected(test: NodeTest, segment: byoc.Segment) -> str:
    """How the layers' results differ from ONNX's, or onnxruntime's where an input is a result."""
    names = [each.name for each in test.model.graph.input]
    inputs = dict(zip(names, test.inputs, strict=False))
    given = [inputs.get(each.name) for each in segment.signature.inputs]
    outputs = len(test.model.graph.output)
    if len(segment.signature.outputs) != outputs or any(each is None for each in given):
        return disagreement(segment, 1e-4)
    results = evaluate(lowered(segment), given)
    for theirs in map(np.asarray, test.expected):
        words = [difference(ours, theirs, 1e-5) for ours in results]
        if "" not in words:
            return "; ".join(words)
    return ""


def wrong(tests: Sequence[NodeTest]) -> dict[str, str]:
    found = {each.name: outcome(each)[0] for each in tests}
    return {name: words for name, words in found.items() if words}


@pytest.mark.parametrize("op", CLAIMED)
def test_a_claimed_operator_is_taken_and_lowered_right(op: str) -> None:
    of_op = [each for each in node_tests() if each.model.graph.node[0].op_type == op]
    outcomes = (outcome(each) for each in of_op)
    assert next((words for words, taken in outcomes if taken), None) == ""


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_node_tests_are_lowered_right_or_refused(chunk: int) -> None:
    assert wrong(node_tests()[chunk::CHUNKS]) == {}
