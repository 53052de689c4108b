"""Operator-support tables: what an accelerator takes, why not the rest, and the documentation of both.

`load_table(path)` reads a YAML table, `SupportTable.bind` fixes it for one chip, and each row of the result tests
the `Facts` of an op: `BoundRow.test(facts) -> Refusal | None`. Nothing here imports TVM.
"""

from __future__ import annotations

from pathlib import Path

from byoc.support.facts import Facts, Quant, Tensor
from byoc.support.ops import OpInfo, known_ops
from byoc.support.refusal import CODES, Refusal
from byoc.support.rules import BoundPattern, BoundRow, BoundTable, SegmentLimits, SupportTable

__all__ = [
    "CODES",
    "BoundPattern",
    "BoundRow",
    "BoundTable",
    "Facts",
    "OpInfo",
    "Quant",
    "Refusal",
    "SegmentLimits",
    "SupportTable",
    "Tensor",
    "known_ops",
    "load_table",
]


def load_table(path: Path | str) -> SupportTable:
    """Load the support table at `path`. Raises TableError with file, line and column."""
    from byoc.support.load import load_table as load

    return load(path)
