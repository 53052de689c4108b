"""`byoc inspect`: everything of an artefact, without running it."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest

from tests.cli.conftest import Byoc
from tests.conftest import Run


def test_the_report(run_byoc: Byoc, artefact: Path, small: Path) -> None:
    code, out, err = run_byoc("inspect", artefact)
    assert (code, err) == (0, "")
    assert out.startswith(f"{artefact}, ")
    assert f"  model      {small}\n" in out
    assert "  content    whole: every SHA-256 is right" in out
    assert "  signature  none\n" in out
    assert "  here       runs on this machine\n" in out
    assert "\nInputs\n  x  float32 [n, 3, 8, 8]\n" in out
    assert "\nOutputs\n  y  float32 [n, 8, 8, 8]\n" in out
    made = "plugin chips-byoc 1.0, toolchain 1.0, effort=low, isa=2, fingerprint "
    assert made in " ".join(out.split())
    assert "\nThe plan\n" in out
    assert "5 of 5 ops offloaded" in out


def test_the_json_document(run_byoc: Byoc, artefact: Path) -> None:
    code, out, err = run_byoc("inspect", artefact, "--format", "json")
    assert (code, err) == (0, "")
    given = json.loads(out)
    assert given["ok"] is True
    assert given["verdict"] == "optimal"
    assert given["artefact"]["bytes"] == artefact.stat().st_size
    assert given["inputs"][0]["shape"] == ["n", 3, 8, 8]
    (segment,) = given["segments"]
    assert segment["verdict"] == {"code": "optimal", "words": ""}
    assert segment["report"]["effort"] == "low"
    assert segment["parts"]["payload"]["bytes"] == segment["blob_bytes"]
    assert given["plan"]["ops"] == {"total": 5, "offloaded": 5, "host": 0}


def test_secret_options_are_not_in_it(run_byoc: Byoc, small: Path, tmp_path: Path) -> None:
    arguments = ("--vendor", "goodchip", "--vendor-option", "goodchip.licence=hush-hush", small)
    target = tmp_path / "model.so"
    assert run_byoc("compile", *arguments, "-o", target)[0] == 0
    assert "hush-hush" not in run_byoc("inspect", target, "--format", "json")[1]
    assert b"hush-hush" not in target.read_bytes()


@pytest.mark.parametrize(
    ("isa", "code", "verdict"), [("1", 1, "incompatible"), ("2", 0, "optimal"), ("3", 0, "usable")]
)
def test_the_vendor_judges_this_machine(
    run_byoc: Byoc,
    artefact: Path,
    monkeypatch: pytest.MonkeyPatch,
    isa: str,
    code: int,
    verdict: str,
) -> None:
    monkeypatch.setenv("GOODCHIP_ISA", isa)
    found, out, _ = run_byoc("inspect", artefact, "--format", "json")
    assert found == code
    given = json.loads(out)
    assert (given["ok"], given["verdict"]) == (code == 0, verdict)
    text = run_byoc("inspect", artefact)[1]
    assert f"  {verdict}\n" in text
    if verdict != "optimal":
        assert f"made for ISA 2, the device has ISA {isa}" in text


def test_a_usable_artefact_runs_with_a_warning(
    run_byoc: Byoc, artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOODCHIP_ISA", "3")
    code, _, err = run_byoc("run", artefact, "--shape", "n=1")
    assert code == 0
    assert err.startswith("byoc: warning: ")
    assert "compiling it again would serve better" in err
    assert len(err.splitlines()) == 1


def test_a_missing_vendor_is_named(byoc: Run, artefact: Path) -> None:
    done = byoc("inspect", str(artefact))
    assert done.returncode == 1
    assert "  here       does not run on this machine\n" in done.stdout
    assert "goodchip" in done.stdout
    assert done.stderr == ""
    done = byoc("run", str(artefact), "--shape", "n=1")
    assert done.returncode == 2
    assert "chips-byoc 1.0" in done.stderr


def test_blobs_are_taken_out(run_byoc: Byoc, artefact: Path, tmp_path: Path) -> None:
    folder = tmp_path / "blobs"
    assert run_byoc("inspect", artefact, "--extract", folder)[0] == 0
    (blob,) = [each for each in folder.rglob("*") if each.is_file()]
    assert blob == folder / "goodchip_0" / "payload"
    assert [node.op_type for node in onnx.load(blob).graph.node] == [
        "Conv",
        "Relu",
        "Exp",
        "Add",
        "Relu",
    ]
    code, out, err = run_byoc("inspect", artefact, "--extract", folder)
    assert (code, out) == (2, "")
    assert f"--extract {folder}: it exists already" in err
