"""Depth: visitors go down an expression call by call; a network may be deeper than Python expects of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_FRAMES: Final = 20
"""Calls of Python for each level of an expression, more than visitors of tables make."""


@contextmanager
def room_for(levels: int) -> Iterator[None]:
    """Let Python go down `levels` of an expression."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, before + _FRAMES * levels))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
