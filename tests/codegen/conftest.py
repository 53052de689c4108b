"""The vendors goodchip and badchip, in this process and in the workers that it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from byoc.plugins import Plugins


@pytest.fixture
def plugins(chips: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """The plugins of this environment and those of `tests/plugins/chips`."""
    monkeypatch.syspath_prepend(str(chips))
    return Plugins.discover()
