"""Programs of all kinds of flaws under the sanitizers: fuzz.cc says what must hold."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from byoc.vendors.npu import simulate
from tests.conftest import ROOT
from tests.runtime.native import toolchain
from tests.vendors.npu.native.seeds import CONSTANTS, seeds

HERE = Path(__file__).parent
NATIVE = ROOT / "vendors" / "npu" / "native"
RUNTIME = ROOT / "byoc" / "runtime" / "native"
SIMULATOR = [
    path for path in sorted(NATIVE.glob("*.cc")) if path.stem not in ("driver", "simulate")
]
OURS = [HERE / "fuzz.cc", HERE / "mutate.cc", RUNTIME / "sha256.cc"]
FLAGS = (
    "-O1",
    "-g1",
    "-ffp-contract=off",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    *(f"-I{path}" for path in (NATIVE, RUNTIME, HERE, toolchain.HERE)),
)


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    objects = [
        *toolchain.compile_objects(
            folder / "seen", SIMULATOR, (*FLAGS, "-fsanitize-coverage=trace-pc")
        ),
        *toolchain.compile_objects(folder / "own", OURS, FLAGS),
        # Called at every edge: as it would be without sanitizers.
        *toolchain.compile_objects(folder / "edges", [toolchain.HERE / "coverage.cc"], ("-O2",)),
    ]
    return toolchain.link_program(folder / "fuzz", objects, FLAGS)


@pytest.mark.parametrize("count", [10_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_no_program_crashes_or_hangs(fuzzer: Path, tmp_path: Path, count: int) -> None:
    paths = []
    for index, program in enumerate(seeds()):
        paths.append(tmp_path / f"seed{index}")
        paths[-1].write_bytes(program.to_bytes())
    crash = tmp_path / "crash"
    command = [fuzzer, str(count), "1", crash, *paths]
    done = subprocess.run(command, capture_output=True, text=True)
    left = crash.read_bytes().hex() if crash.exists() else ""
    assert done.returncode == 0, f"{done.stderr[-5000:]}\n{left}"
    figures = json.loads(done.stdout)
    assert figures["programs"] == count
    assert figures["seeds_ran"] == len(paths)
    # It is guided, it runs many programs, and it meets every way of refusal.
    assert figures["edges"] > 1.3 * figures["edges_of_seeds"]
    assert figures["ran"] > count / 20
    kinds = ["malformed", "bounds", "deadlock", "tokens left", "race", "steps", "cycles", "limit"]
    assert all(figures[kind] > count / 10_000 for kind in kinds), figures


def test_the_seeds_are_what_the_simulator_takes() -> None:
    for program in seeds():
        report = simulate.check(program.to_bytes(), CONSTANTS)
        assert 0 < report.cycles < program.cycles
