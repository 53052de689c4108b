"""Relay models on the command line: compiled with their parameters, and as what an artefact is held against."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tvm

from byoc.runtime import library
from tests.cli.conftest import Byoc, small_model

IMAGE = "Tensor[(1, 3, 8, 8), float32]"
SMALL = f"""#[version = "0.0.5"]
def @main(%image: {IMAGE}, %weight: Tensor[(8, 3, 3, 3), float32]) -> Tensor[(1, 8, 8, 8), float32] {{
  %0 = nn.conv2d(%image, %weight, padding=[1, 1, 1, 1], channels=8, kernel_size=[3, 3]) /* span=conv_first:0:0 */;
  %1 = nn.relu(%0) /* span=relu_first:0:0 */;
  %2 = exp(%1) /* span=exp_middle:0:0 */;
  %3 = add(%2, %1) /* span=add_last:0:0 */;
  nn.relu(%3) /* span=relu_last:0:0 */
}}
"""
"""The small model of conftest, whose tensors have other names here."""


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("relay models")
    weight = 0.2 * np.random.default_rng(0).normal(size=(8, 3, 3, 3)).astype("float32")
    (folder / "small.params").write_bytes(tvm.runtime.save_param_dict({"weight": weight}))
    path = folder / "small.relay"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="module")
def params(relay: Path) -> Path:
    return relay.with_suffix(".params")


@pytest.fixture(scope="module")
def compiled(relay: Path, params: Path, environ: dict[str, str]) -> tuple[Path, str]:
    """The artefact for badchip, which gives up on the exponential, and what compiling it said."""
    if not library.is_built():
        pytest.skip("byoc's C++ runtime is not built")
    path = relay.with_suffix(".so")
    fault = ["--vendor-option", "badchip.fault=raise"]
    given = [str(relay), "--params", str(params), "-o", str(path), "--vendor", "badchip", *fault]
    command = [sys.executable, "-m", "byoc", "compile", *given]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return path, done.stdout


@pytest.fixture
def artefact(compiled: tuple[Path, str]) -> Path:
    return compiled[0]


def test_what_to_do_next_names_the_parameters(
    compiled: tuple[Path, str], relay: Path, params: Path
) -> None:
    path, said = compiled
    assert f"Next: byoc run '{path}' --compare '{relay}' --params '{params}'\n" in said


def test_compared_with_itself_it_says_what_that_cannot_tell(
    run_byoc: Byoc, artefact: Path, relay: Path, params: Path
) -> None:
    arguments = ("run", artefact, "--compare", relay, "--params", params, "--max-rel", "1e-5")
    code, out, err = run_byoc(*arguments)
    assert (code, err) == (0, "")
    words = " ".join(out.split())
    assert f"Against {relay}, converted by byoc, in TVM 0." in out
    assert "not whether it was converted rightly" in words
    code, out, _ = run_byoc(*arguments, "--format", "json")
    assert "not whether it was converted rightly" in json.loads(out)["note"]


def test_the_same_network_as_onnx_is_matched_by_order(
    run_byoc: Byoc, artefact: Path, tmp_path: Path
) -> None:
    arguments = ("run", artefact, "--max-rel", "1e-4", "--compare")
    code, out, err = run_byoc(*arguments, small_model(tmp_path / "small.onnx"))
    assert (code, err) == (0, "")
    assert "in onnxruntime 1." in out
    assert "converted rightly" not in " ".join(out.split())
    code, out, _ = run_byoc(*arguments, small_model(tmp_path / "other.onnx", seed=1))
    assert code == 1
    assert "is more than --max-rel 0.0001" in out


def test_each_segment_beside_its_model(
    run_byoc: Byoc, artefact: Path, relay: Path, params: Path
) -> None:
    code, out, err = run_byoc("diff-outputs", relay, artefact, "--params", params)
    assert (code, err) == (0, "")
    assert "\n  badchip_0  badchip        1 " in out
    assert "Everything is within the tolerance 0.001.\n" in out


def test_a_segment_that_is_not_the_models_is_named(
    run_byoc: Byoc, artefact: Path, relay: Path, tmp_path: Path
) -> None:
    other = np.zeros((8, 3, 3, 3), np.float32)
    np.savez(tmp_path / "other.npz", weight=other)
    arguments = ("diff-outputs", relay, artefact, "--params", tmp_path / "other.npz")
    code, out, _ = run_byoc(*arguments, "--format", "json")
    assert code == 1
    given = json.loads(out)
    assert given["first"] == "badchip_0"
    assert given["segments"][0]["nodes"] == ["conv_first", "relu_first"]


def test_bad_usage(run_byoc: Byoc, artefact: Path, relay: Path, params: Path, small: Path) -> None:
    for arguments, words in (
        (("diff-outputs", small, artefact, "--params", params), "--params and --qnn go with Relay"),
        (
            ("diff-outputs", small, artefact, "--qnn", "qdq"),
            "--params and --qnn go with Relay text",
        ),
        (("diff-outputs", relay, artefact), "needs the input 'weight'"),
        (("run", artefact, "--compare", relay), "give the file of parameters with --params"),
        (("run", artefact, "--params", params), "name one with --compare"),
        (("run", artefact, "--compare", small, "--params", params), "is no *.relay"),
    ):
        code, out, err = run_byoc(*arguments)
        assert (code, out) == (2, ""), arguments
        assert words in " ".join(err.split()), err
        assert "Traceback" not in err
