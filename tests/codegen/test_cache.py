"""The cache: atomic, bounded, shared by processes, verified when read, and never a reason to fail."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byoc.codegen.cache import STALE, Cache
from byoc.errors import UsageError

KEY, OTHER = "ab" * 32, "cd" * 32


def files(cache: Cache, kind: str) -> list[Path]:
    return sorted(path for path in (cache.folder / "v1" / kind).rglob("*") if path.is_file())


def test_what_is_written_is_read(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.read(KEY) is None
    cache.write(KEY, [b"one", b"two"], {"vendor": "npu"})
    assert cache.read(KEY) == (b"onetwo", {"vendor": "npu"})
    cache.write(KEY, [b"three"], {})
    assert cache.read(KEY) == (b"three", {})
    assert cache.notes == []


def test_equal_bytes_are_kept_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for key in (KEY, OTHER):
        cache.write(key, [b"same"], {})
    assert len(files(cache, "keys")) == 2
    assert len(files(cache, "objects")) == 1
    assert cache.usage().entries == 2
    assert cache.usage().bytes == 4


@given(place=st.integers(0, 999), bit=st.integers(0, 7), kind=st.sampled_from(["keys", "objects"]))
@settings(max_examples=40, deadline=None)
def test_a_flipped_bit_is_a_miss_and_dropped(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int, kind: str
) -> None:
    cache = Cache(tmp_path_factory.mktemp("cache"))
    cache.write(KEY, [bytes(range(250))], {"a": 1})
    (path,) = files(cache, kind)
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 1 << bit
    path.write_bytes(data)
    found = cache.read(KEY)
    # A bit of the notes may go unseen, one of the bytes or their SHA-256 never.
    assert found is None or found[0] == bytes(range(250))
    if found is None:
        assert cache.find(KEY) is None
        cache.write(KEY, [b"again"], {})
        assert cache.read(KEY) == (b"again", {})


def test_a_file_cut_short_is_a_miss(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for length in range(10):
        cache.write(KEY, [b"0123456789"], {})
        (path,) = files(cache, "objects")
        path.write_bytes(path.read_bytes()[:length])
        assert cache.read(KEY) is None


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=250)
    keys = [f"{index:02d}" * 32 for index in range(3)]
    for index, key in enumerate(keys[:2]):
        cache.write(key, [bytes([index]) * 100], {})
    for path in files(cache, "objects"):
        os.utime(path, (0, 0))
    assert cache.read(keys[0]) is not None
    cache.write(keys[2], [b"\2" * 100], {})
    assert [cache.read(key) is not None for key in keys] == [True, False, True]
    assert cache.usage().bytes == 200
    assert cache.usage().entries == 2


def test_a_cache_that_holds_nothing_is_no_error(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=10)
    cache.write(KEY, [b"x" * 100], {})
    assert cache.read(KEY) is None
    assert cache.notes == []


def test_clear_removes_everything(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.write(KEY, [b"data"], {})
    assert cache.clear().entries == 1
    assert cache.usage().entries == cache.usage().bytes == 0
    assert cache.read(KEY) is None


def test_a_folder_that_cannot_be_made_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    cache = Cache(tmp_path / "file" / "cache")
    cache.write(KEY, [b"data"], {})
    cache.write(OTHER, [b"data"], {})
    assert cache.read(KEY) is None
    (note, *_) = cache.notes
    assert "could not be written (Not a directory); nothing else is affected" in note


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_is_read_only_is_a_note(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    cache = Cache(tmp_path)
    cache.write(KEY, [b"data"], {})
    assert "Permission denied" in cache.notes[0]
    tmp_path.chmod(0o700)


def full_disk(folder: str) -> None:
    # The kernel says the same of a file beyond the limit as of a full disk: the write fails half-way.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    cache = Cache(Path(folder))
    cache.write(KEY, [b"x" * 4000, b"y" * 4000], {})
    assert cache.notes, "no note of the failed write"
    assert "could not be written" in cache.notes[0]
    assert cache.read(KEY) is None
    cache.write(OTHER, [b"small"], {})
    assert cache.read(OTHER) == (b"small", {})


def test_a_full_disk_is_a_note_and_leaves_nothing(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=full_disk, args=[str(tmp_path)])
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert len(files(Cache(tmp_path), "objects")) == 1


WRITER = """
import sys
from pathlib import Path
from byoc.codegen.cache import Cache
cache = Cache(Path(sys.argv[1]), limit=40_000)
print("ready", flush=True)
number = 0
while True:
    number = (number + 1) % 20
    key = f"{number:02d}" * 32
    cache.write(key, [bytes([number]) * 1000] * 5, {"number": number})
    found = cache.read(key)
    assert found is None or found[0] == bytes([number]) * 5000, "wrong bytes"
    assert not cache.notes, cache.notes
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_processes_that_are_interrupted_leave_a_cache_that_works(tmp_path: Path, how: int) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    time.sleep(0.5)
    assert [writer.poll() for writer in writers] == [None] * 3
    for writer in writers:
        writer.send_signal(how)
    for writer in writers:
        _, errors = writer.communicate(timeout=30)
        assert "AssertionError" not in errors
    cache = Cache(tmp_path)
    for number in range(20):
        found = cache.read(f"{number:02d}" * 32)
        assert found is None or found[0] == bytes([number]) * 5000
    cache.write(KEY, [b"data"], {})
    assert cache.read(KEY) == (b"data", {})


def test_leftovers_of_a_killed_process_go_after_a_day(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.write(KEY, [b"data"], {})
    left, fresh = (tmp_path / "v1" / "objects" / name for name in (".left", ".fresh"))
    for path in (left, fresh):
        path.write_bytes(b"half")
    os.utime(left, (time.time() - 2 * STALE,) * 2)
    cache.write(OTHER, [b"more"], {})
    assert not left.exists()
    assert fresh.exists()


def test_where_it_is_and_how_large_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BYOC_CACHE_DIR", str(tmp_path / "here"))
    monkeypatch.setenv("BYOC_CACHE_SIZE", "1000")
    assert Cache.at() == Cache(tmp_path / "here", 1000)
    assert Cache.at(tmp_path / "there").folder == tmp_path / "there"
    monkeypatch.setenv("BYOC_CACHE_SIZE", "1GB")
    with pytest.raises(UsageError, match="expected a number of bytes"):
        Cache.at()
    monkeypatch.delenv("BYOC_CACHE_SIZE")
    monkeypatch.delenv("BYOC_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert Cache.at().folder == tmp_path / "user" / "byoc"
