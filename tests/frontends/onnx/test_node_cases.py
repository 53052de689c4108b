"""ONNX's own node tests: each imports and gives the expected result, or is refused with a reason.

A case runs twice: as it stands, and with all inputs but the first as constants, as real models have them. Where a
host call is involved, onnxruntime's answer for the whole case counts as well: the host is onnxruntime.
"""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from byoc.errors import ModelError
from byoc.frontends import import_model
from byoc.testing.run import run_model
from tests.frontends.models import by_parameter, onnxruntime_outputs

CHUNKS = 8

RANDOM = ("bernoulli", "training_dropout", "randomnormal", "randomuniform")
"""Cases whose results are random: their shapes and dtypes are held, not their values."""

UNRUNNABLE = {
    "image_decoder": "no kernel without Pillow",
}

ROUNDING = {"float16": 4e-3, "bfloat16": 2e-2}
"""Relative tolerance of 16-bit floats: a unit in the last place or two, for operators in another order."""


@functools.cache
def cases() -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cases compute edge values
        from onnx.backend.test.case.node import collect_testcases

        return sorted(collect_testcases(None), key=lambda case: case.name)


def sample() -> list[Any]:
    """Every 48th case, and the first of each operator; those expanded into functions are left to `slow`."""
    chosen: dict[str, Any] = {}
    for case in cases():
        if not case.name.endswith("_expanded"):
            chosen.setdefault(case.model.graph.node[0].op_type, case)
    chosen.update({case.name: case for case in cases()[::48]})
    return list(chosen.values())


def arrays(values: Any) -> list[Any]:
    return [
        numpy_helper.to_array(each) if isinstance(each, onnx.TensorProto) else each
        for each in values
    ]


def constant_form(model: onnx.ModelProto, inputs: list[Any]) -> onnx.ModelProto | None:
    """The model with all inputs but the first as initializers."""
    if len(inputs) < 2 or not all(isinstance(each, np.ndarray | np.generic) for each in inputs):
        return None
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for value, array in zip(model.graph.input[1:], inputs[1:], strict=True):
        copy.graph.initializer.append(numpy_helper.from_array(np.asarray(array), value.name))
    del copy.graph.input[1:]
    return copy


def complaint(case: Any, model: onnx.ModelProto, inputs: list[Any], expected: list[Any]) -> str:
    """What is wrong with a case, "" when nothing is."""
    try:
        imported = import_model(model)
    except ModelError as error:
        return "" if len(str(error)) > 40 else f"refused without a reason: {error}"
    names = [each.name for each in model.graph.input]
    feeds = dict(zip(names, inputs, strict=True))
    if any(part in case.name for part in UNRUNNABLE):
        return ""
    results = run_model(imported, by_parameter(imported, feeds))
    if any(part in case.name for part in RANDOM):
        return ""
    if agree(results, expected, case.rtol):
        return ""
    if imported.host_nodes and agree(results, onnxruntime_outputs(model, feeds), case.rtol):
        return ""
    return f"wrong result {results} for {expected}"


def agree(results: list[Any], expected: list[Any], rtol: float) -> bool:
    return all(map(functools.partial(_agree, rtol=rtol), results, map(np.asarray, expected)))


def _agree(ours: Any, theirs: Any, rtol: float) -> bool:
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return False
    if theirs.dtype.kind in "iub":
        return bool(np.array_equal(ours, theirs))
    tolerance = max(rtol, ROUNDING.get(str(theirs.dtype), 0))
    return np.allclose(
        ours.astype("float64"), theirs.astype("float64"), tolerance, 1e-6, equal_nan=True
    )


def complaints(chosen: list[Any], forms: int = 2) -> dict[str, str]:
    """What is wrong with `chosen`, by name; with one form, the constant one where there is one."""
    found = {}
    for case in chosen:
        for inputs, expected in case.data_sets:
            given, wanted = arrays(inputs), arrays(expected)
            constant = constant_form(case.model, given)
            if forms == 2 or constant is None:
                found[case.name] = complaint(case, case.model, given, wanted)
            if constant is not None:
                found[f"{case.name}, constant"] = complaint(case, constant, given[:1], wanted)
    return {name: words for name, words in found.items() if words}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_sample_of_node_cases(chunk):
    assert complaints(sample()[chunk::CHUNKS], forms=1) == {}


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(64))
def test_all_node_cases(chunk):
    assert complaints(cases()[chunk::64]) == {}
