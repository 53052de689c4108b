"""What every room's tests share."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# A shell starts what runs in the background with interrupts ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
PLUGINS = ROOT / "tests" / "plugins"


def install(name: str, target: Path) -> None:
    """pip install the distribution `tests/plugins/NAME` into the folder `target`."""
    source = shutil.copytree(PLUGINS / name, target.with_name(f"{target.name}-source") / name)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "-q",
        "--no-index",
    ]
    options = ["--no-deps", "--no-build-isolation", "--target", str(target), str(source)]
    subprocess.run([*pip, *options], check=True, capture_output=True)


@pytest.fixture(scope="session")
def mychip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH in which the plugin of `tests/plugins/mychip` is installed."""
    target = tmp_path_factory.mktemp("mychip") / "site"
    install("mychip", target)
    return target


@pytest.fixture(scope="session")
def trouble(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH in which the plugins of `tests/plugins/trouble` are installed."""
    target = tmp_path_factory.mktemp("trouble") / "site"
    install("trouble", target)
    return target


@pytest.fixture(scope="session")
def chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH in which the vendors goodchip and badchip of `tests/plugins/chips` are installed."""
    target = tmp_path_factory.mktemp("chips") / "site"
    install("chips", target)
    return target


@pytest.fixture(scope="session")
def relaytables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH in which the vendors of `tests/plugins/relaytables` are installed."""
    target = tmp_path_factory.mktemp("relaytables") / "site"
    install("relaytables", target)
    return target


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def byoc(tmp_path: Path) -> Run:
    """Run the command line in a process of its own: `byoc("vendors", "list", path=[...], cwd=...)`."""

    def run(
        *args: str, path: tuple[Path, ...] = (), cwd: Path = tmp_path
    ) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "COLUMNS": "80"}
        return subprocess.run(
            [sys.executable, "-m", "byoc", *args],
            capture_output=True,
            text=True,
            cwd=cwd,
            env=environ,
            timeout=300,
            check=False,
        )

    return run
