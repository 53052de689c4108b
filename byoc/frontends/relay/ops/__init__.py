"""The Relay operators that byoc converts, one family a file; docs/relay.md has the table made of them."""

from __future__ import annotations

from byoc.frontends.relay.operation import Row
from byoc.frontends.relay.ops import elementwise, layers, moves, pools, quantised, reductions
from byoc.frontends.relay.ops.folding import fold

__all__ = ["IGNORED", "OPERATORS", "fold"]

OPERATORS: dict[str, Row] = {
    name: row
    for family in (elementwise, layers, pools, moves, reductions, quantised)
    for name, row in family.FAMILY.rows.items()
}
"""Each operator's row by its name."""

IGNORED = frozenset(
    ["auto_scheduler_rewritten_layout", "meta_schedule_original_shape", "schedule_rule", "span"]
)
"""Attributes that say nothing of the result."""
