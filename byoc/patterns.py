"""`byoc.patterns`: pattern rows in Python, in the style of TVM's `dpl`; a front for `byoc.partition.patterns`."""

from typing import TYPE_CHECKING, Any

from byoc.partition import patterns as _room

if TYPE_CHECKING:
    from byoc.partition.patterns import *  # noqa: F403 - every public name of the room is one of this module's

__all__ = _room.__all__


def __getattr__(name: str) -> Any:
    return getattr(_room, name)


def __dir__() -> list[str]:
    return dir(_room)
