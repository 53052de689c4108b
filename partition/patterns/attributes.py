"""When a pattern's attributes hold: one meaning for table text, Python and TVM's patterns."""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose
from typing import Any, Final

AXES: Final = frozenset({"axis", "axes"})
"""Attributes whose negative values count from the end."""


def hold(wanted: Mapping[str, Any], given: Mapping[str, Any], rank: int | None) -> bool:
    """Whether each attribute of `wanted` is in `given` with an equal value, both as plain Python.

    Lists equal tuples. A number equals a list that holds it alone or several times (`strides=2` is `[2, 2]`), but
    not an empty list. Floats agree within 1e-5 relative, as TVM keeps many in 32 bits. Negative axes count from
    the end of `rank`, the first operand's; with an unknown rank they are compared as written.
    """
    return all(key in given and _equal(key, wanted[key], given[key], rank) for key in wanted)


def _equal(key: str, wanted: Any, given: Any, rank: int | None) -> bool:
    if isinstance(wanted, tuple | list):
        items = given if isinstance(given, tuple | list) else (given,)
        return len(wanted) == len(items) and all(
            _equal(key, each, item, rank) for each, item in zip(wanted, items, strict=True)
        )
    if isinstance(given, tuple | list):
        same = len(given) == 1 or key not in AXES
        return bool(given) and same and all(_equal(key, wanted, item, rank) for item in given)
    if key in AXES and rank and isinstance(wanted, int) and isinstance(given, int):
        return wanted % rank == given % rank
    if isinstance(wanted, float) and isinstance(given, int | float):
        return isclose(wanted, given, rel_tol=1e-5)
    return bool(wanted == given)
