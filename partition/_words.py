"""Words: why a vendor has nothing for an op."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches

from byoc.partition.graph import NOT_COUNTED, Graph, Kind
from byoc.partition.patterns.ast import Op
from byoc.partition.patterns.walk import nodes
from byoc.partition.vendor import Vendor
from byoc.support.refusal import Refusal

MOST_NAMED = 3


@dataclass(slots=True)
class Words:
    """Refusals for ops without a row that could take them, made once for each op."""

    vendor: Vendor
    made: dict[str, Refusal] = field(default_factory=dict)

    def counts(self, graph: Graph, node: int) -> bool:
        """Whether reports count `node` as an op."""
        return graph.kinds[node] is Kind.CALL and graph.ops[node] not in NOT_COUNTED

    def unsupported(self, op: str) -> Refusal:
        """Say that no row of the table names `op`, and where it would be taken or what is near."""
        if op not in self.made:
            words = f"{self.vendor.name} has no row for {op}"
            self.made[op] = Refusal("unsupported-op", words + self._hint(op))
        return self.made[op]

    def only_fused(self, op: str, rule: str) -> Refusal:
        """Say that `op` is taken only inside a pattern, and inside which."""
        inside = self._patterns(op)
        words = f"{self.vendor.name} takes {op} only inside a pattern"
        return Refusal("policy", f"{words}: {inside}" if inside else words, rule)

    def _hint(self, op: str) -> str:
        if op in ("quantize", "dequantize") and self._quantises():
            return "; it takes one only with the op that it belongs to, in a quantised form"
        inside = self._patterns(op)
        if inside:
            return f"; it takes one only inside {inside}"
        near = get_close_matches(op, sorted(self.vendor.ops), n=1, cutoff=0.75)
        return f"; the nearest it has is {near[0]}" if near else ""

    def _quantises(self) -> bool:
        rows = (row for each in self.vendor.ops.values() for row in each)
        return any(row.qdq for row in rows) or any(row.qdq for row in self.vendor.rows)

    def _patterns(self, op: str) -> str:
        found = [
            row.name
            for row in self.vendor.rows
            if any(isinstance(part, Op) and op in part.ops for part in nodes(row.outputs))
        ]
        more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        return ", ".join(found[:MOST_NAMED]) + more
