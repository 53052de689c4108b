"""`relay.function`: a table's functions are Relax functions."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name != "Function":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tvm import relax

    return relax.Function
