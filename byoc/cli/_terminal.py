"""The terminal during long work: a progress bar on stderr, and stdout kept for the result alone."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from byoc.pipeline import Observer


@contextmanager
def stage_progress() -> Iterator[Observer]:
    """Show a progress bar on stderr, on a terminal only; what it yields is told of each stage."""
    console = Console(stderr=True)
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        task = progress.add_task("load", total=None)
        # Importing the pipeline loads TVM, which takes seconds: the bar is up by then.
        from byoc.pipeline import STAGES, Observer

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
