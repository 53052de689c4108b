"""Process: one worker process as its parent sees it, from its start to its answer or its end.

It leads a session of its own, so that what it leaves behind ends with it, and writes to a file, so that nothing it
prints is lost or gets in the way. `fork` is never used: vendor libraries hold threads and devices.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byoc.codegen.worker import ANSWER, LOG, READY, SEGMENT, START
from byoc.isolation import last_words

if TYPE_CHECKING:
    from byoc.segment import Segment
    from byoc.shelf import Shelf

WATCH = 0.25
"""Seconds between two looks at how much memory the process and its children hold."""

STARTUP = 120.0
"""Seconds that a process may take at least until its plugin is loaded: a busy machine is not the vendor's fault."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended: the line of its answer, where the packed blob behind it starts, and the wall time (s).

    `head` has `kind` ("blob", "refusal", "problem", "none") and what goes with it.
    """

    head: Mapping[str, Any]
    file: Path
    start: int
    seconds: float


@dataclass(slots=True)
class Process:
    """One worker for `vendor`, started at once; `folder` is its own and is left to the caller."""

    vendor: str
    options: Mapping[str, str]
    folder: Path
    timeout: float
    memory: int
    _child: subprocess.Popen[bytes] = field(init=False)
    _began: float = field(default=0.0, init=False)
    _ready: bool = field(default=False, init=False)
    _looked: float = field(default=0.0, init=False)
    _offspring: dict[int, Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        with (self.folder / LOG).open("wb") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-c", START],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        setup = {"path": sys.path, "vendor": self.vendor, "options": dict(self.options)}
        self._tell(setup)

    def submit(self, segment: Segment, shelf: Shelf) -> None:
        """Give it the segment, its constants on `shelf`. The clock starts, and again when the plugin is loaded."""
        with (self.folder / SEGMENT).open("wb") as file:
            pickle.dump(shelf.pack(segment), file, pickle.HIGHEST_PROTOCOL)
        self._began = time.monotonic()
        self._tell({"folder": str(self.folder), "memory": self.memory})

    def poll(self) -> Ended | None:
        """How the job ended, None while it goes on. A process that takes too long or too much is ended here."""
        code = self._child.poll()
        now = time.monotonic()
        if code is not None:
            self.kill()
            return self._ended(now) or self._failed(_words(code), now)
        if not self._ready and (self.folder / READY).exists():
            self._ready, self._began = True, now
        limit = self.timeout if self._ready else max(self.timeout, STARTUP)
        if now - self._began > limit:
            self.kill()
            what = "gave no answer" if self._ready else "was not loaded"
            return self._failed(f"{what} within {limit:g} s", now, hung=True)
        if now - self._looked > WATCH:
            self._looked = now
            if self._held() > self.memory:
                self.kill()
                return self._failed(f"took more than the {self.memory:,} bytes it may have", now)
        return None

    def kill(self) -> None:
        """End it, and whatever it started."""
        for each in self._family():
            with contextlib.suppress(Exception):
                self._offspring.setdefault(each.pid, each)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        for each in self._offspring.values():
            with contextlib.suppress(Exception):
                each.kill()
        self._child.wait()
        if self._child.stdin is not None:
            with contextlib.suppress(OSError):
                self._child.stdin.close()

    def _tell(self, line: Mapping[str, Any]) -> None:
        assert self._child.stdin is not None
        # A process that is gone already is found so by `poll`.
        with contextlib.suppress(OSError):
            self._child.stdin.write(json.dumps(dict(line)).encode() + b"\n")
            self._child.stdin.flush()

    def _ended(self, now: float) -> Ended | None:
        """What it left behind, None when that is no answer."""
        path = self.folder / ANSWER
        try:
            with path.open("rb") as file:
                line = file.readline()
            head = json.loads(line)
        except (OSError, ValueError):
            return None
        if not isinstance(head, dict) or "kind" not in head:
            return None
        return Ended(head, path, len(line), now - self._began)

    def _failed(self, words: str, now: float, *, hung: bool = False) -> Ended:
        said = last_words(self.folder / LOG)
        head = {"kind": "problem", "words": words + said, "nodes": [], "trace": "", "hung": hung}
        return Ended(head, self.folder / ANSWER, 0, now - self._began)

    def _family(self) -> list[Any]:
        import psutil

        try:
            whole = psutil.Process(self._child.pid)
            return [whole, *whole.children(recursive=True)]
        except psutil.Error:
            return []

    def _held(self) -> int:
        """The memory (bytes) that the process and its children hold, and who they are for `kill`."""
        import psutil

        total = 0
        for each in self._family():
            with contextlib.suppress(psutil.Error):
                total += each.memory_info().rss
                if each.pid != self._child.pid:
                    self._offspring[each.pid] = each
        return total


def _words(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"died ({signal.Signals(-code).name})"
    return f"ended with exit code {code} and without an answer"
