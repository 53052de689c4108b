"""Profile: what onnxruntime measured of a session, by operator."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any


def profile_prefix() -> str:
    """Where a session is to write its profile: a new folder, which `by_operator` removes."""
    return str(Path(tempfile.mkdtemp(prefix="byoc-onnxruntime-"), "profile"))


def by_operator(path: str) -> dict[str, Any]:
    """Calls and nanoseconds of each operator in the profile at `path`, which is removed with its folder."""
    file = Path(path)
    events = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    file.parent.rmdir()
    found: dict[str, dict[str, int]] = {}
    for event in events:
        operator = event.get("args", {}).get("op_name")
        if operator and event["name"].endswith("_kernel_time"):
            figures = found.setdefault(operator, {"calls": 0, "ns": 0})
            figures["calls"] += 1
            figures["ns"] += event["dur"] * 1000
    return dict(sorted(found.items()))
