"""`byoc run`, on a compiled model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Byoc, small_model


def outputs_of(run_byoc: Byoc, *arguments: object) -> dict[str, Any]:
    code, out, err = run_byoc("run", *arguments, "--format", "json")
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def test_the_report(run_byoc: Byoc, artefact: Path, small: Path) -> None:
    arguments = (artefact, "--shape", "n=2", "--compare", small, "--repeat", "3")
    code, out, err = run_byoc("run", *arguments)
    assert (code, err) == (0, "")
    assert "3 runs: median " in out
    assert "Inputs (random, seed 0)" in out
    assert "  x     float32  2x3x8x8 " in out
    assert f"Against {small} in onnxruntime" in out
    assert "\x1b" not in out


def test_the_json_document(run_byoc: Byoc, artefact: Path, small: Path) -> None:
    given = outputs_of(run_byoc, artefact, "--shape", "n=2", "--compare", small, "--repeat", "3")
    assert given["ok"] is True
    (output,) = given["outputs"]
    assert output["name"] == "y"
    assert output["shape"] == [2, 8, 8, 8]
    assert 0 <= output["max_abs"] < 1e-3
    assert 0 <= output["max_rel"] <= 1e-5
    assert output["snr_db"] is None or output["snr_db"] > 100
    assert len(given["seconds"]) == 3
    assert all(each > 0 for each in given["seconds"])


def test_without_a_model_nothing_is_compared(run_byoc: Byoc, artefact: Path) -> None:
    given = outputs_of(run_byoc, artefact, "--shape", "n=1")
    assert given["ok"] is True
    assert given["outputs"][0]["max_abs"] is None
    assert given["reference"] is None


def test_seeds_draw_other_inputs(run_byoc: Byoc, artefact: Path, tmp_path: Path) -> None:
    written = []
    for seed, name in (("0", "a"), ("0", "b"), ("1", "c")):
        target = tmp_path / f"{name}.npz"
        arguments = (artefact, "--shape", "n=1", "--seed", seed, "--output", target)
        assert run_byoc("run", *arguments)[0] == 0
        written.append(target.read_bytes())
    assert written[0] == written[1]
    assert written[0] != written[2]


def test_arrays_go_in_and_come_out(run_byoc: Byoc, artefact: Path, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "all.npz", x=x)
    for number, arguments in enumerate(
        (
            ("--input", f"x={tmp_path / 'x.npy'}"),
            ("--input", tmp_path / "x.npy"),
            ("--inputs", tmp_path / "all.npz"),
        )
    ):
        target = tmp_path / f"{number}.npz"
        code, out, err = run_byoc("run", artefact, *arguments, "--output", target)
        assert (code, err) == (0, "")
        assert "Inputs (given)" in out
        assert out.endswith(f"Outputs written to {target}\n")
    with np.load(tmp_path / "0.npz") as archive:
        assert archive["y"].shape == (2, 8, 8, 8)
    assert (tmp_path / "0.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()


def test_tolerances_decide_the_exit_code(
    run_byoc: Byoc, artefact: Path, small: Path, tmp_path: Path
) -> None:
    other = small_model(tmp_path / "other.onnx", seed=1)
    base = ("run", artefact, "--shape", "n=1", "--compare")
    assert run_byoc(*base, small, "--max-rel", "1e-4", "--min-snr", "60")[0] == 0
    assert run_byoc(*base, other)[0] == 0
    code, out, _ = run_byoc(*base, other, "--max-rel", "1e-4")
    assert code == 1
    assert "is more than --max-rel 0.0001" in out
    code, out, _ = run_byoc(*base, other, "--min-snr", "60", "--format", "json")
    assert code == 1
    assert json.loads(out)["ok"] is False
    assert "less than --min-snr 60" in json.loads(out)["failures"][0]


def test_a_host_version_that_takes_over_is_told(run_byoc: Byoc, with_fallback: Path) -> None:
    arguments = (with_fallback, "--vendor-option", "badchip.run_fault=raise")
    code, out, err = run_byoc("run", *arguments)
    assert code == 0
    assert "segment calls failed and ran on the host instead" in out
    assert "the queue was lost" in err
    code, out, err = run_byoc("profile", *arguments, "--warmup", "0", "--repeat", "2")
    assert code == 0
    assert "1 of 2 calls failed and ran on the host" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "symbolic dimension 'n'; bind it with --shape n=N"),
        (["--shape", "m=1"], "no symbolic dimension 'm'"),
        (["--shape", "y=1,3,8,8"], "no input 'y'"),
        (["--shape", "x=1,3,9,8"], "dimension 2 is 9, not 8"),
        (["--input", "x=missing.npy"], "cannot read missing.npy: No such file"),
        (["--input", "x=text.npy"], "text.npy: it is no array file"),
        (["--input", "x=cut.npy"], "cannot read cut.npy"),
        (["--input", "x=objects.npy"], "objects.npy: it is no array file of numpy, or holds"),
        (["--input", "x=all.npz"], "use --inputs"),
        (["--inputs", "x.npy"], "use --input"),
        (["--inputs", "cut.npz"], "cannot read cut.npz"),
        (["--input", "z=x.npy"], "has no input 'z'"),
        (["--input", "x=x.npy", "--input", "x=x.npy"], "'x' is given twice"),
        (["--input", "x=x.npy", "--inputs", "all.npz"], "'x' is given twice"),
        (["--input", "x=wide.npy"], "is float64, expected float32"),
        (["--input", "x=x.npy", "--shape", "n=1"], "--shape is for random inputs"),
        (["--shape", "n=1", "--max-rel", "1e-3"], "name one with --compare"),
        (["--shape", "n=1", "--compare", "missing.onnx"], "missing.onnx"),
        (["--shape", "n=1", "--compare", "zoo:squeezenet"], "squeezenet"),
        (["--shape", "n=1", "--output", "/nowhere/o.npz"], "there is no folder /nowhere"),
        (["--shape", "n=1", "--vendor-option", "goodchip.quue=2"], "did you mean 'queue'?"),
        (["--shape", "n=1", "--vendor-option", "goodchp.queue=2"], "did you mean 'goodchip'?"),
        (["--shape", "n=1", "--vendor-option", "goodchip.isa=2"], "when a model is compiled"),
        (["--shape", "n=1", "--repeat", "0"], "'--repeat'"),
        (["--shape", "n=1", "--require-signature", "pub.pem"], "pub.pem"),
    ],
)
def test_bad_usage(
    run_byoc: Byoc,
    artefact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    x = np.zeros((1, 3, 8, 8), "float32")
    np.save("x.npy", x)
    np.save("wide.npy", x.astype("float64"))
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez("all.npz", x=x)
    for name in ("x.npy", "all.npz"):
        whole = Path(name).read_bytes()
        Path(name.replace("x", "cut").replace("all", "cut")).write_bytes(whole[: len(whole) // 2])
    Path("cut.npy").write_bytes(Path("x.npy").read_bytes()[:200])
    Path("cut.npz").write_bytes(Path("all.npz").read_bytes()[:200])
    Path("text.npy").write_text("no array\n")
    code, out, err = run_byoc("run", artefact, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("byoc: error: ")
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["run", "profile", "inspect"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.so", "missing.so"),
        ("text.so", "no artefact of byoc"),
        ("cut.so", "cut short"),
        ("altered.so", "altered"),
        (".", "."),
    ],
)
def test_bad_artefacts(
    run_byoc: Byoc,
    artefact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    name: str,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = bytearray(artefact.read_bytes())
    Path("text.so").write_text("no artefact\n")
    Path("cut.so").write_bytes(whole[: len(whole) * 3 // 4])
    whole[len(whole) // 2] ^= 1
    Path("altered.so").write_bytes(whole)
    code, out, err = run_byoc(command, name)
    assert (code, out) == (2, "")
    assert err.startswith("byoc: error: ")
    assert words in err
