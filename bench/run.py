"""How fast artefacts run and compile, beside the native sessions of the toolchains; one thread."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

ROUNDS = 40
WARM = 5


def onnxruntime_resnet50() -> dict[str, Any]:
    """ResNet-50 wholly offloaded to onnxruntime."""
    return _beside("resnet50", ["onnxruntime"], _onnxruntime_session)


def onnxruntime_squeezenet() -> dict[str, Any]:
    """SqueezeNet wholly offloaded to onnxruntime."""
    return _beside("squeezenet", ["onnxruntime"], _onnxruntime_session)


def openvino_resnet50() -> dict[str, Any]:
    """ResNet-50 wholly offloaded to openvino."""
    return _beside("resnet50", ["openvino"], _openvino_session)


def openvino_squeezenet() -> dict[str, Any]:
    """SqueezeNet wholly offloaded to openvino."""
    return _beside("squeezenet", ["openvino"], _openvino_session)


def host_resnet50() -> dict[str, Any]:
    """ResNet-50 with a vendor that takes nothing: the host library beside onnxruntime."""
    return _beside("resnet50", ["onnxruntime"], _onnxruntime_session, nothing=True)


def host_squeezenet() -> dict[str, Any]:
    """SqueezeNet with a vendor that takes nothing: the host library beside onnxruntime."""
    return _beside("squeezenet", ["onnxruntime"], _onnxruntime_session, nothing=True)


def npu_resnet50() -> dict[str, Any]:
    """ResNet-50 on the simulator of the reference NPU."""
    return _beside("resnet50", ["npu"], _onnxruntime_session, rounds=5)


def second_compile() -> dict[str, Any]:
    """`byoc compile` of ResNet-50 again, beside the first time; whole commands."""
    with _scratch() as folder:
        model = _model("resnet50", folder)
        command = [
            str(Path(sys.executable).with_name("byoc")),
            *("compile", "--vendor", "openvino", str(model), "--cache-dir", str(folder / "cache")),
        ]
        seconds = [_timed(command, folder / f"{number}.so") for number in range(4)]
    first, again = seconds[0], median(seconds[1:])
    return {"byoc": round(again, 3), "small": round(first, 3), "ratio": round(again / first, 3)}


def _timed(command: list[str], output: Path) -> float:
    start = time.perf_counter()
    subprocess.run([*command, "-o", str(output)], check=True, capture_output=True)
    return time.perf_counter() - start


def _beside(
    name: str,
    vendors: list[str],
    native: Callable[[Path], Callable[[Any], Any]],
    nothing: bool = False,
    rounds: int = ROUNDS,
) -> dict[str, Any]:
    """Medians of an artefact's runs and the native session's, by turns."""
    import byoc
    from byoc.runtime import load

    with _scratch() as folder:
        model = _model(name, folder)
        # More ops than any model has: the vendor is asked and takes nothing.
        options = byoc.PartitionOptions(min_ops=10**9) if nothing else byoc.PartitionOptions()
        artefact = folder / "model.so"
        byoc.compile_model(
            model, vendors, artefact, byoc.CompileOptions(partition=options, cache=False)
        )
        session = native(model)
        with load(artefact, threads=1) as loaded:
            (port,) = loaded.inputs
            data = np.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype(np.float32)
            ours, theirs = _by_turns(
                lambda: loaded.run({port.name: data}), lambda: session(data), rounds
            )
    return {"byoc": round(ours, 5), "small": round(theirs, 5), "ratio": round(ours / theirs, 3)}


def _by_turns(one: Callable[[], Any], other: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """The median seconds of both, called by turns, so that a busy neighbour meets both."""
    times: tuple[list[float], list[float]] = ([], [])
    warm = min(WARM, rounds)
    for turn in range(rounds + warm):
        for place, call in ((0, one), (1, other)):
            start = time.perf_counter()
            call()
            if turn >= warm:
                times[place].append(time.perf_counter() - start)
    return median(times[0]), median(times[1])


def _onnxruntime_session(model: Path) -> Callable[[Any], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda data: session.run(None, {name: data})


def _openvino_session(model: Path) -> Callable[[Any], Any]:
    import openvino

    core = openvino.Core()
    hints = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}
    request = core.compile_model(core.read_model(model), "CPU", hints).create_infer_request()
    return lambda data: request.infer([data], share_inputs=True, share_outputs=False)


def _model(name: str, folder: Path) -> Path:
    import onnx

    from byoc.testing import zoo

    path = folder / f"{name}.onnx"
    onnx.save(zoo.load(name), path)
    return path


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="byoc-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
