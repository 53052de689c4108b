"""The qnn vendor: what its table claims QNN compiles and its simulator computes; blobs, verdicts, processes."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from byoc.support import load_table
from byoc.vendors import qnn
from byoc.vendors.qnn.compat import describe, judge
from tests.conftest import ROOT, Run
from tests.vendors.qnn_trial import trials

needs_qnn = pytest.mark.skipif(
    not qnn.installed(), reason="the package onnxruntime-qnn is not installed"
)

LEAST = {"generic": 60.0, "sm8650": 30.0}
"""The least signal-to-noise ratio (dB) of float32: generic computes in float32, the others in float16."""

COMBINED = {"Elu", "Selu"}
"""Of ops that compile one by one, and not together: 1 - exp, relu and a factor. Only in float32."""

CHIPS_AND_FORMS = [
    pytest.param(soc, form, id=f"{soc}-{form}", marks=() if quick else pytest.mark.slow)
    for soc, form, quick in (
        ("generic", "float32", True),
        ("generic", "int8", True),
        ("generic", "uint8", False),
        ("generic", "mixed", False),
        ("generic", "float16", False),
        ("sm8650", "float32", False),
        ("sm8650", "int8", False),
        ("sm8650", "uint8", False),
        ("sm8650", "mixed", False),
        ("sm8650", "float16", False),
    )
]


def python(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=280,
        check=False,
        **options,
    )


@cache
def tried(soc: str, form: str) -> dict[str, Any]:
    done = python("-m", "tests.vendors.qnn_trial", soc, form)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@needs_qnn
@pytest.mark.parametrize(("soc", "form"), CHIPS_AND_FORMS)
def test_the_table_claims_what_the_simulator_computes(soc: str, form: str) -> None:
    cases = tried(soc, form)["cases"]
    failed = {name: each["failed"] for name, each in cases.items() if "failed" in each}
    known = {"CumSum", *COMBINED} if (soc, form) == ("generic", "float32") else set()
    known |= {"CumSum"} if (soc, form) == ("generic", "float16") else set()
    assert failed.keys() == known, failed
    least = LEAST[soc] if form == "float32" else 30.0
    heard = {name: each["snr"] for name, each in cases.items() if "snr" in each}
    assert len(heard) > len(cases) / 2
    assert {name: snr for name, snr in heard.items() if snr < least} == {}


@needs_qnn
@pytest.mark.parametrize("form", ["float32", "int8"])
def test_what_the_table_keeps_out_is_computed_wrong(form: str) -> None:
    """A release of QNN that mends one of these makes a rule of the table superfluous."""
    faults = tried("generic", form)["faults"]
    assert len(faults) == 2
    assert {name: snr for name, snr in faults.items() if snr > 45} == {}


def test_every_row_has_a_case() -> None:
    rows = load_table(qnn.byoc_vendor_spec(options={}).table.file).source.plain()
    found: set[str] = set()
    for form in ("float32", "int8"):
        for trial in trials("sm8650", form):
            partition = trial.partition(list(trial.models))
            found |= {op.op for op in partition.plan.ops if op.segment}
            for segment in partition.segments():
                found |= {each.name.removesuffix(".qdq") for each in segment.composites}
    wanted = {*rows["ops"], *(f"qnn.{name}" for name in rows["patterns"])}
    assert wanted - found - {name.removeprefix("qnn.") for name in found} == set()


def cumsum(folder: Path) -> Path:
    """A network of relu, cumulative sum and exp."""
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="first"),
        helper.make_node("CumSum", ["a", "axis"], ["b"], name="running_total"),
        helper.make_node("Tanh", ["b"], ["y"], name="last"),
    ]
    graph = helper.make_graph(
        nodes,
        "sums",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (4, 32))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (4, 32))],
        [numpy_helper.from_array(np.array(1), "axis")],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), folder / "sums.onnx")
    return folder / "sums.onnx"


@needs_qnn
def test_what_qnn_claims_and_cannot_compile_goes_to_the_host(byoc: Run, tmp_path: Path) -> None:
    cumsum(tmp_path)
    compiled = byoc(
        *("compile", "--vendor", "qnn", "sums.onnx", "-o", "sums.so", "--format", "json"),
        *("--cache-dir", str(tmp_path / "cache")),
    )
    assert compiled.returncode == 0, compiled.stderr
    report = json.loads(compiled.stdout)
    (host,) = report["host"]
    assert host["node"] == "running_total"
    (refusal,) = host["refusals"]
    assert refusal["code"] == "codegen-failed"
    assert "Failed to finalize QNN graph" in refusal["message"]
    run = byoc("run", "sums.so", "--compare", "sums.onnx", "--min-snr", "60", "--format", "json")
    assert run.returncode == 0, run.stderr
    # The simulator greets on standard output, in the very process that prints the report there.
    assert json.loads(run.stdout)["ok"] is True


CHILD = """
import os, sys
import numpy as np
from byoc.vendors.qnn.compile import compile_model
from byoc.vendors.qnn.executor import ContextExecutor
from tests.vendors.qnn_cases import CASES
from tests.vendors.qnn_forms import model_of

model = model_of(CASES["Relu"], "float32")
options = {"soc": "generic", "optimization": 0, "vtcm_mb": 0}
payload = compile_model(model.proto.SerializeToString(), options)
"""


@needs_qnn
def test_a_fork_is_told_instead_of_waited_for() -> None:
    told = """
executor = ContextExecutor(payload, "default")
if os.fork() == 0:
    for attempt in (lambda: executor([], []), lambda: ContextExecutor(payload, "default")):
        try:
            attempt()
        except RuntimeError as error:
            print(error, flush=True)
    os._exit(0)
os.wait()
"""
    done = python("-c", CHILD + told)
    assert done.returncode == 0, done.stderr
    opened, loaded = done.stdout.splitlines()
    assert "opened before a fork" in opened
    assert "does not survive the fork" in loaded


@needs_qnn
def test_standard_output_stays_the_programs_own() -> None:
    done = python("-c", CHILD + 'ContextExecutor(payload, "default").close()')
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "LIBNATIVE" in done.stderr


@needs_qnn
def test_the_same_segment_gives_the_same_blob() -> None:
    digest = "import hashlib; print(hashlib.sha256(payload).hexdigest())"
    first, second = (python("-c", CHILD + digest).stdout for _ in range(2))
    assert len(first.strip()) == 64
    assert first == second


@needs_qnn
def test_a_chip_is_compiled_for_by_its_number() -> None:
    chip = (
        'options["soc"] = "sm8650"; other = compile_model(model.proto.SerializeToString(), options)'
    )
    told = "import onnx; print(onnx.load_from_string(other).metadata_props[0].value)"
    done = python("-c", f"{CHILD}\n{chip}\n{told}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(":")[5] == str(qnn.SOCS["sm8650"])


X86 = {"machine": "x86_64"}


@pytest.mark.parametrize(
    ("made", "installed", "device", "code", "words"),
    [
        ("2.7.0", "2.7.0", X86, "optimal", ""),
        ("2.6.1", "2.7.0", X86, "usable", "made by onnxruntime-qnn 2.6.1, 2.7.0 is installed"),
        ("2.8.0", "2.7.0", X86, "incompatible", "newer than the installed 2.7.0"),
        ("2.7.0", "", X86, "incompatible", "pip install 'byoc[qnn]'"),
        ("2.7.0", "2.7.0", {"machine": "aarch64"}, "usable", "made for sm8650"),
    ],
)
def test_a_blob_is_judged_by_who_made_it(
    made: str, installed: str, device: dict[str, str], code: str, words: str
) -> None:
    verdict = judge(describe(made, "sm8650"), installed, device)
    assert verdict.code == code
    assert words in verdict.words


@pytest.mark.parametrize("compat", [b"", b"{}", b"[]", b'{"qnn": "x", "soc": "y"}', b"\xff"])
def test_compat_bytes_of_nobody_are_corrupt(compat: bytes) -> None:
    assert judge(compat, "2.7.0", X86).code == "corrupt"


def test_a_chip_that_qnn_does_not_know_is_refused(byoc: Run) -> None:
    done = byoc(
        *("partition", "--vendor", "qnn", "--vendor-option", "qnn.soc=sm8651", "zoo:qdq_cnn")
    )
    assert done.returncode == 2
    assert "sm8650" in done.stderr


def test_partitioning_needs_no_toolchain() -> None:
    done = python(
        "-c",
        "import sys; from byoc.pipeline import partition_model; "
        "plan = partition_model('zoo:qdq_cnn', ['qnn']).plan; "
        "print(len(plan.segments), 'onnxruntime_qnn' in sys.modules)",
    )
    assert done.stdout.split() == ["1", "False"], done.stderr
