"""Folders that a killed process leaves, and those that a living one holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from byoc.scratch import PREFIX, scratch_folder
from tests.conftest import ROOT

HOLD = """
import sys, time
from pathlib import Path
from byoc.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "half.o").write_bytes(b"half")
    print(folder, flush=True)
    time.sleep(600)
"""


def held(beside: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that is amid its work, and its folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(beside)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_nothing_is_left_at_the_end(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        (folder / "deeper").mkdir()
        assert folder.parent == tmp_path
    with pytest.raises(ValueError, match="amid"), scratch_folder(tmp_path):
        raise ValueError("amid")
    assert not list(tmp_path.iterdir())


def test_the_next_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    (tmp_path / ".byoc-notes").mkdir()
    (tmp_path / f"{PREFIX}file").write_text("no folder")
    process, left = held(tmp_path)
    end(process)
    assert (left / "half.o").is_file()
    with scratch_folder(tmp_path):
        assert not left.exists()
    assert sorted(each.name for each in tmp_path.iterdir()) == [f"{PREFIX}file", ".byoc-notes"]


def test_what_a_living_process_holds_stays(tmp_path: Path) -> None:
    process, other = held(tmp_path)
    try:
        with scratch_folder(tmp_path):
            pass
        assert (other / "half.o").is_file()
    finally:
        end(process)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(precious)
    with scratch_folder(tmp_path):
        pass
    assert precious.is_dir()
