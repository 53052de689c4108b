"""How long the command line takes to start, beside an interpreter that does nothing."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

RUNS = 11
PASS = (sys.executable, "-c", "pass")


def help_page() -> dict[str, Any]:
    """`byoc --help`."""
    return _beside_nothing((str(Path(sys.executable).with_name("byoc")), "--help"))


def importing() -> dict[str, Any]:
    """`import byoc`."""
    return _beside_nothing((sys.executable, "-c", "import byoc"))


def _beside_nothing(command: Sequence[str]) -> dict[str, Any]:
    ours: list[float] = []
    nothing: list[float] = []
    for _ in range(RUNS):
        ours.append(_seconds(command))
        nothing.append(_seconds(PASS))
    seconds, least = median(ours), median(nothing)
    return {"byoc": round(seconds, 4), "small": round(least, 4), "ratio": round(seconds / least, 1)}


def _seconds(command: Sequence[str]) -> float:
    """Seconds of processor time that `command` takes."""
    before = _spent()
    subprocess.run(command, check=True, capture_output=True)
    return _spent() - before


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
