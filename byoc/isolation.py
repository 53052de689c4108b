"""Isolation: calls into a vendor's code happen in a worker process, so that none of them can end the run.

The worker is spawned, never forked (vendor libraries hold threads and devices). Its standard output and error go to
a file: what a library prints there is kept as its last words and never reaches byoc's own output.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from byoc.shelf import Parcel, Shelf, unpack

Item = TypeVar("Item")

LAST_WORDS = 400
"""How many of the last characters that a worker printed a failure quotes."""

WATCH = 1.0
"""Seconds between two looks of a worker at whether byoc still lives."""

TAIL = 65_536
"""How much of the end of a log is read for them (bytes): a stack trace may follow what is quoted."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the worker gave no answer about an item: it raised, died or hung; in words, with its last output."""

    words: str


@dataclass(slots=True)
class Worker(Generic[Item]):
    """A worker process that applies `function` to batches of items.

    `function` is importable by name and takes a list of picklable items; it returns one answer for each. A batch
    that fails is halved until the items that cause it are found; every other item still gets its answer. After
    `patience` failures the rest of a batch fails with the last one's words, so that a hang of `timeout` seconds
    (a batch) cannot repeat for ever.
    """

    function: Callable[[list[Item]], Sequence[Any]]
    timeout: float = 60.0
    patience: int = 8
    _shelf: Shelf = field(default_factory=Shelf)
    _executor: Any = None
    _log: Path | None = None
    _failures: int = field(default=0)

    def ask(self, items: Sequence[Item]) -> list[Any | Failure]:
        """One answer, or Failure, for each item, in order."""
        self._failures = 0
        return self._ask(list(items)) if items else []

    def close(self) -> None:
        """End the worker process and remove what it printed and was given."""
        self._stop()
        self._shelf.close()

    def _stop(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=True)
            self._executor = None
        if self._log is not None:
            self._log.unlink(missing_ok=True)
            self._log = None

    def __enter__(self) -> Worker[Item]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, items: list[Item]) -> list[Any | Failure]:
        answer = self._run(items)
        if not isinstance(answer, Failure):
            return answer
        if len(items) == 1 or self._failures >= self.patience:
            self._failures += 1
            return [answer] * len(items)
        half = len(items) // 2
        return self._ask(items[:half]) + self._ask(items[half:])

    def _run(self, items: list[Item]) -> list[Any] | Failure:
        from loky.process_executor import TerminatedWorkerError

        try:
            parcel = self._shelf.pack(items)
            future = self._start().submit(_apply, self.function, parcel)
            answers = future.result(timeout=self.timeout)
        except FutureTimeout:
            return self._end(f"gave no answer within {self.timeout:g} s")
        except TerminatedWorkerError as error:
            return self._end(f"died{_signal(str(error))}")
        except (Exception, SystemExit) as error:
            return Failure(f"raised {type(error).__name__}: {error}{self._last_words()}")
        return list(answers)

    def _start(self) -> Any:
        if self._executor is None:
            from loky.process_executor import ProcessPoolExecutor

            handle, name = tempfile.mkstemp(prefix="byoc-worker-", suffix=".log")
            os.close(handle)
            self._log = Path(name)
            self._executor = ProcessPoolExecutor(
                max_workers=1, initializer=_begin, initargs=(name, os.getpid()), timeout=None
            )
        return self._executor

    def _end(self, words: str) -> Failure:
        failure = Failure(words + self._last_words())
        self._stop()
        return failure

    def _last_words(self) -> str:
        return "" if self._log is None else last_words(self._log)


def last_words(log: Path) -> str:
    """What a worker printed last to the file `log`, as the end of a sentence; "" when it printed nothing."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    # The stacks that Python and TVM print of a dying process say nothing about the vendor's code.
    for dump in ("Fatal Python error", "!!!!!!! Segfault encountered"):
        text = text.partition(dump)[0]
    text = text.strip()
    return f"; its last words: {text[-LAST_WORDS:]}" if text else ""


def _begin(log: str, parent: int) -> None:
    """In the worker, before anything else."""
    _redirect(log)
    # A signal at the parent's death would come at the death of the thread that started the worker.
    threading.Thread(target=_outlive_nobody, args=(parent,), daemon=True).start()


def _outlive_nobody(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH)
    os._exit(1)


def _redirect(path: str) -> None:
    """In the worker: send everything that it or a library prints to `path`."""
    sys.stdout.flush()
    sys.stderr.flush()
    log = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _apply(function: Callable[[list[Item]], Sequence[Any]], parcel: Parcel) -> Sequence[Any]:
    items: list[Item] = unpack(parcel)
    answers = function(items)
    sys.stdout.flush()
    if isinstance(answers, str) or not isinstance(answers, Sequence) or len(answers) != len(items):
        raise TypeError(f"returned {answers!r:.200}, expected a sequence of {len(items)} answers")
    return answers


def _signal(report: str) -> str:
    """The signal or exit code in loky's words about a dead worker: `SIGSEGV(-11)`."""
    start = report.rfind("{")
    codes = report[start + 1 : report.find("}", start)] if start >= 0 else ""
    return f" ({codes})" if codes else ""
