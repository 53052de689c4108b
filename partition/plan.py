"""What the stages pass on: candidates, regions, and the plan that records a partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from byoc.support.refusal import Refusal

__all__ = ["Candidate", "Decision", "Refusal", "RegionPlan", "BlockPlan"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A composite (`name`), or a single op (`name` is ""), that `vendor` accepts.

    `nodes` are graph ids in ascending order: the matched calls with the tuples and items between them, and the
    constants and literals that only they use are not listed (they travel with their users). `inputs` are the ids
    it reads from outside, in order of first use, `outputs` the ids that others read. `joined` candidates never
    make a segment by themselves (`use: joined`). `row` is where the row stands.
    """

    vendor: str
    name: str
    nodes: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    joined: bool = False
    row: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a stage decided for one block: the candidates that stand, and why others do not.

    `refusals` maps a node id to every refusal it met, in the order of asking. Stages add to it and never drop
    one of a node that stays on the host.
    """

    candidates: tuple[Candidate, ...]
    refusals: Mapping[int, tuple[Refusal, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegionPlan:
    """A region given to one vendor: ids of its candidates (indices into the block's) in topological order."""

    vendor: str
    candidates: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """The outcome of merge for one block: regions in an order in which they can run, and refusals by node."""

    candidates: tuple[Candidate, ...]
    regions: tuple[RegionPlan, ...]
    refusals: Mapping[int, tuple[Refusal, ...]]
    notes: Sequence[str] = ()
