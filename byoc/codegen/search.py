"""Search: which composites of a segment its vendor cannot compile.

A segment that fails is halved, and each failing half again, until single composites fail: those have to go. A
prefix and a suffix of an order in which composites can run depend on each other in one direction only, so that
every half is a segment as good as the whole. Where both halves of a failing run compile, no composite is at fault
but their being together: the run then stays two segments, and nothing goes to the host. A refusal that names
source nodes spares the search.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from byoc.blob import Blob
from byoc.codegen.service import Outcome
from byoc.segment import Segment
from byoc.support.refusal import Refusal

MOST_CALLS = 64
"""How many parts of one segment are compiled at most; what is then left of the failing parts has to go."""

MOST_HANGS = 3
"""How many of them may run into the time limit."""

Attempt = Callable[[Sequence[Segment]], Sequence[Outcome]]
"""Compiles parts of segments."""


@dataclass(slots=True)
class Objection:
    """What is wrong with a segment: composites (by index) that have to go, and runs that may not be together.

    `failed` are the smallest parts that failed, each with its outcome.
    """

    segment: Segment
    gone: dict[int, Refusal] = field(default_factory=dict)
    apart: list[tuple[int, ...]] = field(default_factory=list)
    failed: list[tuple[Segment, Outcome]] = field(default_factory=list)
    calls: int = 0
    hangs: int = 0


@dataclass(frozen=True, slots=True)
class _Run:
    """A run of neighbouring composites of one segment that failed."""

    objection: Objection
    indices: tuple[int, ...]
    part: Segment
    outcome: Outcome

    @property
    def refusal(self) -> Refusal:
        assert isinstance(self.outcome.answer, Refusal)
        return self.outcome.answer


def search(failed: Sequence[tuple[Segment, Outcome]], attempt: Attempt) -> list[Objection]:
    """What is wrong with each of the `failed` segments; their parts are compiled by `attempt`, level by level."""
    objections = [Objection(segment) for segment, _ in failed]
    waiting = [
        _Run(objection, tuple(range(len(segment.composites))), segment, outcome)
        for objection, (segment, outcome) in zip(objections, failed, strict=True)
    ]
    while waiting:
        halved = [run for run in waiting if not _settled(run)]
        parts = [(run, half) for run in halved for half in _halves(run.indices)]
        segments = [run.objection.segment.subset(half) for run, half in parts]
        outcomes = attempt(segments)
        waiting = []
        for (run, half), segment, outcome in zip(parts, segments, outcomes, strict=True):
            run.objection.calls += 1
            run.objection.hangs += outcome.hung
            if not isinstance(outcome.answer, Blob):
                waiting.append(_Run(run.objection, half, segment, outcome))
        at_fault = {(id(run.objection), index) for run in waiting for index in run.indices}
        for run in halved:
            if not any((id(run.objection), index) in at_fault for index in run.indices):
                run.objection.apart.append(run.indices)
                run.objection.failed.append((run.part, run.outcome))
    return objections


def _halves(indices: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    half = len(indices) // 2
    return indices[:half], indices[half:]


def _settled(run: _Run) -> bool:
    """Whether it is known what has to go of a failed run without compiling its halves."""
    objection, refusal = run.objection, run.refusal
    named = _named(objection.segment, run.indices, refusal)
    words = ""
    if named:
        going: Sequence[int] = named
    elif len(run.indices) == 1:
        going = run.indices
    elif objection.hangs >= MOST_HANGS or objection.calls >= MOST_CALLS:
        going = run.indices
        words = (
            f" (one of {len(run.indices)} composites; after {objection.calls} calls of the compiler "
            f"and {objection.hangs} that hung it was not searched further)"
        )
    else:
        return False
    stated = replace(refusal, message=refusal.message + words, vendor=objection.segment.vendor)
    objection.gone.update(dict.fromkeys(going, stated))
    objection.failed.append((run.part, run.outcome))
    return True


def _named(segment: Segment, indices: Sequence[int], refusal: Refusal) -> list[int]:
    """The composites among `indices` that hold a source node which the refusal names."""
    nodes = set(refusal.nodes)
    return [index for index in indices if not nodes.isdisjoint(segment.composites[index].nodes)]


def give_up(failed: Sequence[tuple[Segment, Outcome]], words: str) -> list[Objection]:
    """All composites of the `failed` segments have to go."""
    objections = []
    for segment, outcome in failed:
        assert isinstance(outcome.answer, Refusal)
        stated = replace(
            outcome.answer, message=f"{outcome.answer.message} ({words})", vendor=segment.vendor
        )
        gone: Mapping[int, Refusal] = dict.fromkeys(range(len(segment.composites)), stated)
        objections.append(Objection(segment, dict(gone), failed=[(segment, outcome)]))
    return objections
