"""`byoc partition`, end to end, on a small model of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from jsonschema import Draft202012Validator
from onnx import TensorProto, helper, numpy_helper

from byoc.cli import main
from byoc.report import schema
from tests.conftest import Run

Answer = tuple[int, str, str]
Partition = Callable[..., Answer]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution with bias and ReLU, which npu takes, and an operator that no vendor knows."""
    weight = np.random.default_rng(0).normal(size=(16, 16, 3, 3)).astype("float32")
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], "conv_first", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu_first"),
        helper.make_node("Det", ["r"], ["d"], "determinant"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 16, 8, 8])],
        [helper.make_tensor_value_info("d", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(weight, "w"),
            numpy_helper.from_array(np.ones(16, "float32"), "b"),
        ],
    )
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


@pytest.fixture
def partition(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Partition:
    """Run `byoc partition --vendor npu` in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("BYOC_TRACEBACK", raising=False)

    def run(*arguments: str | Path, vendors: tuple[str, ...] = ("npu",)) -> Answer:
        asked = [part for vendor in vendors for part in ("--vendor", vendor)]
        with pytest.raises(SystemExit) as stopped:
            main(["partition", *asked, *map(str, arguments)])
        captured = capfd.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, captured.out, captured.err

    return run


def document(answer: Answer) -> dict[str, Any]:
    code, out, err = answer
    assert (code, err) == (0, "")
    loaded: dict[str, Any] = json.loads(out)
    return loaded


def test_json_is_valid_and_complete(partition: Partition, model: Path) -> None:
    given = document(partition(model, "--shape", "n=1", "--format", "json"))
    Draft202012Validator(schema()).validate(given)
    assert given["verified"] is True
    assert given["vendors"] == ["npu"]
    assert given["options"]["dims"] == {"n": 1}
    covered = [node for segment in given["segments"] for node in segment["nodes"]]
    assert covered[:2] == ["conv_first", "relu_first"]
    assert [each["node"] for each in given["host"]] == ["determinant"]
    assert [each["vendor"] for each in given["host"][0]["refusals"]] == ["npu"]
    assert given["macs"]["total"] == 16 * 16 * 9 * 64


def test_two_processes_print_the_same_but_for_seconds(byoc: Run, model: Path) -> None:
    runs = [byoc("partition", "--vendor", "npu", str(model), "--format", "json") for _ in range(2)]
    given = [json.loads(run.stdout) for run in runs]
    for each in given:
        each.pop("seconds")
    assert json.dumps(given[0]) == json.dumps(given[1])


def test_the_text_report(partition: Partition, model: Path) -> None:
    code, out, err = partition(model, "--shape", "x=1,16,8,8")
    assert (code, err) == (0, "")
    assert "in 1 segment\n" in out
    assert "verified: inlining the segments gives the imported model back\n" in out
    assert "determinant" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "\x1b" not in out


def test_the_story_of_a_node(partition: Partition, model: Path) -> None:
    code, out, _ = partition(model, "--shape", "n=1", "--explain", "conv_first")
    assert code == 0
    assert out.startswith("conv_first in ")
    assert "goes to npu in composite npu." in out
    given = document(partition(model, "--explain", "determinant", "--format", "json"))
    Draft202012Validator(schema()).validate(given)
    assert given["explain"]["node"] == "determinant"
    assert any(each["refusals"] for each in given["explain"]["ops"])
    events = [event for each in given["explain"]["ops"] for event in each["events"]]
    assert any(e["stage"] == "import" and "is a host call" in e["words"] for e in events)


def test_an_unknown_node_is_answered_with_the_nearest(partition: Partition, model: Path) -> None:
    code, out, err = partition(model, "--explain", "conv_frist")
    assert (code, out) == (2, "")
    assert "did you mean 'conv_first'?" in err


def test_small_segments_go_back(partition: Partition, model: Path) -> None:
    arguments = ("--shape", "n=1", "--min-macs", "1G", "--format", "json")
    given = document(partition(model, *arguments))
    assert given["segments"] == []
    assert {each["code"] for each in given["refusals"]} >= {"too-small"}


def test_the_output_is_read_back(partition: Partition, model: Path, tmp_path: Path) -> None:
    from byoc import load_partition

    target = (
        tmp_path / "a name [long] enough to pass the end of a line of 80 columns wherever it is"
    )
    given = document(partition(model, "-o", target, "--format", "json"))
    stored = load_partition(target)
    assert [each.name for each in stored.plan.segments] == [
        each["name"] for each in given["segments"]
    ]
    code, _, err = partition(model, "-o", target)
    assert code == 2
    assert "--force" in err
    code, out, _ = partition(model, "-o", target, "--force")
    assert code == 0
    assert out.endswith(f"Written to {target}\n")


def bad_models(tmp_path: Path, model: Path) -> dict[str, Path]:
    whole = model.read_bytes()
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.onnx").write_text("this is no model\n")
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    names = ("missing.onnx", "folder", "text.onnx", "empty.onnx", "cut.onnx")
    return {name: tmp_path / name for name in names}


@pytest.mark.parametrize("name", ["missing.onnx", "folder", "text.onnx", "empty.onnx", "cut.onnx"])
def test_bad_models(partition: Partition, model: Path, tmp_path: Path, name: str) -> None:
    path = bad_models(tmp_path, model)[name]
    target = tmp_path / "out"
    code, out, err = partition(path, "-o", target, "--format", "json")
    assert (code, out) == (2, "")
    assert err.startswith("byoc: error: ")
    assert name in err
    assert "Traceback" not in err
    assert not target.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--shape", "y=1,16,8,8"], "'y'"),
        (["--shape", "x=1,16,8"], "x"),
        (["--shape", "x=1,17,8,8"], "17"),
        (["--shape", "m=2"], "'m'"),
        (["--shape", "x=1,16,8,eight"], "'eight'"),
        (["--vendor-option", "npu.nonsense=1"], "nonsense"),
        (["-o", "/proc/nowhere/out"], "/proc/nowhere/out"),
    ],
)
def test_bad_options(partition: Partition, model: Path, arguments: list[str], words: str) -> None:
    code, out, err = partition(model, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("byoc: error: ")
    assert words in err
    assert "Traceback" not in err


def test_an_output_inside_a_file_leaves_it_alone(
    partition: Partition, model: Path, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for target in (file, file / "out"):
        code, out, err = partition(model, "-o", target, "--force")
        assert (code, out) == (2, "")
        assert str(target) in err
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("model_name", "vendors", "words"),
    [
        ("zoo:resnet5", ("npu",), "did you mean 'resnet50'?"),
        ("zoo:alexnet", ("npi",), "did you mean 'npu'?"),
        ("zoo:alexnet", ("npu", "npu"), "each once"),
    ],
)
def test_unknown_names(
    partition: Partition, model_name: str, vendors: tuple[str, ...], words: str
) -> None:
    code, out, err = partition(model_name, vendors=vendors)
    assert (code, out) == (2, "")
    assert words in err


def test_help_keeps_the_examples_one_a_line(byoc: Run) -> None:
    lines = [line.strip() for line in byoc("partition", "--help").stdout.splitlines()]
    assert "byoc partition --vendor npu zoo:resnet50" in lines
    assert r"\b" not in "".join(lines)
