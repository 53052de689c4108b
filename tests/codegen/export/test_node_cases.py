"""ONNX's own node tests, imported and written again: the same results in onnxruntime.

A case runs as it stands and with all inputs but the first as constants, as in the tests of import. What onnxruntime
does not load has no result to hold against; it is written and checked all the same.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import onnx
import pytest

from byoc.errors import ExportError, ModelError
from byoc.frontends import Model, import_model
from tests.codegen.export.known import DIFFERENT, REFUSED
from tests.codegen.export.regions import exported, run
from tests.frontends.onnx.test_node_cases import (
    CHUNKS,
    RANDOM,
    agree,
    arrays,
    cases,
    constant_form,
    sample,
)


def verdict(name: str, model: onnx.ModelProto, feeds: dict[str, Any], rtol: float) -> str:
    """`same`, `no result` (onnxruntime does not take the case), `no import`, else what is wrong."""
    try:
        imported = import_model(model)
    except ModelError:
        return "no import"
    try:
        made = exported(imported)
    except ExportError as error:
        return f"refused: {error}"
    try:
        expected = run(model, feeds)
    except Exception:  # no kernel for the operator, its opset or its types
        return "no result"
    return _compared(imported, made, feeds, expected, rtol, any(part in name for part in RANDOM))


def _compared(
    imported: Model,
    made: onnx.ModelProto,
    feeds: dict[str, Any],
    expected: list[Any],
    rtol: float,
    is_random: bool,
) -> str:
    inputs = [each.name for each in made.graph.input]
    assert inputs == [param.name for param in imported.module["main"].params]
    results = run(made, dict(zip(inputs, feeds.values(), strict=True)))
    if is_random or agree(results, expected, rtol):
        return "same"
    return f"different: {results} for {expected}"


def verdicts(chosen: list[Any], forms: int = 2) -> dict[str, str]:
    """What becomes of each form of `chosen`; with one form, the constant one where there is one."""
    found = {}
    for case in chosen:
        for inputs, _ in case.data_sets:
            given = arrays(inputs)
            names = [each.name for each in case.model.graph.input]
            constant = constant_form(case.model, given)
            if forms == 2 or constant is None:
                feeds = dict(zip(names, given, strict=True))
                found[case.name] = verdict(case.name, case.model, feeds, case.rtol)
            if constant is not None:
                feeds = {names[0]: given[0]}
                label = f"{case.name}, constant"
                found[label] = verdict(label, constant, feeds, case.rtol)
    return found


def complaints(found: dict[str, str]) -> dict[str, str]:
    """The cases whose fate is another than the table of known gaps says."""
    wrong = {}
    for name, words in found.items():
        if name in REFUSED:
            expected = words.startswith("refused: ") and REFUSED[name] in words
        elif name in DIFFERENT:
            expected = words.startswith("different: ")
        else:
            expected = words in ("same", "no result", "no import")
        if not expected:
            wrong[name] = words
    return wrong


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_sample_of_node_cases_comes_back(chunk):
    assert complaints(verdicts(sample()[chunk::CHUNKS], forms=1)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(32))
def test_all_node_cases_come_back(chunk):
    found = verdicts(cases()[chunk::32])
    assert complaints(found) == {}
    assert Counter(found.values())["same"] > 50


def test_known_gaps_are_still_there():
    names = {name.removesuffix(", constant") for name in [*REFUSED, *DIFFERENT]}
    found = verdicts([case for case in cases() if case.name in names])
    assert {*REFUSED, *DIFFERENT} <= found.keys()
    assert complaints(found) == {}
