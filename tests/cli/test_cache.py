"""`byoc cache`: what is in it, and nothing afterwards."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Byoc


def test_it_is_shown_and_cleared(run_byoc: Byoc, small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    arguments = ("--vendor", "goodchip", small, "--cache-dir", folder)
    assert run_byoc("compile", *arguments, "-o", tmp_path / "model.so")[0] == 0
    code, out, err = run_byoc("cache", "--cache-dir", folder)
    assert (code, err) == (0, "")
    assert out.startswith(f"{folder}\n")
    assert " of at most 10.0 GiB\n" in out
    before = json.loads(run_byoc("cache", "--cache-dir", folder, "--format", "json")[1])
    assert before["entries"] > 0
    assert before["bytes"] > 0
    assert before["removed"] is None
    code, out, _ = run_byoc("cache", "--cache-dir", folder, "--clear")
    assert code == 0
    assert out.splitlines()[1].startswith(f"removed {before['entries']} entr")
    after = json.loads(run_byoc("cache", "--cache-dir", folder, "--format", "json")[1])
    assert (after["entries"], after["bytes"]) == (0, 0)
