"""`byoc repro`: bundles of a segment that compiled and of one that did not."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
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
        (["none"], "is no repro bundle (there is no such folder); expected"),
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


def _edit(path: Path, **more: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **more}), "utf-8")


def _signed(folder: Path, name: str, data: bytes) -> None:
    """Put `data` in place of a file of the partition, with its SHA-256 right: as another build would write it."""
    (folder / name).write_bytes(data)
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    plan["files"][name] = hashlib.sha256(data).hexdigest()
    (folder / "plan.json").write_text(json.dumps(plan), "utf-8")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no about": (lambda b: (b / "bundle.json").unlink(), "it has no bundle.json"),
    "about cut short": (lambda b: (b / "bundle.json").write_text("{"), "is no repro bundle"),
    "format": (lambda b: _edit(b / "bundle.json", format=9), "format 9, expected 1"),
    "no vendor": (lambda b: _edit(b / "bundle.json", vendor=None), "does not say vendor"),
    "ports": (lambda b: _edit(b / "bundle.json", inputs=[1]), "does not say inputs"),
    "other vendor": (
        lambda b: _edit(b / "bundle.json", vendor="goodchip"),
        "expected one of vendor goodchip",
    ),
    "no partition": (lambda b: shutil.rmtree(b / "partition"), "no plan.json"),
    "no source": (lambda b: (b / "partition/source.ir").unlink(), "source.ir: cannot be read"),
    "plan": (lambda b: _edit(b / "partition/plan.json", segments=[{}]), "cannot be read back"),
    "plan's files": (lambda b: _edit(b / "partition/plan.json", files=3), "cannot be read back"),
    "module": (lambda b: _signed(b / "partition", "source.ir", b"{}"), "cannot be read back"),
    "source": (lambda b: _signed(b / "partition", "source.json", b"[]"), "cannot be read back"),
    "other build": (
        lambda b: (
            _edit(b / "bundle.json", byoc="9.9"),
            _signed(b / "partition", "source.ir", b""),
        ),
        "byoc 9.9 wrote it, this is byoc",
    ),
    "no inputs": (lambda b: (b / "inputs.npz").unlink(), "inputs.npz: cannot be read"),
    "no expected": (lambda b: (b / "expected.npz").unlink(), "expected.npz: cannot be read"),
    "inputs cut short": (
        lambda b: (b / "inputs.npz").write_bytes((b / "inputs.npz").read_bytes()[:-60]),
        "inputs.npz: cannot be read",
    ),
    "a bit of expected": (
        lambda b: (b / "expected.npz").write_bytes(
            (b / "expected.npz").read_bytes().replace(b"NUMPY", b"NUMPX", 1)
        ),
        "expected.npz: cannot be read",
    ),
    "other inputs": (
        lambda b: shutil.copy(b / "expected.npz", b / "inputs.npz"),
        "expected the arrays that bundle.json names",
    ),
}


@pytest.mark.parametrize("name", list(DAMAGE))
def test_a_bundle_that_is_not_whole(
    run_byoc: Byoc, bundles: Path, tmp_path: Path, name: str
) -> None:
    damage, words = DAMAGE[name]
    bundle = tmp_path / "bundle"
    shutil.copytree(bundles / "badchip_0", bundle)
    damage(bundle)
    code, out, err = run_byoc("repro", bundle)
    assert (code, out) == (2, "")
    assert err.startswith("byoc: error: ")
    assert words in " ".join(err.split())
    assert len(err.strip().splitlines()) == 1
