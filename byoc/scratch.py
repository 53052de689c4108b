"""Scratch: hidden folders beside what is being made; those of processes that were killed are removed by the next.

Whoever makes a folder locks it, and the system unlocks it when that process ends: what is unlocked is nobody's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PREFIX: Final = ".byoc-link-"


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """A new folder in `beside`, removed at the end together with those that nobody holds any more.

    Raises OSError when none can be made.
    """
    remove_stale(beside)
    folder, lock = _made(beside)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def remove_stale(beside: Path) -> None:
    """Remove the folders in `beside` whose makers are gone; what cannot be removed stays."""
    for folder in sorted(beside.glob(f"{PREFIX}*")):
        with contextlib.suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _made(beside: Path) -> tuple[Path, int]:
    """A folder and its lock. Another process may take it for stale before it is locked: then it is made anew."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=beside))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            # A file system without locks: nobody else can lock it either, so that it is never taken for stale.
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)
