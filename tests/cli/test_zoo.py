"""`byoc zoo`: what it lists, what it writes, and what it leaves alone when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import onnx

from byoc.testing import zoo
from tests.conftest import Run


def test_list_has_every_model_within_80_columns(byoc: Run) -> None:
    done = byoc("zoo", "list")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(zoo.names())
    assert all(len(line) <= 80 for line in lines if "pip install" not in line)


def test_list_as_json(byoc: Run) -> None:
    records = json.loads(byoc("zoo", "list", "--format", "json").stdout)
    first = records[0]
    assert first["name"] == "resnet50"
    assert first["inputs"] == [
        {"name": "gpu_0/data_0", "shape": [1, 3, 224, 224], "dtype": "float32"}
    ]
    assert (first["package"], first["available"]) == ("onnx", True)


def test_export_writes_the_model(byoc: Run, tmp_path: Path) -> None:
    for given in ("qdq_cnn", "zoo:qdq_cnn"):
        done = byoc("zoo", "export", given, "-o", "model.onnx")
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
        assert onnx.load(tmp_path / "model.onnx") == zoo.load("qdq_cnn")
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]


def test_export_refuses_an_unknown_name(byoc: Run, tmp_path: Path) -> None:
    done = byoc("zoo", "export", "resnet5", "-o", "model.onnx")
    assert done.returncode == 2
    assert "did you mean 'resnet50'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_export_to_a_path_that_cannot_be_written(byoc: Run, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in ("missing/model.onnx", "folder"):
        done = byoc("zoo", "export", "qdq_cnn", "-o", path)
        assert done.returncode == 2
        assert f"cannot write '{path}'" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def test_a_wrong_format_is_answered_with_the_nearest(byoc: Run) -> None:
    done = byoc("zoo", "list", "--format", "jsn")
    assert done.returncode == 2
    assert "did you mean 'json'?" in done.stderr
