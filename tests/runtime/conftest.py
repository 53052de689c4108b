"""What the tests of the runtime share: the vendor testchip, installed, and artefacts with its segments."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from byoc.runtime import library, vendors
from tests.conftest import ROOT

Child = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for `sys.path` in which the distribution of testchip is installed."""
    folder = tmp_path_factory.mktemp("testchip")
    about = folder / "testchip_byoc-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: testchip-byoc\nVersion: 1.0\n")
    vendors = [f"{name} = tests.runtime.{name}\n" for name in ("testchip", "nativechip")]
    (about / "entry_points.txt").write_text("".join(["[byoc.vendors]\n", *vendors]))
    return folder


@pytest.fixture
def testchip(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The vendor testchip is installed."""
    if not library.is_built():
        pytest.skip("byoc's C++ runtime is not built")
    monkeypatch.syspath_prepend(str(site))
    vendors.forget()
    yield
    vendors.forget()


@pytest.fixture
def child(site: Path, tmp_path: Path) -> Child:
    """Run Python code in a process of its own, with testchip installed unless told otherwise."""

    def run(code: str, *args: object, installed: bool = True) -> subprocess.CompletedProcess[str]:
        path = [str(ROOT), *([str(site)] if installed else [])]
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, args)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            timeout=120,
            check=False,
        )

    return run
