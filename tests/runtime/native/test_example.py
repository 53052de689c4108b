"""examples/cpp: a compiled artefact with a native driver runs in a process without Python."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.conftest import ROOT

EXAMPLE = ROOT / "examples" / "cpp"


class Built(NamedTuple):
    """The example, built: the folder of program and driver, and the artefact."""

    build: Path
    model: Path


def save_model(path: Path) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 8]) for name in "xy")
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 8]) for name in "pm"]
    nodes = [
        helper.make_node("Add", ["x", "y"], ["s"]),
        helper.make_node("Relu", ["s"], ["r"]),
        helper.make_node("Mul", ["r", "x"], ["m"]),
        helper.make_node("Softmax", ["m"], ["p"], axis=1),
    ]
    graph = helper.make_graph(nodes, "example", [x, y], outputs)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    for tool in ("make", "g++"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs the package {tool}")
    folder = tmp_path_factory.mktemp("example")
    make = ["make", "-C", str(EXAMPLE), f"PYTHON={sys.executable}", f"BUILD={folder / 'build'}"]
    subprocess.run(make, check=True, capture_output=True)
    source = shutil.copytree(EXAMPLE / "plugin", folder / "plugin")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(folder / "site")]
    subprocess.run([*pip, *options, str(source)], check=True, capture_output=True)
    save_model(folder / "model.onnx")
    compile_ = [sys.executable, "-m", "byoc", "compile", "--vendor", "example", "--host", "tvm"]
    subprocess.run(
        [*compile_, "model.onnx", "-o", "model.so"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "site")},
        check=True,
        capture_output=True,
    )
    return Built(folder / "build", folder / "model.so")


def run(built: Built, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    files = [f"{name}.raw" for name in "xypm"]
    command = [str(built.build / "run"), str(built.model), *files]
    # An empty environment: no path leads to Python.
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def save_inputs(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x, y = (random.standard_normal((2, 8)).astype(np.float32) for _ in range(2))
    x.tofile(folder / "x.raw")
    y.tofile(folder / "y.raw")
    return x, y


def test_the_artefact_runs_without_python(built: Built, tmp_path: Path) -> None:
    x, y = save_inputs(tmp_path)
    done = run(built, tmp_path, BYOC_DRIVER_PATH=str(built.build), LD_DEBUG="files")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "libbyoc_driver_example.so" in done.stderr
    assert "libpython" not in done.stderr
    m = np.maximum(x + y, 0) * x
    e = np.exp(m - m.max(axis=1, keepdims=True))
    given = {name: np.fromfile(tmp_path / f"{name}.raw", np.float32).reshape(2, 8) for name in "pm"}
    np.testing.assert_array_equal(given["m"], m)
    np.testing.assert_allclose(given["p"], e / e.sum(axis=1, keepdims=True), rtol=1e-5)
    (segment,) = json.loads(done.stdout)
    assert segment["vendor"] == "example"
    assert segment["calls"] == 1
    assert segment["driver"] == {"calls": 1, "elements": 16}


def test_without_its_driver_the_artefact_says_what_to_do(built: Built, tmp_path: Path) -> None:
    save_inputs(tmp_path)
    done = run(built, tmp_path)
    assert done.returncode == 1
    assert "segment 'example_0' of vendor 'example' failed: there is no driver" in done.stderr
    assert "libbyoc_driver_example.so in a folder of $BYOC_DRIVER_PATH" in done.stderr


@pytest.mark.parametrize("at", [0, 8, 23, 24, 28])
def test_the_driver_refuses_what_is_no_program(built: Built, tmp_path: Path, at: int) -> None:
    """A blob that byoc finds whole, but that another compiler wrote."""
    import tvm_ffi

    from byoc.artefact import read_artefact, read_blobs
    from byoc.container import pack
    from byoc.errors import DriverError
    from byoc.runtime import library

    program = bytearray(read_blobs(built.model)["example_0"]["payload"])
    program[at] ^= 0xFF
    manifest = read_artefact(built.model).manifest
    _, container = pack(manifest, {"example_0": {"payload": bytes(program)}}, b"{}")
    library.register_driver("example", built.build / "libbyoc_driver_example.so")
    module = tvm_ffi.get_global_func("byoc.runtime.create")(container)
    tensors = [tvm_ffi.from_dlpack(np.zeros((2, 8), np.float32)) for _ in range(3)]
    with pytest.raises(DriverError, match="segment 'example_0' of vendor 'example' failed: "):
        module["example_0"](*tensors)
