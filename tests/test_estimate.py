"""`byoc partition --estimate`: what vendors expect their segments to cost."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest
from jsonschema import Draft202012Validator

from byoc.report import schema


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Relu, Sin, Relu, Exp: two segments of a vendor that knows no Sin."""
    path = tmp_path_factory.mktemp("estimate") / "model.onnx"
    text = """<ir_version: 8, opset_import: ["" : 17]>
        chain (float[4] x) => (float[4] y) {
            a = Relu(x)
            b = Sin(a)
            c = Relu(b)
            y = Exp(c)
        }"""
    onnx.save(onnx.parser.parse_model(text), path)
    return path


def byoc(trouble: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", "-m", "byoc", "partition", *map(str, arguments)]
    environ = {**os.environ, "PYTHONPATH": str(trouble), "COLUMNS": "80"}
    return subprocess.run(command, capture_output=True, text=True, env=environ, check=False)


def document(trouble: Path, model: Path, *arguments: str) -> dict[str, Any]:
    done = byoc(trouble, "--vendor", "guesses", model, "--format", "json", *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    Draft202012Validator(schema()).validate(found)
    return found


def test_each_segment_has_what_its_vendor_tells(trouble: Path, model: Path) -> None:
    costs = [each["cost"] for each in document(trouble, model, "--estimate")["segments"]]
    assert [each["cycles"] for each in costs] == [1, 2]
    assert costs[1] == {
        "seconds": 2e-6,
        "cycles": 2,
        "breakdown": {"relu": 2},
        "resources": {},
        "valid": True,
        "words": "",
    }


def test_nobody_is_asked_without_the_option(trouble: Path, model: Path) -> None:
    found = document(trouble, model, "--vendor-option", "guesses.mood=raises")
    assert all("cost" not in each for each in found["segments"])
    assert found["notes"] == []


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("raises", "ValueError: no crystal ball"),
        ("wrong", "answered 7 of type int; expected a list of one byoc.CostRecord or None"),
    ],
)
def test_what_goes_wrong_is_a_note(trouble: Path, model: Path, mood: str, words: str) -> None:
    found = document(trouble, model, "--estimate", "--vendor-option", f"guesses.mood={mood}")
    assert all("cost" not in each for each in found["segments"])
    (note,) = found["notes"]
    assert note.startswith("vendor 'guesses': byoc_estimate ")
    assert words in note


def test_no_answer_is_no_cost(trouble: Path, model: Path) -> None:
    found = document(trouble, model, "--estimate", "--vendor-option", "guesses.mood=silent")
    assert all("cost" not in each for each in found["segments"])
    assert found["notes"] == []


def test_the_report_shows_cycles_and_time(trouble: Path, model: Path) -> None:
    done = byoc(trouble, "--vendor", "guesses", model, "--estimate")
    assert done.returncode == 0, done.stderr
    start = done.stdout.index("What the vendors expect")
    rows = [line.split() for line in done.stdout[start:].splitlines()[2:4]]
    assert [row[:2] for row in rows] == [["guesses_0", "1"], ["guesses_1", "2"]]
