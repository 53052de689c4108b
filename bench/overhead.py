"""What byoc's runtime adds to one segment call, beside calling the driver directly: microseconds."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CALLS = 5000
ROUNDS = 10


def native_call() -> dict[str, Any]:
    """A native driver, called from C++."""
    with tempfile.TemporaryDirectory() as scratch:
        figures = _measure_native(Path(scratch))
    return _added(figures["segment"] / 1000, figures["direct"] / 1000)


def python_call() -> dict[str, Any]:
    """A Python driver, called as host code calls it but from Python, which costs some more."""
    import numpy as np
    import tvm_ffi

    from byoc.runtime import drivers, library

    def execute(inputs: Any, outputs: Any) -> None:
        del inputs, outputs

    library.start()
    set_opener = tvm_ffi.get_global_func("byoc.runtime.set_opener")
    set_opener(lambda entry, *_: drivers.driven(json.loads(str(entry)), execute))
    try:
        module = tvm_ffi.get_global_func("byoc.runtime.create")(_container("python"))
        tensors = [tvm_ffi.from_dlpack(np.zeros(16, "float32")) for _ in range(3)]
        segment = module["noop"]
        direct = _least_us(lambda: execute(tensors[:2], tensors[2:]))
        return _added(_least_us(lambda: segment(*tensors)), direct)
    finally:
        set_opener(drivers.open_driver)


def _added(called_us: float, direct_us: float) -> dict[str, Any]:
    """Seconds of a call and of the driver alone; the ratio is of what byoc adds to one microsecond."""
    ratio = round(called_us - direct_us, 2)
    return {"byoc": called_us / 1e6, "small": direct_us / 1e6, "ratio": ratio}


def _least_us(call: Callable[[], Any]) -> float:
    def once() -> float:
        begin = time.perf_counter()
        for _ in range(CALLS):
            call()
        return (time.perf_counter() - begin) / CALLS * 1e6

    return min(once() for _ in range(ROUNDS))


def _measure_native(folder: Path) -> dict[str, float]:
    import tvm_ffi.libinfo

    from byoc.runtime import library

    paths = [str(library.include_path()), *tvm_ffi.libinfo.include_paths()]
    includes = [f"-I{path}" for path in paths]
    ffi = Path(tvm_ffi.libinfo.find_libtvm_ffi()).parent
    driver, program, container = folder / "noop.so", folder / "overhead", folder / "container"
    source = str(HERE / "noop_driver.c")
    _run("gcc", "-O2", "-fPIC", "-shared", *includes, source, "-o", str(driver))
    link = [f"-L{ffi}", "-ltvm_ffi", f"-Wl,-rpath,{ffi}", "-ldl"]
    source = str(HERE / "overhead.cc")
    _run("g++", "-std=c++17", "-O1", *includes, source, *link, "-o", str(program))
    container.write_bytes(_container("noop"))
    told = _run(str(program), str(library.library_path()), str(driver), str(container))
    figures: dict[str, float] = json.loads(told)
    return figures


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _container(vendor: str) -> bytes:
    from byoc.container import pack
    from byoc.manifest import Manifest, Port, SegmentEntry

    port = Port("x", "float32", (16,), alignment=1)
    entry = SegmentEntry("noop", vendor, "", (port, port), (port,), {})
    manifest = Manifest("", "", "", (port,), (port,), (entry,), (), 0)
    return pack(manifest, {"noop": {"payload": b"nothing"}}, b"{}")[1]
