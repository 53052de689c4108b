"""`byoc profile`, on a compiled model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Byoc


def test_the_report(run_byoc: Byoc, artefact: Path, small: Path) -> None:
    arguments = ("--shape", "n=2", "--repeat", "4", "--warmup", "1")
    code, out, err = run_byoc("profile", artefact, *arguments)
    assert (code, err) == (0, "")
    assert " ".join(out.split()).startswith(f"{artefact}: {small}, inputs: random, seed 0 ")
    assert "4 runs after 1 to warm up: median " in out
    assert "\n  host        TVM " in out
    assert "\n  goodchip_0  goodchip " in out
    assert "1.50 KiB  4.00 KiB" in out  # 2x3x8x8 floats in, 2x8x8x8 floats out
    assert "driver: calls=5" in out


def test_the_json_document(run_byoc: Byoc, artefact: Path) -> None:
    arguments = ("--shape", "n=2", "--repeat", "4", "--format", "json")
    code, out, err = run_byoc("profile", artefact, *arguments)
    assert (code, err) == (0, "")
    given = json.loads(out)
    assert given["ok"] is True
    assert len(given["seconds"]) == 4
    host, segment = given["rows"]
    assert (host["name"], segment["name"]) == ("host", "goodchip_0")
    assert segment["calls"] == 1
    assert (segment["bytes_in"], segment["bytes_out"]) == (2 * 3 * 8 * 8 * 4, 2 * 8 * 8 * 8 * 4)
    assert host["share"] + segment["share"] == pytest.approx(1)


def test_a_roofline_needs_a_driver_that_counts_cycles(
    run_byoc: Byoc, artefact: Path, tmp_path: Path
) -> None:
    page, trace = tmp_path / "r.html", tmp_path / "t.json"
    asked = ("--shape", "n=1", "--roofline", page, "--trace", trace)
    code, out, err = run_byoc("profile", artefact, *asked)
    assert (code, out) == (2, "")
    assert "counts cycles; compile for a vendor whose driver does" in err
    assert not page.exists()
    assert not trace.exists()


def test_the_trace_is_chromes(run_byoc: Byoc, artefact: Path, tmp_path: Path) -> None:
    target = tmp_path / "trace.json"
    code, out, _ = run_byoc("profile", artefact, "--shape", "n=1", "--trace", target)
    assert code == 0
    assert out.endswith(f"Trace written to {target}\n")
    events = json.loads(target.read_text())["traceEvents"]
    spans = [each for each in events if each["ph"] == "X"]
    assert "goodchip_0" in [each["name"] for each in spans]
    assert all(each["dur"] >= 0 and each["ts"] >= 0 for each in spans)
    named = {each["args"]["name"] for each in events if each["name"] == "thread_name"}
    assert {"host", "goodchip"} <= named


def test_bad_usage(run_byoc: Byoc, artefact: Path) -> None:
    for arguments, words in (
        (("--shape", "n=1", "--trace", "/nowhere/t.json"), "there is no folder /nowhere"),
        (("--shape", "n=1", "--warmup", "-1"), "'--warmup'"),
        (("--shape", "n=1", "--threads", "0"), "'--threads'"),
        (("--input", "x"), "x"),
    ):
        code, out, err = run_byoc("profile", artefact, *arguments)
        assert (code, out) == (2, "")
        assert words in err
