"""Every model of the zoo, compiled by real toolchains, run in a process of its own, held to onnxruntime."""

import json
from importlib.util import find_spec

import pytest

from byoc.errors import UsageError
from byoc.testing import zoo
from tests.conftest import Run

FLOATS = [name for name in zoo.names() if name != "qdq_cnn"]
QUICK = {
    ("squeezenet", "onnxruntime"),
    ("squeezenet", "openvino"),
    ("transformer", "openvino"),
    ("rapidocr-cls", "openvino"),
    ("silero-vad-16k-op15", "openvino"),
    ("qdq_cnn", "onnxruntime"),
    ("qdq_cnn", "openvino"),
    ("qdq_cnn", "qnn"),
    ("qdq_cnn", "npu"),
    ("squeezenet", "npu"),
    ("transformer", "npu"),
    ("silero-vad-16k-op15", "npu"),
}
"""What `make test` runs; the others are slow."""

FLOAT_ERROR = 1e-4
"""Largest relative error of float32, of the largest magnitude in the output."""
NATIVE = {("vgg19", "openvino"): 2e-4}
"""Where the toolchain itself is further off: native OpenVINO on the whole model differs as much, bit by bit."""

INTEGER_SNR = 30.0
"""Least signal-to-noise ratio (dB) of quantised models, and of vendors that compute in float16."""
ON_QNN = ("qdq_cnn", "squeezenet", "rapidocr-cls")
PACKAGES = {
    "npu": "byoc",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "qnn": "onnxruntime_qnn",
}


def cases() -> list[object]:
    pairs = [
        (name, vendor) for name in zoo.names() for vendor in ("npu", "onnxruntime", "openvino")
    ]
    pairs += [(name, "qnn") for name in ON_QNN]
    return [
        pytest.param(*pair, id="-".join(pair), marks=[] if pair in QUICK else [pytest.mark.slow])
        for pair in pairs
    ]


@pytest.mark.parametrize(("name", "vendor"), cases())
def test_a_zoo_model_computes_what_onnxruntime_computes(byoc: Run, name: str, vendor: str) -> None:
    if find_spec(PACKAGES[vendor]) is None:
        pytest.skip(f"the package {PACKAGES[vendor]} is missing")
    try:
        zoo.describe(name)
    except UsageError as error:
        pytest.skip(str(error))
    model = f"zoo:{name}"
    compiled = byoc("compile", "--vendor", vendor, model, "-o", "model.so")
    if "pip install" in compiled.stderr:
        pytest.skip(compiled.stderr.strip())
    assert compiled.returncode == 0, compiled.stderr
    run = byoc("run", "model.so", "--compare", model, "--format", "json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["ok"] is True
    if vendor == "qnn":
        # Its arithmetic is not onnxruntime's: outputs that are equal come from the host.
        assert any(output["max_abs"] > 0 for output in report["outputs"])
    exact = vendor != "qnn" and name in FLOATS
    for output in report["outputs"]:
        if vendor == "npu" and name not in FLOATS:
            assert output["max_abs"] == 0, output
        elif exact:
            assert output["max_rel"] <= NATIVE.get((name, vendor), FLOAT_ERROR), output
        else:
            assert output["snr_db"] is None or output["snr_db"] >= INTEGER_SNR, output
