"""compile_model, with vendors whose compilers really fail: what is on the host, and why, and that it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import byoc
from byoc.codegen.repro import run_repro
from byoc.errors import PlanError, PluginError, UsageError
from byoc.options import COMPILE_STAGES, Observer, SegmentEvent
from tests.codegen.build import CHAIN
from tests.conftest import ROOT
from tests.partition.build import module

X = np.random.default_rng(0).standard_normal((4, 4)).astype("float32")
EXPECTED = np.exp(2 * np.maximum(X, 0)) ** 2


@pytest.fixture(autouse=True)
def path(chips: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(chips))
    monkeypatch.setenv("BYOC_CACHE_DIR", str(tmp_path / "cache"))


def options(fault: str = "none", **more: Any) -> byoc.CompileOptions:
    partition = byoc.PartitionOptions(vendor_options={"badchip": {"fault": fault}})
    return byoc.CompileOptions(partition=partition, **more)


def run(artefact: Path) -> np.ndarray[Any, Any]:
    from byoc.runtime import load

    with load(artefact) as model:
        (result,) = model.run({model.inputs[0].name: X}).values()
    return result


def model_file(folder: Path) -> Path:
    """The same chain as an ONNX file."""
    ops = [
        ("Relu", ["x"]),
        ("Add", ["a", "a"]),
        ("Exp", ["b"]),
        ("Relu", ["c"]),
        ("Mul", ["d", "d"]),
    ]
    nodes = [
        onnx.helper.make_node(op, inputs, ["abcdy"[index]], name=f"node{index}")
        for index, (op, inputs) in enumerate(ops)
    ]
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4, 4]) for name in "xy"
    ]
    graph = onnx.helper.make_graph(nodes, "chain", values[:1], values[1:])
    opsets = [onnx.helper.make_opsetid("", 17)]
    path = folder / "chain.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


class Log(Observer):
    def __init__(self) -> None:
        self.stages: list[str] = []
        self.events: list[SegmentEvent] = []

    def begin(self, stage: str) -> None:
        self.stages.append(stage)

    def segment(self, event: SegmentEvent) -> None:
        self.events.append(event)


def test_a_model_becomes_one_file_that_runs(tmp_path: Path) -> None:
    log = Log()
    compiled = byoc.compile_model(
        model_file(tmp_path), ["goodchip"], tmp_path / "m.so", observer=log
    )
    assert compiled.path == tmp_path / "m.so"
    assert (compiled.calls, compiled.hits, compiled.whole) == (1, 0, False)
    assert set(COMPILE_STAGES) <= set(compiled.seconds)
    assert list(dict.fromkeys(log.stages))[-2:] == ["host", "link"]
    (entry,) = compiled.manifest.segments
    assert (entry.name, entry.vendor, entry.plugin) == ("goodchip_0", "goodchip", "chips-byoc 1.0")
    assert entry.nodes == tuple(f"node{index}" for index in range(5))
    assert [each.name for each in compiled.plan.segments] == ["goodchip_0"]
    np.testing.assert_allclose(run(compiled.path), EXPECTED, rtol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "chain.onnx", "m.so"]


def test_an_op_that_kills_the_compiler_ends_on_the_host(tmp_path: Path) -> None:
    compiled = byoc.compile_model(module(CHAIN), ["badchip"], tmp_path / "m.so", options("abort"))
    (host,) = (each for each in compiled.plan.ops if not each.segment)
    assert host.op == "exp"
    (refusal,) = host.refusals
    assert (refusal.code, refusal.vendor) == ("codegen-failed", "badchip")
    assert refusal.message.endswith("died (SIGABRT); its last words: assertion failed: live < 32")
    assert [each.ops for each in compiled.plan.segments] == [2, 2]
    assert compiled.plan.verified
    np.testing.assert_allclose(run(compiled.path), EXPECTED, rtol=1e-5)


def test_the_next_vendor_takes_what_the_first_cannot_compile(tmp_path: Path) -> None:
    compiled = byoc.compile_model(
        module(CHAIN), ["badchip", "goodchip"], tmp_path / "m.so", options("refuse-nodes")
    )
    homes = {each.op: each.segment.rpartition("_")[0] for each in compiled.plan.ops}
    assert homes == {
        "nn.relu": "badchip",
        "add": "badchip",
        "exp": "goodchip",
        "multiply": "badchip",
    }
    np.testing.assert_allclose(run(compiled.path), EXPECTED, rtol=1e-5)


def test_a_vendor_that_compiles_nothing_leaves_everything_to_the_host(tmp_path: Path) -> None:
    given = byoc.CompileOptions(
        partition=byoc.PartitionOptions(vendor_options={"badchip": {"fault": "refuse", "ops": ""}})
    )
    compiled = byoc.compile_model(module(CHAIN[:2]), ["badchip"], tmp_path / "m.so", given)
    assert compiled.plan.segments == ()
    assert all(
        each.refusals[0].message == "the vector unit has no slot for this"
        for each in compiled.plan.ops
    )
    np.testing.assert_allclose(run(compiled.path), 2 * np.maximum(X, 0), rtol=1e-5)


def test_a_written_partition_compiles_to_the_same_bytes(tmp_path: Path) -> None:
    how = options("refuse-nodes")
    source = model_file(tmp_path)
    one = byoc.compile_model(source, ["badchip"], tmp_path / "one.so", how)
    partition = byoc.partition_model(source, ["badchip"], how.partition)
    partition.save(tmp_path / "out")
    source.unlink()
    stored = byoc.load_partition(tmp_path / "out")
    fingerprints = [each.fingerprint for each in partition.segments()]
    assert [each.fingerprint for each in stored.segments()] == fingerprints
    other = byoc.compile_model(stored, [], tmp_path / "other.so")
    assert other.plan.ops == one.plan.ops
    assert [each.op for each in other.plan.ops if not each.segment] == ["exp"]
    assert one.path.read_bytes() == other.path.read_bytes()
    with pytest.raises(UsageError, match="the partition was made for"):
        byoc.compile_model(stored, ["goodchip"], tmp_path / "third.so")


def test_the_second_compile_takes_the_whole_artefact(tmp_path: Path) -> None:
    source = model_file(tmp_path)
    one = byoc.compile_model(source, ["goodchip"], tmp_path / "one.so")
    script = (
        "import sys, byoc; "
        f"compiled = byoc.compile_model({str(source)!r}, ['goodchip'], sys.argv[1]); "
        "assert compiled.whole and compiled.calls == 0, compiled; assert 'tvm' not in sys.modules"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([sys.path[0], str(ROOT)])}
    command = [sys.executable, "-c", script, str(tmp_path / "two.so")]
    subprocess.run(command, check=True, env=environ)
    assert (tmp_path / "two.so").read_bytes() == one.path.read_bytes()
    assert (tmp_path / "two.so").stat().st_mode == one.path.stat().st_mode
    again = byoc.compile_model(source, ["goodchip"], tmp_path / "three.so")
    assert again.whole
    assert again.plan == one.plan
    assert again.manifest == one.manifest
    # Another model under the same name, another option: made anew.
    source.write_bytes(source.read_bytes().replace(b"node4", b"other"))
    other = byoc.compile_model(source, ["goodchip"], tmp_path / "four.so")
    assert (other.whole, other.hits, other.calls) == (False, 1, 0)
    given = byoc.CompileOptions(cache=False)
    assert byoc.compile_model(source, ["goodchip"], tmp_path / "five.so", given).calls == 1


def test_an_artefact_of_a_failure_is_not_kept_as_a_whole(tmp_path: Path) -> None:
    source = model_file(tmp_path)
    for count in (2, 1):
        compiled = byoc.compile_model(
            source, ["badchip"], tmp_path / "m.so", options("refuse-nodes")
        )
        assert not compiled.whole
        # The failure is tried again; what compiled is not.
        assert compiled.calls >= 1
        assert compiled.hits == (0 if count == 2 else 2)


def test_a_damaged_artefact_in_the_cache_is_made_again(tmp_path: Path) -> None:
    source = model_file(tmp_path)
    byoc.compile_model(source, ["goodchip"], tmp_path / "m.so")
    for path in (tmp_path / "cache" / "v1" / "objects").rglob("*"):
        if path.is_file():
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
    (tmp_path / "m.so").unlink()
    compiled = byoc.compile_model(source, ["goodchip"], tmp_path / "m.so")
    assert (compiled.whole, compiled.calls) == (False, 1)
    np.testing.assert_allclose(run(compiled.path), EXPECTED, rtol=1e-5)


def test_a_cache_that_cannot_be_written_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    how = byoc.CompileOptions(cache_dir=tmp_path / "file" / "cache")
    compiled = byoc.compile_model(module(CHAIN), ["goodchip"], tmp_path / "m.so", how)
    assert any("nothing else is affected" in note for note in compiled.notes)


def test_bundles_show_what_compiled_and_the_smallest_that_did_not(tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    how = options("raise", keep=keep)
    byoc.compile_model(module(CHAIN), ["badchip"], tmp_path / "m.so", how)
    names = sorted(path.name for path in keep.iterdir())
    assert names == ["badchip_0", "badchip_0.2-failed", "badchip_1"]
    for name in names:
        files = {path.name for path in (keep / name).iterdir()}
        assert files >= {"README.md", "bundle.json", "segment.onnx", "inputs.npz", "expected.npz"}
        onnx.checker.check_model(onnx.load(keep / name / "segment.onnx"))
    good = run_repro(keep / "badchip_0")
    assert good.ok(), good
    bad = run_repro(keep / "badchip_0.2-failed")
    assert bad.state == "compiled-not"
    assert "the scheduler ran out of registers" in bad.words
    assert "Traceback" in (keep / "badchip_0.2-failed" / "worker.log").read_text("utf-8")
    mended = run_repro(keep / "badchip_0.2-failed", options={"fault": "none"})
    assert mended.ok(), mended


def test_a_bundle_has_the_vendors_files_and_the_artefact_has_not(tmp_path: Path) -> None:
    source = model_file(tmp_path)
    for folder in ("first", "cached"):
        how = byoc.CompileOptions(keep=tmp_path / folder)
        compiled = byoc.compile_model(source, ["goodchip"], tmp_path / f"{folder}.so", how)
        (listing,) = (tmp_path / folder).glob("goodchip_*/files/listing.txt")
        assert listing.read_text("utf-8").splitlines()
        names = [part for each in compiled.manifest.segments for part in each.parts]
        assert names == ["payload"]


def test_a_bundle_has_no_secrets(tmp_path: Path) -> None:
    partition = byoc.PartitionOptions(vendor_options={"goodchip": {"licence": "secret-123"}})
    how = byoc.CompileOptions(partition=partition, keep=tmp_path / "keep")
    byoc.compile_model(module(CHAIN), ["goodchip"], tmp_path / "m.so", how)
    for path in [
        *(tmp_path / "keep").rglob("*"),
        *(tmp_path / "cache").rglob("*"),
        tmp_path / "m.so",
    ]:
        assert path.is_dir() or b"secret-123" not in path.read_bytes(), path


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "npu_0").mkdir()
    (tmp_path / "npu_0" / "bundle.json").touch()
    with pytest.raises(PlanError, match="one of those in it: npu_0"):
        run_repro(tmp_path)
    with pytest.raises(PlanError, match="no repro bundle"):
        run_repro(tmp_path / "npu_0")


def test_wrong_use_is_said_before_any_work(tmp_path: Path) -> None:
    given = module(CHAIN)
    with pytest.raises(UsageError, match="expected at least one, each once"):
        byoc.compile_model(given, [], tmp_path / "m.so")
    with pytest.raises(UsageError, match="there is no folder"):
        byoc.compile_model(given, ["goodchip"], tmp_path / "no" / "m.so")
    with pytest.raises(UsageError, match="it is a folder"):
        byoc.compile_model(given, ["goodchip"], tmp_path)
    with pytest.raises(UsageError, match="which is not asked"):
        byoc.compile_model(given, ["goodchip"], tmp_path / "m.so", options())
    with pytest.raises((PluginError, UsageError)):
        byoc.compile_model(given, ["nochip"], tmp_path / "m.so")


COMPILE = """
import sys, byoc
print("begins", flush=True)
options = byoc.CompileOptions(cache=sys.argv[3] == "cache")
byoc.compile_model(sys.argv[1], ["goodchip"], sys.argv[2], options)
"""


def start(source: Path, output: Path, cache: str = "cache") -> subprocess.Popen[str]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([sys.path[0], str(ROOT)])}
    return subprocess.Popen(
        [sys.executable, "-c", COMPILE, str(source), str(output), cache],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )


def test_two_processes_compile_the_same_at_once(tmp_path: Path) -> None:
    source = model_file(tmp_path)
    outputs = [tmp_path / "one.so", tmp_path / "two.so"]
    for process in [start(source, output) for output in outputs]:
        _, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert byoc.compile_model(source, ["goodchip"], tmp_path / "three.so").whole


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("moment", [0.5, 1.5, 2.5, 3.5])
def test_an_interrupted_compile_leaves_the_old_artefact(
    tmp_path: Path, how: int, moment: float
) -> None:
    source = model_file(tmp_path)
    output = tmp_path / "m.so"
    output.write_bytes(b"the artefact of yesterday")
    process = start(source, output)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(moment)
    process.send_signal(how)
    process.communicate(timeout=60)
    data = output.read_bytes()
    if process.returncode:
        assert data == b"the artefact of yesterday"
    compiled = byoc.compile_model(source, ["goodchip"], output)
    np.testing.assert_allclose(run(compiled.path), EXPECTED, rtol=1e-5)
