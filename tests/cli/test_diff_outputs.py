"""`byoc diff-outputs`: the first segment that computes something else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from tests.cli.conftest import Byoc, saved, small_model


def test_all_is_within(run_byoc: Byoc, artefact: Path, small: Path) -> None:
    code, out, err = run_byoc("diff-outputs", small, artefact, "--shape", "n=2")
    assert (code, err) == (0, "")
    assert " ".join(out.split()).startswith(f"{artefact} against {small} in onnxruntime")
    assert "\n  goodchip_0  goodchip        1 " in out
    assert "Everything is within the tolerance 0.001.\n" in out


def test_the_first_segment_is_named(run_byoc: Byoc, with_fallback: Path, tmp_path: Path) -> None:
    other = small_model(tmp_path / "other.onnx", seed=1)
    code, out, _ = run_byoc("diff-outputs", other, with_fallback)
    assert code == 1
    words = " ".join(out.split())
    assert (
        "The first segment that leaves the tolerance 0.001 is badchip_0 of vendor badchip." in words
    )
    assert "Its nodes: conv_first, relu_first" in words
    code, out, _ = run_byoc("diff-outputs", other, with_fallback, "--format", "json")
    assert code == 1
    given = json.loads(out)
    assert (given["ok"], given["first"]) == (False, "badchip_0")
    by_name = {each["name"]: each["ok"] for each in given["segments"]}
    assert by_name["badchip_0"] is False
    assert by_name["badchip_1"] is True  # the other model's values are its own: no error reaches it


def test_bad_usage(run_byoc: Byoc, artefact: Path, small: Path, tmp_path: Path) -> None:
    for arguments, words in (
        ((small,), "Missing argument 'ARTEFACT'"),
        ((tmp_path / "none.onnx", artefact, "--shape", "n=1"), "none.onnx"),
        ((small, artefact), "bind it with --shape n=N"),
        ((artefact, small), "no artefact of byoc"),
        (("zoo:squeezenet", artefact, "--shape", "n=1"), "squeezenet"),
    ):
        code, out, err = run_byoc("diff-outputs", *arguments)
        assert (code, out) == (2, "")
        assert words in err
        assert "Traceback" not in err


def model_with_elu(path: Path) -> Path:
    """Conv, Relu, Sigmoid, Elu: import takes the Elu apart, into values that ONNX has no names for."""
    weight = 0.2 * np.random.default_rng(0).normal(size=(8, 3, 3, 3)).astype("float32")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("Sigmoid", ["r"], ["s"], "sigmoid"),
        helper.make_node("Elu", ["s"], ["y"], "elu"),
    ]
    return saved(path, nodes, weight)


@pytest.mark.parametrize("shape", ["n=1", ""])
def test_a_wrong_segment_between_values_without_names_is_found(
    run_byoc: Byoc, tmp_path: Path, shape: str
) -> None:
    model, wrong = model_with_elu(tmp_path / "elu.onnx"), tmp_path / "wrong.so"
    compiling = ["compile", model, "--vendor", "badchip", "-o", wrong]
    compiling += ["--shape", shape] if shape else []
    code, _, err = run_byoc(*compiling, "--vendor-option", "badchip.fault=wrong")
    assert (code, err) == (0, "")
    asked = ["diff-outputs", model, wrong, "--format", "json"]
    code, out, err = run_byoc(*asked, *([] if shape else ["--shape", "n=3"]))
    assert (code, err) == (1, "")
    given = json.loads(out)
    chips = [each for each in given["segments"] if each["vendor"] == "badchip"]
    assert [each["name"] for each in chips] == ["badchip_0", "badchip_1", "badchip_2"]
    assert [each["ok"] for each in chips] == [True, False, True]
    assert not any(each["skipped"] for each in given["segments"])
    assert all(each["ok"] for each in given["segments"] if each["vendor"] != "badchip")
    assert given["first"] == "badchip_1"
