"""The first segment that computes something else than the model is found without the vendor."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from byoc.runtime import Artefact, load
from byoc.runtime.diff import Difference, diff_outputs
from byoc.runtime.origins import Origins, spelling
from tests.runtime.build import make

pytestmark = pytest.mark.usefixtures("testchip")

GIVEN = np.linspace(-1, 1, 6, dtype="float32").reshape(2, 3)


@pytest.fixture
def model(tmp_path: Path) -> str:
    pytest.importorskip("onnxruntime")
    x, y, same = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3])
        for name in ("x0", "y0", "same0")
    )
    nodes = [
        helper.make_node("Abs", ["x0"], ["net/abs:0"], name="the_abs"),
        helper.make_node("Add", ["net/abs:0", "net/abs:0"], ["y0"]),
        helper.make_node("Identity", ["x0"], ["same0"]),
    ]
    graph = helper.make_graph(nodes, "g", [x], [y, same])
    path = tmp_path / "model.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path
    )
    return str(path)


def compiled(tmp_path: Path, border: str, factor: int = 2, **more: Any) -> Artefact:
    path = make(tmp_path / "m.so", border=border, **more)
    return load(path, vendor_options={"testchip": {"factor": str(factor)}})


def test_all_is_well(model: str, tmp_path: Path) -> None:
    steps: list[int] = []
    found = diff_outputs(
        model, compiled(tmp_path, "net_abs_0"), [GIVEN], step=lambda: steps.append(1)
    )
    (segment,) = found.segments
    assert found.ok
    assert found.first is None
    assert (segment.name, segment.skipped, segment.errors[0].max_abs) == ("chip_0", "", 0)
    assert [each.name for each in found.outputs] == ["y0", "same0"]
    assert steps == [1]


def test_a_wrong_segment_is_found(model: str, tmp_path: Path) -> None:
    found = diff_outputs(model, compiled(tmp_path, "net_abs_0", 3), {"x0": GIVEN})
    assert not found.ok
    assert found.first is not None
    assert (found.first.name, found.first.vendor) == ("chip_0", "testchip")
    (error,) = found.first.errors
    assert error.max_rel == pytest.approx(0.5)
    assert [each.differing for each in found.outputs] == [6, 0]


def test_a_binding_that_is_only_spelt_like_a_value_is_not_that_value(
    model: str, tmp_path: Path
) -> None:
    plan = {"ops": [{"binding": "net_abs_0", "nodes": ["another_node"]}]}
    found = diff_outputs(model, compiled(tmp_path, "net_abs_0", 3, plan=plan), [GIVEN])
    assert found.segments[0].errors[0].max_rel == pytest.approx(0.5)
    assert found.first is not None
    elsewhere = {"ops": [{"binding": "net_abs_0", "nodes": ["the_abs"]}]}
    assert diff_outputs(model, compiled(tmp_path, "net_abs_0", plan=elsewhere), [GIVEN]).ok


def skipped(found: Difference) -> str:
    assert found.first is None
    return found.segments[0].skipped


def test_what_is_no_value_of_the_model_is_skipped_with_words(model: str, tmp_path: Path) -> None:
    found = diff_outputs(model, compiled(tmp_path, "lv7", 3), [GIVEN])
    assert skipped(found) == "its input lv7 has no value of that name, dtype and shape in the model"
    assert not found.ok
    failing = compiled(tmp_path, "net_abs_0", do={"do": "raises_on_open"})
    with pytest.raises(Exception, match="no device node"):
        diff_outputs(model, failing, [GIVEN])


def test_names_that_relax_spells_alike_stand_for_neither() -> None:
    nodes = [
        helper.make_node("Abs", ["x"], ["a/b"]),
        helper.make_node("Neg", ["x"], ["a.b"]),
        helper.make_node("Neg", ["x"], ["0c"]),
    ]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", 1, [1])], [])
    origins = Origins.of(helper.make_model(graph), {})
    assert origins.value("a_b") is None
    assert origins.value("v_0c") == "0c"
    assert spelling("gpu_0/data:0") == "gpu_0_data_0"
