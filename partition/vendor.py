"""Vendor: what the stages need to know of a vendor, gathered from its plugin and its support table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from byoc.partition.graph import Graph
from byoc.partition.patterns.ast import Row
from byoc.partition.plan import Candidate
from byoc.support.facts import Facts
from byoc.support.refusal import Refusal


class OpRule(Protocol):
    """One row of the `ops` of a support table, bound to a chip. `rule` is `file:line`."""

    @property
    def use(self) -> Literal["alone", "joined", "fused"]:
        """Whether the op may be a segment, only part of one, or only part of a pattern."""

    @property
    def qdq(self) -> bool:
        """Whether the row takes the quantised form too."""

    @property
    def rule(self) -> str:
        """Where the row stands."""

    def test(self, facts: Facts, *, fused: bool = False) -> Refusal | None:
        """Hold `facts` to the row. `fused` asks for an op inside a pattern: `dtypes` are then not held."""


class Check(Protocol):
    """Asks the vendor's `byoc_check` about candidates, in one batch, in a worker process."""

    def __call__(self, graph: Graph, candidates: Sequence[Candidate]) -> Sequence[Refusal | None]:
        """One answer a candidate, in order; None accepts."""


class RowCheck(Protocol):
    """Asks a pattern row's Python predicate about candidates that its pattern matched, in one batch."""

    def __call__(
        self, row: Row, graph: Graph, candidates: Sequence[Candidate]
    ) -> Sequence[Refusal | None]:
        """One answer a candidate, in order; None accepts."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the hardware demands of a whole segment; None is no limit."""

    max_ops: int | None = None
    max_constant_bytes: int | None = None
    max_segments: int | None = None


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor as match, annotate, place and merge see it. `ops` maps an op's name to its rows, in table order."""

    name: str
    ops: Mapping[str, Sequence[OpRule]] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    limits: Limits = field(default_factory=Limits)
    check: Check | None = None
    check_row: RowCheck | None = None
