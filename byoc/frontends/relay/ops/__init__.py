"""The Relay operators that byoc converts, one family a file; docs/relay.md has the table made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from byoc.frontends.relay.operation import Row
from byoc.frontends.relay.ops import (
    dynamic,
    elementwise,
    indexing,
    layers,
    margins,
    moves,
    norms,
    pools,
    quantised,
    reductions,
    resizes,
    sampling,
)
from byoc.frontends.relay.ops.folding import fold
from byoc.frontends.relay.ops.integer import INTEGER
from byoc.frontends.relay.ops.stored import FORMS as STORED

__all__ = ["FORMS", "IGNORED", "OPERATORS", "fold"]

OPERATORS: dict[str, Row] = {
    name: row
    for family in (
        elementwise,
        layers,
        norms,
        pools,
        resizes,
        sampling,
        margins,
        moves,
        indexing,
        reductions,
        dynamic,
        quantised,
    )
    for name, row in family.FAMILY.rows.items()
}
"""Each operator's row by its name."""

FORMS: Mapping[str, Mapping[str, Row]] = {
    "qdq": {
        name: replace(row, convert=STORED[name](row)) if name in STORED else row
        for name, row in OPERATORS.items()
    },
    "integer": {
        name: replace(row, convert=INTEGER.get(name, row.convert))
        for name, row in OPERATORS.items()
    },
}
"""The rows by the form of quantised operators: ONNX's QDQ, or the integers that Relay computes."""

IGNORED = frozenset(
    ["auto_scheduler_rewritten_layout", "meta_schedule_original_shape", "schedule_rule", "span"]
)
"""Attributes that say nothing of the result."""
