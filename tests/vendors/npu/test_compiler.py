"""The npu through byoc's own commands: what is compiled, run, profiled and left for people."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest

from byoc.vendors.npu.asm import assemble
from tests.conftest import Run

MODEL = """<ir_version: 8, opset_import: ["" : 17]>
    small (float[1, 8, 10, 10] x, float[16, 8, 3, 3] w) => (float[1, 16, 5, 5] y) {
        c = Conv <pads = [1, 1, 1, 1]> (x, w)
        r = Relu(c)
        y = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r)
    }"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("npu") / "small.onnx"
    made = onnx.parser.parse_model(MODEL)
    del made.graph.input[1:]
    weight = np.random.default_rng(0).normal(size=(16, 8, 3, 3)).astype("float32")
    made.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    onnx.save(made, path)
    return path


@pytest.mark.parametrize("chip", ["small", "medium", "large"])
def test_the_journey_on_each_chip(byoc: Run, model: Path, tmp_path: Path, chip: str) -> None:
    how = ("--vendor", "npu", "--vendor-option", f"npu.chip={chip}")
    compiled = byoc("compile", *how, str(model), "-o", "m.so", "--keep", "kept")
    assert compiled.returncode == 0, compiled.stderr
    run = byoc("run", "m.so", "--compare", str(model), "--max-rel", "1e-5")
    assert run.returncode == 0, run.stdout
    listing = (tmp_path / "kept" / "npu_0" / "files" / "program.asm").read_text("utf-8")
    profiled = byoc("profile", "m.so", "--format", "json", "--repeat", "1")
    (device,) = json.loads(profiled.stdout)["devices"]
    assert device["cycles"] == assemble(listing).cycles
    assert device["peak"]["float32"] == {"small": 64, "medium": 256, "large": 1024}[chip]


def test_profile_tells_each_composite(byoc: Run, model: Path) -> None:
    byoc("compile", "--vendor", "npu", str(model), "-o", "m.so")
    done = byoc("profile", "m.so", "--format", "json", "--repeat", "1")
    document = json.loads(done.stdout)
    conv, pool = document["composites"]
    assert conv["nodes"] == ["c", "r"] or len(conv["nodes"]) == 2
    assert conv["macs"] == 16 * 100 * 72
    assert conv["bytes"] == 4 * (8 * 100 + 16 * 72 + 16 * 100)
    assert conv["roofline_cycles"] == max(conv["macs"] // 256, -(-conv["bytes"] // 64))
    assert pool["bound"] in ("vector", "memory", "waiting")
    assert (
        sum(each["cycles"] for each in document["composites"]) == document["devices"][0]["cycles"]
    )


def test_it_is_left_as_c_where_asked(byoc: Run, model: Path, tmp_path: Path) -> None:
    option = ("--vendor-option", "npu.c_source=true")
    byoc("compile", "--vendor", "npu", *option, str(model), "-o", "m.so", "--keep", "kept")
    source = tmp_path / "kept" / "npu_0" / "files" / "program.c"
    flags = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-c", "-o", "program.o")
    subprocess.run(["gcc", *flags, str(source)], cwd=tmp_path, check=True)


def test_the_same_model_gives_the_same_blob(byoc: Run, model: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        done = byoc("compile", "--vendor", "npu", str(model), "-o", f"{name}.so", "--no-cache")
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.so").read_bytes() == (tmp_path / "b.so").read_bytes()


def test_an_unknown_chip_is_named_with_those_there_are(byoc: Run, model: Path) -> None:
    done = byoc("partition", "--vendor", "npu", "--vendor-option", "npu.chip=huge", str(model))
    assert done.returncode == 2
    assert "'huge' is not one of ['small', 'medium', 'large']" in done.stderr
