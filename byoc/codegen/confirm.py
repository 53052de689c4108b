"""Confirm: hold the segments of a partition to their vendors' compilers, and say what cannot stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from byoc.codegen.compiled import CompiledSegment
from byoc.codegen.search import Objection, give_up, search
from byoc.codegen.service import Codegen, Outcome
from byoc.segment import Segment
from byoc.support.refusal import Refusal

MOST_ROUNDS = 32
"""After so many rounds whatever still fails goes to the host as a whole."""


@dataclass(slots=True)
class Confirm:
    """Compiles all segments, round after round. `compiled` are those of the last one, in order.

    `segments` and `outcomes` are what the last round was asked and what became of each; `failed` are the smallest
    parts of segments that failed, of all rounds, each with its outcome.
    """

    codegen: Codegen
    compiled: list[CompiledSegment] = field(default_factory=list)
    failed: list[tuple[Segment, Outcome]] = field(default_factory=list)
    segments: Sequence[Segment] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    rounds: int = 0

    def __call__(self, segments: Sequence[Segment]) -> list[Objection | None]:
        """One answer a segment: None for one that compiles, else what is wrong with it."""
        self.rounds += 1
        self.segments = segments
        borders = [_border(each) for each in segments]
        sound = [each for each, refused in zip(segments, borders, strict=True) if refused is None]
        compiled = iter(self.codegen.run(sound))
        self.outcomes = [each if each is not None else next(compiled) for each in borders]
        self.compiled = [
            each
            for segment, outcome in zip(segments, self.outcomes, strict=True)
            if (each := self.codegen.compiled(segment, outcome)) is not None
        ]
        return self._objections(segments, borders)

    def _objections(
        self, segments: Sequence[Segment], borders: Sequence[Outcome | None]
    ) -> list[Objection | None]:
        found: list[Objection | None] = [None] * len(segments)
        for at_border in (True, False):
            places = [
                place
                for place, outcome in enumerate(self.outcomes)
                if isinstance(outcome.answer, Refusal) and (borders[place] is not None) is at_border
            ]
            failed = [(segments[place], self.outcomes[place]) for place in places]
            if self.rounds > MOST_ROUNDS:
                objections = give_up(failed, f"still so in round {self.rounds}")
            else:
                objections = search(failed, _at_border if at_border else self._parts)
            for place, objection in zip(places, objections, strict=True):
                found[place] = objection
                self.failed += objection.failed
        return found

    def _parts(self, segments: Sequence[Segment]) -> Sequence[Outcome]:
        # A part may have a border that host code could not call; as a part it need only compile.
        return self.codegen.run(segments, part=True)


def _border(segment: Segment) -> Outcome | None:
    """The refusal of a segment that host code could not call, as an outcome."""
    from byoc.host import border_refusal

    refusal = border_refusal(segment.function)
    return None if refusal is None else Outcome(refusal)


def _at_border(segments: Sequence[Segment]) -> list[Outcome]:
    """Parts of a segment whose border is at fault, held to that alone: no vendor need be asked."""
    from byoc.blob import Blob

    return [_border(each) or Outcome(Blob(b"")) for each in segments]
