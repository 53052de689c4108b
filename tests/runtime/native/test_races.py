"""The C++ tests of threads under the thread sanitizer."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.runtime.native.toolchain import HERE, THREAD, WITHOUT_TVM, program, shared_library

SOURCE = HERE / "test_threads.cc"
# A process that has threads and forks is beyond this sanitizer; test_addresses.py runs that test.
NAMES = [
    name
    for name in re.findall(r"^TEST\((\w+)\)", SOURCE.read_text("utf-8"), re.MULTILINE)
    if "fork" not in name
]


@pytest.fixture(scope="module")
def tests(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("thread")
    driver = shared_library(folder / "libdriver.so", HERE / "driver.cc", THREAD)
    environment = {**os.environ, "BYOC_TEST_DRIVER": str(driver)}
    sources = [*WITHOUT_TVM, SOURCE, HERE / "build.cc", HERE / "main.cc"]
    return program(folder, sources, THREAD), environment


@pytest.mark.parametrize("name", NAMES)
def test_threads(tests: tuple[Path, dict[str, str]], name: str) -> None:
    path, environment = tests
    done = subprocess.run([path, name], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
