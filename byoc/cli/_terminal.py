"""The terminal during long work: a progress bar on stderr, and stdout kept for the result alone."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from byoc.options import COMPILE_STAGES, STAGES, Observer, SegmentEvent


@contextmanager
def stage_progress() -> Iterator[Observer]:
    """Show a progress bar on stderr, on a terminal only; what it yields is told of each stage."""
    with _progress() as progress:
        task = progress.add_task("load", total=None)

        class Bar(Observer):
            def begin(self, stage: str) -> None:
                progress.update(
                    task,
                    description=f"{stage:<8}",
                    total=len(STAGES),
                    completed=STAGES.index(stage),
                )

        yield Bar()


@contextmanager
def compile_progress() -> Iterator[Recorder]:
    """Show the stages and segments of a compilation; what it yields is told of them and keeps the events."""
    with _progress() as progress:
        task = progress.add_task("load", total=None)
        yield Recorder(progress, task)


@contextmanager
def step_progress(what: str, total: int | None = None) -> Iterator[Callable[[], None]]:
    """Show how many of `total` steps are done; what it yields is called after each."""
    with _progress() as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


class Recorder(Observer):
    """A compilation as far as it is: the stages on a bar, the segments' events in `events`."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.events: list[SegmentEvent] = []
        self._progress, self._task = progress, task
        self._expected = self._done = self._cached = 0

    def begin(self, stage: str) -> None:
        """`stage` begins."""
        self._progress.update(
            self._task,
            description=f"{stage:<8}",
            total=len(COMPILE_STAGES),
            completed=COMPILE_STAGES.index(stage) if stage in COMPILE_STAGES else 0,
        )

    def segments(self, count: int) -> None:
        """`count` more segments, or parts of failed ones, are to be compiled."""
        self._expected += count
        self._show("")

    def segment(self, event: SegmentEvent) -> None:
        """A segment is a step further."""
        self.events.append(event)
        if event.state != "started":
            self._done += 1
            self._cached += event.state == "cached"
        self._show(event.segment if event.state == "started" else "")

    def _show(self, name: str) -> None:
        words = f"codegen  {self._done} of {self._expected}"
        if self._cached:
            words += f", {self._cached} cached"
        self._progress.update(self._task, description=f"{words} {name[:20]}".rstrip())


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send to stderr what anything, native code and plugins included, prints to stdout meanwhile."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # stdout is closed: nothing to keep clean
        yield
        return
    try:
        os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Print byoc's own warnings as it prints its errors, in one line on stderr; others stay as they are."""
    from byoc.errors import ArtefactWarning

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("byoc: warning: %(message)s"))
    logger = logging.getLogger("byoc")
    logger.addHandler(handler)

    with warnings.catch_warnings():
        warnings.simplefilter("always", ArtefactWarning)
        usual = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, ArtefactWarning):
                sys.stderr.write(f"byoc: warning: {message}\n")
            else:
                usual(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        try:
            yield
        finally:
            logger.removeHandler(handler)
