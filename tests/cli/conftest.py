"""What the tests of the subcommands share: a small model, two vendors that compile it, an artefact of it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from byoc.cli import main
from byoc.runtime import library, vendors

Answer = tuple[int, str, str]
Byoc = Callable[..., Answer]


def small_model(path: Path, seed: int = 0) -> Path:
    """Conv, Relu, Exp, Add, Relu with weights drawn from `seed`: all of it is goodchip's, Exp too."""
    weight = 0.2 * np.random.default_rng(seed).normal(size=(8, 3, 3, 3)).astype("float32")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv_first", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu_first"),
        helper.make_node("Exp", ["r"], ["e"], "exp_middle"),
        helper.make_node("Add", ["e", "r"], ["a"], "add_last"),
        helper.make_node("Relu", ["a"], ["y"], "relu_last"),
    ]
    return saved(path, nodes, weight)


def saved(path: Path, nodes: list[onnx.NodeProto], weight: np.ndarray) -> Path:
    """A model of `nodes` from the image x to y, with the convolution's weight w, in the file `path`."""
    graph = helper.make_graph(
        nodes,
        "image",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 8, 8, 8])],
        [numpy_helper.from_array(weight, "w")],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model's file."""
    return small_model(tmp_path_factory.mktemp("small") / "small.onnx")


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the tests share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def environ(chips: Path, cache_dir: Path) -> dict[str, str]:
    """The environment of a process that has the vendors goodchip and badchip."""
    return {
        **{key: value for key, value in os.environ.items() if key != "BYOC_TRACEBACK"},
        "PYTHONPATH": str(chips),
        "BYOC_CACHE_DIR": str(cache_dir),
        "COLUMNS": "80",
    }


@pytest.fixture(scope="session")
def artefact(
    tmp_path_factory: pytest.TempPathFactory, small: Path, environ: dict[str, str]
) -> Path:
    """The small model, compiled for goodchip with its batch left symbolic."""
    return _compiled(tmp_path_factory, environ, f"--vendor goodchip {small}")


@pytest.fixture(scope="session")
def with_fallback(
    tmp_path_factory: pytest.TempPathFactory, small: Path, environ: dict[str, str]
) -> Path:
    """The small model, compiled for badchip, which gives up on Exp, with host versions compiled in."""
    return _compiled(
        tmp_path_factory,
        environ,
        f"--vendor badchip {small} --shape n=1 --fallback --vendor-option badchip.fault=raise",
    )


def _compiled(
    tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str], arguments: str
) -> Path:
    if not library.is_built():
        pytest.skip("byoc's C++ runtime is not built")
    path = tmp_path_factory.mktemp("artefact") / "small.so"
    command = [sys.executable, "-m", "byoc", "compile", *shlex.split(arguments), "-o", str(path)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def run_byoc(
    chips: Path,
    environ: dict[str, str],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Byoc]:
    """Run the command line in this process: exit code, stdout, stderr."""
    monkeypatch.syspath_prepend(str(chips))
    for name in ("BYOC_CACHE_DIR", "COLUMNS", "PYTHONPATH"):
        monkeypatch.setenv(name, environ[name])
    monkeypatch.delenv("BYOC_TRACEBACK", raising=False)
    _forget_vendors()

    def run(*arguments: object) -> Answer:
        with pytest.raises(SystemExit) as stopped:
            main([str(each) for each in arguments])
        captured = capfd.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, captured.out, captured.err

    yield run
    _forget_vendors()


def _forget_vendors() -> None:
    vendors.forget()
