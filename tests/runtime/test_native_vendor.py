"""A vendor with a native driver, from Python: found, asked for its verdict, run, heard."""

import logging
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from byoc.errors import ArtefactError, ArtefactWarning, DriverError
from byoc.runtime import include_path, load
from tests.runtime.build import make

GIVEN = np.ones((2, 3), "float32")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    import tvm_ffi.libinfo

    path = tmp_path_factory.mktemp("driver") / "double.so"
    source = Path(__file__).with_name("double_driver.c")
    include = [f"-I{include_path()}", f"-I{tvm_ffi.libinfo.find_dlpack_include_path()}"]
    command = [compiler, "-std=c11", "-Wall", "-Werror", "-shared", "-fPIC", *include]
    subprocess.run([*command, str(source), "-o", str(path)], check=True)
    return path


@pytest.fixture(autouse=True)
def _nativechip(testchip: None, driver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor nativechip is installed, with its driver."""
    monkeypatch.setenv("NATIVECHIP_DRIVER", str(driver))


def compiled(tmp_path: Path, compat: bytes = b"") -> Path:
    return make(tmp_path / "m.so", vendor="nativechip", compat=compat, shapes=[("n", 3)])


def test_it_runs_in_many_threads(tmp_path: Path) -> None:
    artefact = load(compiled(tmp_path))

    def work(size: int) -> None:
        given = np.full((size, 3), size, "float32")
        np.testing.assert_array_equal(artefact.run([given])["y0"], given * 2)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [size for size in range(13) for _ in range(20)]))
    stats = artefact.stats()
    assert (stats.segments[0].calls, stats.segments[0].driver) == (260, {"chip": "cold"})


def test_its_verdict_counts(tmp_path: Path) -> None:
    with pytest.warns(ArtefactWarning, match=r"chip_0 \(the firmware is another\)"):
        artefact = load(compiled(tmp_path, b"1"))
    assert artefact.verdicts["chip_0"].code == "usable"
    for compat, code in ((b"2", "incompatible"), (b"3", "corrupt")):
        with pytest.raises(ArtefactError, match=f"chip_0 is {code} "):
            load(compiled(tmp_path, compat))


def test_its_failures_and_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = compiled(tmp_path)
    artefact = load(path)
    with caplog.at_level(logging.INFO, "byoc.runtime"):
        artefact.run([GIVEN])
    assert any("chip_0" in record.message for record in caplog.records)
    with pytest.raises(DriverError, match=r"'chip_0' of vendor 'nativechip' failed: .*thirteen"):
        artefact.run([GIVEN * 13])
    assert artefact.run([GIVEN])["y0"].max() == 2
    other = load(path, vendor_options={"nativechip": {"factor": "9"}})
    with pytest.raises(DriverError, match="no such factor"):
        other.run([GIVEN])
