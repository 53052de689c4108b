"""The C++ tests under the address and undefined-behaviour sanitizers."""

import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.runtime.native.toolchain import ADDRESS, HERE, WITHOUT_TVM, program, shared_library

SOURCES = [*WITHOUT_TVM, *sorted(HERE.glob("test_*.cc")), HERE / "build.cc", HERE / "main.cc"]
NAMES = [
    name
    for path in sorted(HERE.glob("test_*.cc"))
    for name in re.findall(r"^TEST\((\w+)\)", path.read_text("utf-8"), re.MULTILINE)
]


@pytest.fixture(scope="module")
def tests(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("address")
    driver = shared_library(folder / "libdriver.so", HERE / "driver.cc", ADDRESS)
    environment = {**os.environ, "BYOC_TEST_DRIVER": str(driver)}
    return program(folder, SOURCES, ADDRESS), environment


@pytest.mark.parametrize("name", NAMES)
def test_runtime(tests: tuple[Path, dict[str, str]], name: str) -> None:
    path, environment = tests
    done = subprocess.run([path, name], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]


def test_digests_are_those_of_hashlib(tests: tuple[Path, dict[str, str]]) -> None:
    path, environment = tests
    done = subprocess.run([path, "--hash"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    content = bytes((i * 7 + (i >> 8)) & 255 for i in range(1_000_003))
    lines = done.stdout.splitlines()
    assert len(lines) == 302
    for line in lines:
        length, fast, portable = line.split()
        wanted = hashlib.sha256(content[: int(length)]).hexdigest()
        assert (fast, portable) == (wanted, wanted), length
