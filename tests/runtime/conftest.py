"""What the tests of the runtime share: the vendor testchip, installed, and artefacts with its segments."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from byoc.runtime import library, vendors

if not library.is_built():
    pytest.skip("byoc's C++ runtime is not built", allow_module_level=True)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for `sys.path` in which the distribution of testchip is installed."""
    folder = tmp_path_factory.mktemp("testchip")
    about = folder / "testchip_byoc-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: testchip-byoc\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[byoc.vendors]\ntestchip = tests.runtime.testchip\n")
    return folder


@pytest.fixture(autouse=True)
def testchip(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The vendor testchip is installed."""
    monkeypatch.syspath_prepend(str(site))
    vendors.installed.cache_clear()
    vendors.spec.cache_clear()
    yield
    vendors.installed.cache_clear()
    vendors.spec.cache_clear()
