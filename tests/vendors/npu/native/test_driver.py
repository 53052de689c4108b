"""libbyoc_npu.so as byoc's runtime meets it: behind byoc_driver.h."""

from __future__ import annotations

import json
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm_ffi

from byoc.container import pack
from byoc.errors import DriverError
from byoc.manifest import Manifest, Port, SegmentEntry
from byoc.runtime import library
from byoc.vendors.npu import isa, simulate
from byoc.vendors.npu.program import Program
from tests.vendors.npu.native.build import acc, assembled, copy, sp
from tests.vendors.npu.native.seeds import CONSTANTS, IN, OUT

WEIGHTS = np.arange(256, dtype=np.float32).reshape(16, 16)


def product() -> Program:
    """y = x @ WEIGHTS of 8 rows, and a byte of each row's first number."""
    load, compute, store = isa.Tokens.SIGNAL_COMPUTE, isa.Tokens, isa.Tokens.WAIT_COMPUTE
    wide = isa.Operand(sp(4096), strides=(0, 64, 4))
    records = [
        isa.Load(target=sp(8192), source=isa.At(isa.Space.CONST, 0), dims=copy(256)),
        isa.Load(load, target=sp(0), source=IN, dims=copy(128)),
        isa.Mm(compute.WAIT_LOAD, acc=acc(0), a=sp(0), b=sp(8192), m0=8, n=16, k0=16, am0=64),
        isa.Vec(dst=wide, a=isa.Operand(acc(0), strides=(0, 1, 0)), shape=(1, 8, 16)),
        isa.Vec(compute.SIGNAL_STORE, 1, isa.Operand(sp(2048), isa.Dtype.U8, (0, 1, 0), 16.0),
                isa.Operand(acc(0), strides=(0, 1, 0)), shape=(1, 8, 1)),
        isa.Store(store, 2, OUT, sp(4096), dims=copy(128)),
        isa.Store(composite=2, target=isa.At(isa.Space.OUT, 0, index=1), source=sp(2048), size=1,
                  dims=copy(8, 1)),
    ]  # fmt: skip
    return assembled(records, inputs=[("float32", (8, 16))], constants=WEIGHTS.tobytes(),
                     outputs=[("float32", (8, 16)), ("uint8", (8,))])  # fmt: skip


def load(
    blob: dict[str, bytes], inputs: tuple[Port, ...] | None = None, outputs: Any = None
) -> Any:
    """The module of one segment."""
    library.start()
    library.register_driver("npu", simulate.LIBRARY)
    entry = SegmentEntry(
        "s",
        "npu",
        "f",
        inputs or (Port("x", "float32", (8, 16)),),
        outputs or (Port("y", "float32", (8, 16)), Port("z", "uint8", (8,))),
        {},
    )
    manifest = Manifest("0", "0", "m", entry.inputs, entry.outputs, (entry,), (), 0)
    _, container = pack(manifest, {"s": blob}, b"{}")
    return tvm_ffi.get_global_func("byoc.runtime.create")(container)


def blob() -> dict[str, bytes]:
    return {"program": product().to_bytes(), "constants": WEIGHTS.tobytes()}


def call(module: Any, x: np.ndarray, *outputs: np.ndarray) -> tuple[np.ndarray, ...]:
    made = outputs or (np.empty((8, 16), np.float32), np.empty(8, np.uint8))
    module["s"](*(tvm_ffi.from_dlpack(each) for each in (x, *made)))
    return made


def test_a_segment_runs_again_and_again() -> None:
    module = load(blob())
    rng = np.random.default_rng(0)
    for _ in range(3):
        x = rng.integers(0, 3, (8, 16)).astype(np.float32)
        y, z = call(module, x)
        np.testing.assert_array_equal(y, x @ WEIGHTS)
        np.testing.assert_array_equal(z, np.clip(np.rint(y[:, 0] / 16), 0, 255))


def test_stats_tell_the_report_and_the_runs() -> None:
    module = load(blob())
    x = np.ones((8, 16), np.float32)
    call(module, x)
    call(module, x)
    (entry,) = json.loads(module["byoc.stats"]())
    told = entry["driver"]
    assert told["runs"] == 2
    assert told["host_ns"] > 0
    report = simulate.check(product().to_bytes(), WEIGHTS.tobytes())
    assert simulate.report_of(told) == report


def test_many_threads_run_on_handles_of_their_own() -> None:
    module = load(blob())

    def run(seed: int) -> bool:
        x = np.random.default_rng(seed).integers(0, 3, (8, 16)).astype(np.float32)
        return all(np.array_equal(call(module, x)[0], x @ WEIGHTS) for _ in range(20))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(16)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"program": b"no program"}, "malformed: this is no program"),
        ({"constants": b"\0" * 1024}, "their SHA-256 differs"),
        ({"constants": b""}, "bytes of constants is 0, not 1024"),
    ],
)
def test_blobs_that_are_none_are_refused_with_why(change: dict[str, bytes], words: str) -> None:
    module = load(blob() | change)
    with pytest.raises(DriverError, match=words):
        call(module, np.ones((8, 16), np.float32))


def test_a_part_that_is_missing_is_named() -> None:
    module = load({"program": product().to_bytes()})
    with pytest.raises(DriverError, match="the blob has no part 'constants'"):
        call(module, np.ones((8, 16), np.float32))


def test_a_race_is_reported_when_the_segment_is_opened() -> None:
    records = [isa.Load(target=sp(0), source=IN, dims=copy(16)), isa.Fill(target=sp(0))]
    program = assembled(records, inputs=[("float32", (8, 16))],
                        outputs=[("float32", (8, 16)), ("uint8", (8,))], constants=CONSTANTS)  # fmt: skip
    module = load({"program": program.to_bytes(), "constants": CONSTANTS})
    with pytest.raises(DriverError, match=r"race: record 1 \(fill, composite 'first'\)"):
        call(module, np.ones((8, 16), np.float32))


def test_tensors_other_than_the_programs_are_refused() -> None:
    flat = (Port("x", "float32", (128,)),)
    with pytest.raises(DriverError, match="input 0 has another dtype or shape than"):
        call(load(blob(), flat), np.ones(128, np.float32))
    one = (Port("y", "float32", (8, 16)),)
    with pytest.raises(DriverError, match="the call has 1 outputs; the program has 2"):
        call(load(blob(), None, one), np.ones((8, 16), np.float32), np.empty((8, 16), np.float32))


def test_more_workspace_than_there_is_memory_is_a_clear_error() -> None:
    program = assembled([], tmp=3 << 30, inputs=[("float32", (8, 16))],
                        outputs=[("float32", (8, 16)), ("uint8", (8,))])  # fmt: skip
    module = load({"program": program.to_bytes(), "constants": b""})
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), before[1]))
    try:
        with pytest.raises(
            DriverError, match=f"no memory for the program's {3 << 30} bytes of tmp"
        ):
            call(module, np.ones((8, 16), np.float32))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
