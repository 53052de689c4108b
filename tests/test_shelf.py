"""Data beside a pickle: written once, mapped by real processes, and gone whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from byoc.isolation import Failure, Worker
from byoc.shelf import ALIGNMENT, SMALL, Shelf, unpack
from tests.conftest import ROOT

LARGE = np.arange(SMALL, dtype="float32")


def total(items: list[np.ndarray]) -> list[float]:
    return [float(each.sum()) for each in items]


def scribble(items: list[np.ndarray]) -> list[float]:
    for each in items:
        each[:] = -1
    return total(items)


def die(items: list[np.ndarray]) -> list[float]:
    if any(each[0] < 0 for each in items):
        os.kill(os.getpid(), signal.SIGKILL)
    return total(items)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder for temporary files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_what_is_unpacked_is_what_was_packed() -> None:
    values = {"one": LARGE, "two": [LARGE[:8], LARGE.reshape(2, -1) + 1], "three": "text"}
    shelf = Shelf()
    again = unpack(shelf.pack(values))
    shelf.close()
    np.testing.assert_array_equal(again["one"], values["one"])
    for given, found in zip(values["two"], again["two"], strict=True):
        np.testing.assert_array_equal(given, found)
    assert again["three"] == "text"
    assert again["one"].ctypes.data % ALIGNMENT == 0


def test_the_same_data_has_one_place() -> None:
    shelf = Shelf()
    first, second = shelf.pack([LARGE, LARGE.view("int32")]), shelf.pack({"again": LARGE})
    assert len(set(first.places + second.places)) == 1
    other = shelf.pack(LARGE.copy())
    assert other.places != first.places[:1]
    shelf.close()


def test_other_data_never_has_the_place_of_what_is_gone() -> None:
    """Arrays that nobody else holds, one after the other: most have the address of the one before."""
    shelf = Shelf()
    for value in range(16):
        np.testing.assert_array_equal(unpack(shelf.pack(np.full(SMALL, value)))[-1], value)
    shelf.close()


def test_small_data_needs_no_file(folder: Path) -> None:
    shelf = Shelf()
    parcel = shelf.pack(np.zeros(SMALL - 1, "int8"))
    assert parcel.file == ""
    assert unpack(parcel).size == SMALL - 1


def test_without_room_for_a_file_everything_is_in_the_pickle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    parcel = Shelf().pack([LARGE, LARGE])
    assert parcel.file == ""
    np.testing.assert_array_equal(unpack(parcel)[1], LARGE)


def test_a_worker_writes_into_its_own_copy() -> None:
    with Worker(scribble) as worker:
        assert worker.ask([LARGE]) == [-float(LARGE.size)]
        assert LARGE[1] == 1
        worker.function = total
        assert worker.ask([LARGE]) == total([LARGE])


def test_nothing_is_left_of_a_worker_that_dies(folder: Path) -> None:
    with Worker(die) as worker:
        answers = worker.ask([LARGE, LARGE - 1, LARGE])
    assert isinstance(answers[1], Failure)
    assert answers[::2] == total([LARGE, LARGE])
    assert not list(folder.glob("byoc-*"))


SCRIPT = """
import os, signal, sys, tempfile
import numpy as np
from byoc.isolation import Worker
from tests.test_shelf import LARGE, total
tempfile.tempdir = sys.argv[1]
worker = Worker(total)
print(worker.ask([LARGE]), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="files without names")
def test_nothing_is_left_when_byoc_itself_is_killed(tmp_path: Path) -> None:
    # The worker has the pipe too: that it closes says that the worker is gone.
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=100,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.decode().strip() == str(total([LARGE]))
    assert not list(tmp_path.glob("byoc-shelf-*"))
