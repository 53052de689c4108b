"""The reports of compile, run, profile, inspect, diff-outputs and repro, as printed at 80 columns."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from byoc.codegen.repro import Repro
from byoc.report import console
from byoc.report.compiled import write_compiled
from byoc.report.difference import write_difference
from byoc.report.inspection import Inspection, inspection_json, write_inspection
from byoc.report.profile import write_profile
from byoc.report.reproduced import write_repro
from byoc.report.running import Ran, run_json, write_run
from byoc.runtime.diff import Difference, SegmentDifference
from byoc.runtime.profile import Kernel, Profile, Row
from byoc.signing import Signature
from byoc.verdict import Verdict
from tests.report import artefacts, plans

GOLDEN = Path(__file__).with_name("golden")
"""One page a report; delete a page, run the tests, and look at the new one."""

RAN = Ran(
    path="small.so",
    manifest=artefacts.manifest(),
    inputs={"image": np.linspace(-1, 1, 24, dtype="float32").reshape(1, 3, 2, 4)},
    source="random, seed 0",
    outputs={"logits": np.arange(4.0)},
    seconds=(0.002, 0.001, 0.0045),
    errors=(artefacts.GOOD,),
    reference="zoo:small in onnxruntime 1.31.1",
)
PROFILE = Profile(
    artefact="small.so",
    model="zoo:small",
    seconds=(0.002, 0.001, 0.0045),
    rows=(
        Row("host", "host", False, 1, 51_000, 200_000, 0.04),
        Row("npu_0", "npu", False, 1, 1.2e6, 4e6, 0.8, 602_112, 4000, 0, 0, 2, {"queue": 3}),
        Row("host_0", "onnxruntime", True, 2, 250_000, 800_000, 0.16, 10, 10, 1, 602_112),
    ),
    kernels=tuple(Kernel(f"fused_add{i}", i, 1000 * i) for i in range(7, 0, -1)),
    events=(),
)
DIFFERENCE = Difference(
    "zoo:small in onnxruntime 1.31.1",
    1e-3,
    (
        SegmentDifference("npu_0", "npu", ("Conv1",), (artefacts.GOOD,), True),
        SegmentDifference("npu_1", "npu", ("Conv2", "Relu2"), (artefacts.BAD,), False),
        SegmentDifference(
            "npu_2", "npu", ("Soft1",), (), True, "its input h is none of the model's"
        ),
    ),
    (artefacts.BAD,),
)
ABOUT = {
    "byoc": "0.1.0",
    "plugin": "npu-byoc 1.0",
    "toolchain": "7.1",
    "options": {"cores": 2},
    "failure": "",
}
REPRO = Repro("npu_0", "npu", "ran", outputs=(artefacts.GOOD,), seconds=1.5, about=ABOUT)
FAILED = Repro(
    "npu_1",
    "npu",
    "compiled-not",
    words="byoc_codegen died (SIGABRT); its last words: no tile",
    seconds=0.5,
    log="tiling\n\nno tile\n",
    about={**ABOUT, "failure": "byoc_codegen died (SIGABRT)"},
)
FINE = {"npu_0": Verdict("optimal"), "host_0": Verdict("optimal")}
POOR = {
    "npu_0": Verdict("incompatible", "made for revision 1 of the chip"),
    "host_0": Verdict("usable"),
}
SIGNED = artefacts.file(Signature("ab" * 32, "cd" * 64))

PAGES: dict[str, Callable[[Path, Console], None]] = {
    "compile": lambda path, out: write_compiled(
        artefacts.compiled(path), artefacts.EVENTS, out, Path("bundles")
    ),
    "compile-cached": lambda path, out: write_compiled(
        artefacts.compiled(path, whole=True, calls=0, notes=()), (), out
    ),
    "run": lambda _, out: write_run(RAN, out),
    "profile": lambda _, out: write_profile(PROFILE, "random, seed 0", 3, out),
    "inspect": lambda _, out: write_inspection(
        Inspection(artefacts.file(), plans.plan(), FINE), out
    ),
    "inspect-elsewhere": lambda _, out: write_inspection(
        Inspection(SIGNED, None, POOR, "", "team.pub"), out
    ),
    "diff-outputs": lambda _, out: write_difference(
        "small.so", "zoo:small", "random, seed 0", DIFFERENCE, out
    ),
    "repro": lambda _, out: write_repro(REPRO, 30.0, out),
    "repro-failed": lambda _, out: write_repro(FAILED, 30.0, out),
}


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_it_was(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.so").write_bytes(bytes(2_500_000))
    page = printed(lambda out: PAGES[name](Path("small.so"), out))
    assert all(len(line) <= 80 and line == line.rstrip() for line in page.splitlines())
    golden = GOLDEN / f"{name}.txt"
    if not golden.exists():
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(page, "utf-8")
        pytest.fail(f"{golden} was not there; look at what was written")
    assert page == golden.read_text("utf-8")


def printed(write: Callable[[Console], None]) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    write(console(file))
    file.flush()
    assert isinstance(file.buffer, io.BytesIO)
    return file.buffer.getvalue().decode("utf-8")


def test_infinities_are_null_in_json() -> None:
    from dataclasses import replace

    errors: dict[str, Any] = {"max_abs": np.inf, "max_rel": np.inf, "snr_db": -np.inf}
    (output,) = run_json(replace(RAN, errors=(replace(artefacts.GOOD, **errors),)))["outputs"]
    assert (output["max_abs"], output["max_rel"], output["snr_db"]) == (None, None, None)


def test_the_worst_verdict_is_that_of_the_whole() -> None:
    given = inspection_json(Inspection(artefacts.file(), plans.plan(), POOR))
    assert (given["ok"], given["verdict"]) == (False, "incompatible")
    given = inspection_json(Inspection(artefacts.file(), plans.plan(), FINE, "another machine"))
    assert (given["ok"], given["obstacle"]) == (False, "another machine")
