"""`byoc repro`: bundles of a segment that compiled and of one that did not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Byoc


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory, small: Path, environ: dict[str, str]) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    arguments = ["--vendor", "badchip", "--vendor-option", "badchip.fault=raise", "--shape", "n=1"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "byoc",
            "compile",
            *arguments,
            str(small),
            "-o",
            "m.so",
            "--keep",
            "kept",
        ],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "kept"


def the_failed(bundles: Path) -> Path:
    (found,) = bundles.glob("*-failed")
    return found


def test_a_segment_that_compiles_runs_and_is_equal(run_byoc: Byoc, bundles: Path) -> None:
    code, out, err = run_byoc("repro", bundles / "badchip_0")
    assert (code, err) == (0, "")
    assert out.startswith("badchip_0 of vendor badchip\n")
    assert "Compiles, in " in out
    assert "Equal, to at least 30 dB\n" in out
    code, out, err = run_byoc("repro", bundles / "badchip_0", "--format", "json")
    assert (code, err) == (0, "")
    given = json.loads(out)
    assert (given["ok"], given["state"]) == (True, "ran")
    assert given["outputs"][0]["max_rel"] < 1e-5


def test_a_segment_that_does_not_compile(run_byoc: Byoc, bundles: Path) -> None:
    code, out, err = run_byoc("repro", the_failed(bundles))
    assert (code, err) == (1, "")
    assert "Does not compile" in out
    code, out, _ = run_byoc("repro", the_failed(bundles), "--format", "json")
    assert code == 1
    assert json.loads(out)["state"] == "compiled-not"


def test_an_option_in_place_of_the_bundles(run_byoc: Byoc, bundles: Path) -> None:
    for text in ("fault=none", "badchip.fault=none"):
        code, out, _ = run_byoc("repro", the_failed(bundles), "--vendor-option", text)
        assert code == 0
        assert "Equal" in out


def test_a_segment_that_does_not_run(run_byoc: Byoc, bundles: Path) -> None:
    arguments = ("--vendor-option", "run_fault=raise")
    code, out, _ = run_byoc("repro", bundles / "badchip_0", *arguments)
    assert code == 1
    assert "Does not run" in out
    assert "the queue was lost" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none"], "is no repro bundle"),
        (["altered"], "altered"),
        (["whole", "--vendor-option", "falt=none"], "did you mean 'fault'?"),
        (["whole", "--vendor-option", "fault"], "expected KEY=VALUE"),
        (["whole", "--min-snr", "much"], "'--min-snr'"),
    ],
)
def test_bad_usage(
    run_byoc: Byoc,
    bundles: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(bundles / "badchip_0", "whole")
    shutil.copytree(bundles / "badchip_0", "altered")
    constants = Path("altered/partition/constants.safetensors")
    constants.write_bytes(constants.read_bytes()[:-1] + b"\x7f")
    code, out, err = run_byoc("repro", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err
