"""Building C++ against the runtime's sources, for tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tvm_ffi.libinfo

from tests.conftest import ROOT

HERE = Path(__file__).parent
RUNTIME = ROOT / "byoc" / "runtime"
NATIVE = RUNTIME / "native"
WITHOUT_TVM = [
    path for path in sorted(NATIVE.glob("*.cc")) if path.stem not in ("module", "python_driver")
]
"""The sources that need no more of tvm-ffi than its JSON parser."""

ADDRESS = ("-O0", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
# GCC says of each fence in tvm-ffi's reference counts that the sanitizer cannot see it.
THREAD = ("-O1", "-g1", "-fsanitize=thread", "-Wno-tsan")


def compiler() -> str:
    """g++, or skip the test."""
    found = shutil.which("g++")
    if found is None:
        pytest.skip("needs the package g++")
    return found


def includes() -> list[str]:
    """Where the headers are."""
    ours = [f"-I{path}" for path in (NATIVE, RUNTIME / "include", HERE)]
    return ours + [f"-isystem{path}" for path in tvm_ffi.libinfo.include_paths()]


def program(folder: Path, sources: Sequence[Path], flags: Sequence[str]) -> Path:
    """Compile and link a program against libtvm_ffi."""
    return link_program(folder / "program", compile_objects(folder, sources, flags), flags)


def compile_objects(folder: Path, sources: Sequence[Path], flags: Sequence[str]) -> list[Path]:
    """Compile sources side by side."""
    folder.mkdir(exist_ok=True)
    base = [compiler(), "-std=c++17", "-Wall", "-Wextra", "-Werror", *flags, *includes()]
    objects = [folder / f"{index}.o" for index in range(len(sources))]
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        list(pool.map(lambda s, o: _run([*base, "-c", str(s), "-o", str(o)]), sources, objects))
    return objects


def link_program(target: Path, objects: Sequence[Path], flags: Sequence[str]) -> Path:
    """Link a program against libtvm_ffi."""
    library = Path(tvm_ffi.libinfo.find_libtvm_ffi()).parent
    link = [f"-L{library}", "-ltvm_ffi", f"-Wl,-rpath,{library}", "-ldl", "-lpthread"]
    _run([compiler(), *flags, *map(str, objects), *link, "-o", str(target)])
    return target


def shared_library(target: Path, source: Path, flags: Sequence[str] = ("-O1",)) -> Path:
    """Compile one source (C or C++) to a shared library."""
    cc = "gcc" if source.suffix == ".c" else compiler()
    standard = "-std=c11" if source.suffix == ".c" else "-std=c++17"
    base = [cc, standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fPIC", "-shared"]
    _run([*base, *flags, *includes(), str(source), "-o", str(target)])
    return target


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[-5000:]}"
