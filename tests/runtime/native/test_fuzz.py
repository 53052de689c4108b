"""Coverage-guided fuzzing of manifest and blobs: fuzz.cc says what must hold."""

import json
import subprocess
from pathlib import Path

import pytest
import tvm_ffi.libinfo

from byoc.container import pack
from byoc.manifest import Manifest, Port, SegmentEntry
from tests.runtime.native.toolchain import (
    HERE,
    WITHOUT_TVM,
    compile_objects,
    link_program,
    shared_library,
)

# Not all checks of undefined behaviour: the others make both compiling and running several times slower.
FLAGS = (
    "-O1",
    "-g1",
    "-fsanitize=address,signed-integer-overflow,shift,bounds,return",
    "-fno-sanitize-recover=all",
)
OURS = [HERE / name for name in ("fuzz.cc", "mutate.cc", "build.cc", "coverage.cc")]


def save_seed(path: Path) -> Path:
    """A container as linking makes it, with one of everything."""
    x = Port("x", "float32", ("n", 3, 4), 64, (0, 2, 1))
    unknown = Port("y", "int64", None, 1)
    flag = Port("flag", "bool", (), 1)
    segments = (
        SegmentEntry("fuzz_0", "fuzz", "f", (x, flag), (x,), {}, compat=b"chip 7", fallback=True),
        SegmentEntry("fuzz_1", "fuzz", "f", (x, x), (unknown,), {}, convention="returns"),
        SegmentEntry("host_0", "onnxruntime", "f", (x,), (x, flag), {}, host=True, nodes=("a",)),
    )
    manifest = Manifest("0", "0", "m", (x,), (x,), segments, (), 0, device={"cpu": "any"})
    shared = bytes(range(256))
    blobs = {
        "fuzz_0": {"code": b"one", "weights": shared},
        "fuzz_1": {"code": b"two", "weights": shared},
        "host_0": {"payload": b""},
    }
    path.write_bytes(pack(manifest, blobs, b'{"plan": []}')[1])
    return path


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The fuzzer and its driver."""
    folder = tmp_path_factory.mktemp("fuzz")
    sources = Path(tvm_ffi.libinfo.find_source_path()) / "src"
    seen = (*FLAGS, f"-isystem{sources}", "-fsanitize-coverage=trace-pc")
    objects = [
        *compile_objects(folder / "seen", [*WITHOUT_TVM, HERE / "json_parser.cc"], seen),
        *compile_objects(folder / "own", OURS, FLAGS),
    ]
    program = link_program(folder / "fuzz", objects, (*FLAGS, "-rdynamic"))
    return program, shared_library(folder / "libdriver.so", HERE / "fuzz_driver.cc", FLAGS)


@pytest.mark.parametrize("loads", [5_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_no_load_crashes_or_lets_unverified_bytes_through(
    fuzzer: tuple[Path, Path], tmp_path: Path, loads: int
) -> None:
    program, driver = fuzzer
    crash = tmp_path / "crash"
    command = [program, str(loads), "1", driver, crash, save_seed(tmp_path / "seed")]
    done = subprocess.run(command, capture_output=True, text=True)
    left = crash.read_bytes() if crash.exists() else b""
    assert done.returncode == 0, f"{done.stderr[-5000:]}\n{left!r}"
    figures = json.loads(done.stdout)
    assert figures["loads"] == loads
    assert figures["seeds_loaded"] == figures["seeds"] == 4
    # It is guided: inputs that took new edges joined the corpus and led to others.
    assert figures["edges"] > 1.5 * figures["edges_of_seeds"]
    assert figures["corpus"] > 100
    # And it went deep: many loads ended in a driver.
    assert figures["loaded"] > loads / 100
    assert figures["parts_shown"] > loads / 100
