"""`byoc convert` writes what a model becomes."""

from pathlib import Path

import tvm

from tests.conftest import ROOT, Run

MODEL = str(ROOT / "tests" / "data" / "relay" / "qnn_cnn.relay")


def test_it_writes_script_and_json(byoc: Run, tmp_path: Path) -> None:
    assert byoc("convert", MODEL, "-o", "m.py").returncode == 0
    assert "R.quantize" in (tmp_path / "m.py").read_text("utf-8")
    assert byoc("convert", MODEL, "-o", "m.json").returncode == 0
    module = tvm.ir.load_json((tmp_path / "m.json").read_text("utf-8"))
    assert [param.name for param in module["main"].params] == ["x"]


def test_quantised_operators_are_those_of_onnx_or_integers(byoc: Run, tmp_path: Path) -> None:
    assert byoc("convert", MODEL, "--qnn", "integer", "-o", "m.py").returncode == 0
    written = (tmp_path / "m.py").read_text("utf-8")
    assert "R.right_shift" in written
    assert "R.quantize" not in written
    done = byoc("convert", MODEL, "--qnn", "exact", "-o", "n.py")
    assert (done.returncode, "'exact' is none of qdq, integer" in done.stderr) == (2, True)
    done = byoc("convert", "zoo:qdq_cnn", "--qnn", "integer", "-o", "n.py")
    assert (done.returncode, "the model is no Relay text" in done.stderr) == (2, True)


def test_it_refuses_other_forms_and_existing_files(byoc: Run, tmp_path: Path) -> None:
    done = byoc("convert", MODEL, "-o", "m.txt")
    assert (done.returncode, "expected a name that ends in .py or .json" in done.stderr) == (
        2,
        True,
    )
    (tmp_path / "m.py").write_text("mine", "utf-8")
    assert byoc("convert", MODEL, "-o", "m.py").returncode == 2
    assert (tmp_path / "m.py").read_text("utf-8") == "mine"
