"""ONNX's own node tests on the simulator: what the npu takes of one gives the expected result, and none is wrong.

Each case runs as it stands, and with all inputs but the first as constants, as real models have them. An op without
dependants or data in common stands beside it, since the npu takes light ops only together with others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from byoc.errors import ModelError
from tests.frontends.onnx.test_node_cases import (
    RANDOM,
    ROUNDING,
    UNRUNNABLE,
    arrays,
    cases,
    constant_form,
)
from tests.vendors.npu.whole import difference, outputs, partitioned

ANCHOR = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)


EMPTY = "test_causal_conv_with_state_kernel_size_one_expanded, constant"
"""The host's part has a constant without elements, which TVM's executables do not bring back."""

CHUNKS = 64

FIRST = ("Add", "AveragePool", "Clip", "Conv", "Gemm", "LeakyRelu", "MatMul", "MaxPool", "Softmax")
"""Operators whose first cases are always tried."""


def sample() -> list[Any]:
    """Every 8th of the first cases of the operators."""
    found: dict[str, Any] = {}
    for case in cases():
        if not case.name.endswith("_expanded"):
            found.setdefault(case.model.graph.node[0].op_type, case)
    return [found[op] for op in sorted(found)][::8] + [found[op] for op in FIRST]


def forms(case: Any) -> Iterator[tuple[str, onnx.ModelProto, list[Any], list[Any]]]:
    """The case as it stands and with constants: name, model, inputs, expected outputs."""
    for inputs, expected in case.data_sets:
        given, wanted = arrays(inputs), arrays(expected)
        yield case.name, case.model, given, wanted
        constant = constant_form(case.model, given)
        if constant is not None:
            yield f"{case.name}, constant", constant, given[:1], wanted


def anchored(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with a pooling of one pixel beside it."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    made.graph.node.append(
        helper.make_node("MaxPool", ["anchor"], ["anchored"], kernel_shape=[1, 1])
    )
    for values, name in ((made.graph.input, "anchor"), (made.graph.output, "anchored")):
        values.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ANCHOR.shape))
    return made


def verdict(model: onnx.ModelProto, given: list[Any], wanted: list[Any]) -> str:
    """ "refused", "passed", or what is wrong."""
    try:
        partition = partitioned(anchored(model))
    except ModelError:
        return "refused"  # with a reason, as tests of the importer see to
    taken = [op for op in partition.plan.ops if op.segment]
    if len(taken) < 2:
        silent = [op.op for op in partition.plan.ops if not op.segment and not op.refusals]
        return f"refused without a reason: {silent}" if silent else "refused"
    *found, anchor = outputs(partition, [*given, ANCHOR])
    assert np.array_equal(anchor, ANCHOR)
    words = [
        difference(ours, np.asarray(right), ROUNDING.get(str(np.asarray(right).dtype), 3e-5))
        for ours, right in zip(found, wanted, strict=True)
    ]
    return "; ".join(filter(None, words)) or "passed"


def verdicts(chosen: list[Any]) -> dict[str, str]:
    """What became of cases, by name and form."""
    return {
        name: verdict(model, given, wanted)
        for case in chosen
        if not any(part in case.name for part in (*RANDOM, *UNRUNNABLE))
        for name, model, given, wanted in forms(case)
        if name != EMPTY
    }


def wrong(found: dict[str, str]) -> dict[str, str]:
    return {name: words for name, words in found.items() if words not in ("refused", "passed")}


def test_a_sample_of_node_cases() -> None:
    found = verdicts(sample())
    assert wrong(found) == {}
    assert list(found.values()).count("passed") >= len(FIRST)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_all_node_cases(chunk: int) -> None:
    assert wrong(verdicts(cases()[chunk::CHUNKS])) == {}
