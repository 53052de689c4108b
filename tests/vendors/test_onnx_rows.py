"""Rows of ONNX operators: the toolchains on ONNX's own node tests of these operators."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from byoc.vendors import onnxruntime, openvino
from tests.frontends.onnx.test_node_cases import cases as onnx_cases
from tests.vendors.toolchain import Source, blob_of, call_dynamic, opened, spec_of

DEVIATIONS = {
    "onnxruntime": {
        # random
        *("onnx.Bernoulli", "onnx.RandomUniformLike", "test_training_dropout"),
        # of an opset that onnxruntime 1.31 has no kernel for: segments are written in an older one
        *(
            "onnx.RoiAlign",
            "test_attention_local",
            "test_attention_3d_local",
            "test_attention_bidir",
        ),
        # edges of the scaled image are not as in ONNX's reference
        *(
            "test_resize_downsample_scales_linear_align",
            "test_resize_downsample_scales_cubic_align",
        ),
        # the row's `when` refuses them
        *("test_maxunpool_export_with_output_shape", "test_attention_4d_with_past_and_present_qk"),
        *("test_attention_4d_diff_heads_mask4d_padded_kv", "test_convinteger_with_padding"),
        *("test_pow_types_float32_uint",),
        # sequences cross the border
        *("test_if_opt", "test_if_seq", "test_loop13_seq", "test_loop16_seq"),
    },
    "openvino": set[str](),
}
"""Rows and beginnings of tests' names that are not held to ONNX's expected results."""

NEWEST_OPSET = 27


@cache
def node_tests() -> dict[str, list[Any]]:
    """ONNX's node tests of one node, by operator."""
    found: dict[str, list[Any]] = {}
    for case in onnx_cases():
        nodes, (opset, *_) = case.model.graph.node, case.model.opset_import
        if len(nodes) == 1 and opset.domain == "" and opset.version <= NEWEST_OPSET:
            found.setdefault(f"onnx.{nodes[0].op_type}", []).append(case)
    return found


def fits(row: dict[str, Any], arrays: list[Any]) -> bool:
    """Whether the dtypes of a row take a node's inputs."""
    stated = [each["dtypes"] for each in row.get("inputs", {}).values() if "dtypes" in each]
    first = row.get("dtypes") or (stated[0] if stated else None)
    return first is None or (bool(arrays) and np.asarray(arrays[0]).dtype.name in first)


def attributes_fit(row: dict[str, Any], node: Any) -> bool:
    from onnx.helper import get_attribute_value

    given = {each.name: get_attribute_value(each) for each in node.attribute}
    for name, wanted in row.get("attrs", {}).items():
        allowed = wanted if isinstance(wanted, list) else [wanted]
        value = given.get(name, allowed[0])
        if (value.decode() if isinstance(value, bytes) else value) not in allowed:
            return False
    return True


def chosen(plugin: Any, every: bool) -> Iterator[Any]:
    """The tests of each row, or the first of each."""
    spec = spec_of(plugin)
    for op, row in spec.table.source.plain()["ops"].items():
        if not op.startswith("onnx.") or op in DEVIATIONS[spec.name]:
            continue
        taken = [
            case
            for case in node_tests().get(op, [])
            if fits(row, case.data_sets[0][0])
            and attributes_fit(row, case.model.graph.node[0])
            and not case.name.startswith(tuple(DEVIATIONS[spec.name]) or ("-",))
        ]
        yield from taken if every else taken[:1]


def misfit(plugin: Any, case: Any) -> str:
    """What is wrong with a toolchain's result of a node test, "" for nothing."""
    executor = opened(plugin, blob_of(plugin, Source(case.model)))
    for given, expected in case.data_sets:
        found = call_dynamic(executor, [np.asarray(each) for each in given])
        for got, right in zip(found, expected, strict=True):
            if got.shape != np.shape(right):
                return f"shape {got.shape} instead of {np.shape(right)}"
            if not np.allclose(
                got.astype(np.float64), np.asarray(right, np.float64), 2e-3, 2e-3, equal_nan=True
            ):
                return f"{got.ravel()[:4]} instead of {np.ravel(right)[:4]}"
    return ""


def wrong(plugin: Any, *, every: bool) -> dict[str, str]:
    found = {}
    for case in chosen(plugin, every):
        try:
            words = misfit(plugin, case)
        except Exception as error:  # the report names every row that fails
            words = str(error)[-200:]
        if words:
            found[case.name] = words
    return found


@pytest.mark.parametrize("plugin", [onnxruntime, openvino], ids=["onnxruntime", "openvino"])
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_toolchain_computes_what_the_row_says(plugin: Any, every: bool) -> None:
    pytest.importorskip("openvino", reason="needs the package openvino")
    assert wrong(plugin, every=every) == {}
