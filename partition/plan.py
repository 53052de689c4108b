"""What the stages pass on, and the plan that records a partition. Everything here is a frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from byoc.support.facts import Dim
from byoc.support.refusal import Refusal

__all__ = [
    "BlockPlan",
    "Candidate",
    "Decision",
    "OpPlan",
    "Plan",
    "Refusal",
    "Region",
    "SegmentPlan",
    "TensorInfo",
]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A composite (`name`), or a single op (`name` is ""), that `vendor` accepts.

    `nodes` are graph ids in ascending order: the matched calls and the tuples and items between them. Constants
    and literals are not listed; they travel with their users. `inputs` are the ids it reads from outside
    (parameters and other values; no constants, no literals), in order of first use; `outputs` the ids among
    `nodes` that are read outside, ascending. `joined` candidates never make a segment by themselves
    (`use: joined`). `row` is where the row stands (`support.yaml:12`). `named` are the pattern's names and
    annotations with the nodes they matched, for a check.
    """

    vendor: str
    name: str
    nodes: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    joined: bool = False
    row: str = ""
    named: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a stage decided for one block: the candidates that stand, and why others do not.

    `refusals` maps a node id to every refusal it met, in the order of asking; a stage adds to it and drops none.
    """

    candidates: tuple[Candidate, ...]
    refusals: Mapping[int, tuple[Refusal, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Region:
    """What one vendor is given as one function: indices into the block's candidates, in topological order."""

    vendor: str
    candidates: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """The outcome of merge for one block: regions in an order in which they can run; notes for the report."""

    candidates: tuple[Candidate, ...]
    regions: tuple[Region, ...]
    refusals: Mapping[int, tuple[Refusal, ...]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor at a segment's border."""

    shape: tuple[Dim, ...] | None
    dtype: str


@dataclass(frozen=True, slots=True)
class OpPlan:
    """Where one counted op went. `segment` is "" on the host, where `refusals` has at least one of every vendor.

    `nodes` are the source nodes it came from. `op` is Relax's name, or `onnx.LSTM` for a host call. `composite`
    is "" for a single op. `macs` are multiply-accumulates, 0 for light ops, None when a dimension is unknown.
    """

    function: str
    binding: str
    op: str
    nodes: tuple[str, ...]
    segment: str = ""
    composite: str = ""
    macs: int | None = 0
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """One segment: the outlined function `name`, its composites in order, the source nodes it covers."""

    name: str
    vendor: str
    function: str
    composites: tuple[str, ...]
    nodes: tuple[str, ...]
    bindings: tuple[str, ...]
    ops: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    macs: int | None
    constant_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The record of a partition, complete and serialisable; the same input gives the same plan, byte for byte."""

    byoc: str
    model: str
    vendors: tuple[str, ...]
    options: Mapping[str, Any]
    segments: tuple[SegmentPlan, ...]
    ops: tuple[OpPlan, ...]
    notes: tuple[str, ...] = ()
    verified: bool = False
