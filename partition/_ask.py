"""Ask: a vendor's own checks, in as few and as large batches as the choice of matches allows.

A check is a round trip to a worker process, and which matches will be asked about depends on the answers. So
the choice is run in rounds: in one round every open question counts as accepted, in the next as refused, each
collects its open questions, and between rounds all of them are asked at once. The first round without an open
question is the result.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from byoc.partition.graph import Graph
from byoc.partition.patterns.ast import Row
from byoc.partition.plan import Candidate
from byoc.partition.vendor import Vendor
from byoc.support.refusal import Refusal

Question = tuple[str, tuple[int, ...]]


@dataclass(slots=True)
class Answers:
    """What a vendor has said so far of the candidates of one graph, and what is still to be asked."""

    graph: Graph
    vendor: Vendor
    hopeful: bool = True
    known: dict[Question, Refusal | None] = field(default_factory=dict)
    open: dict[Question, tuple[Row | None, Candidate]] = field(default_factory=dict)

    def about(self, row: Row | None, candidate: Candidate) -> tuple[bool, Refusal | None]:
        """Whether the vendor takes `candidate`, and its refusal if any; an open question is noted.

        `row` is the pattern row it comes from, whose check is asked before the vendor's.
        """
        if self.vendor.check is None and (row is None or row.check is None):
            return True, None
        question = (candidate.name, candidate.nodes)
        if question in self.known:
            refusal = self.known[question]
            return refusal is None, refusal
        self.open[question] = (
            row if row is not None and row.check is not None else None,
            candidate,
        )
        return self.hopeful, None

    def settle(self) -> bool:
        """Ask every open question; whether there was none."""
        if not self.open:
            return True
        by_row: dict[int, list[Question]] = {}
        for key, (row, _) in self.open.items():
            if row is not None:
                by_row.setdefault(id(row), []).append(key)
        for keys in by_row.values():
            self._ask_row(keys)
        rest = {key: each for key, (_, each) in self.open.items() if self.known.get(key) is None}
        if self.vendor.check is not None and rest:
            answers = self.vendor.check(self.graph, list(rest.values()))
            for key, refusal in zip(rest, answers, strict=True):
                self._hear(key, refusal)
        for key in self.open:
            self.known.setdefault(key, None)
        self.open.clear()
        self.hopeful = not self.hopeful
        return False

    def _ask_row(self, questions: list[Question]) -> None:
        row, _ = self.open[questions[0]]
        ask = self.vendor.check_row
        if row is None or ask is None:
            return
        answers = ask(row, self.graph, [self.open[key][1] for key in questions])
        for key, refusal in zip(questions, answers, strict=True):
            self._hear(key, refusal)

    def _hear(self, question: Question, refusal: Refusal | None) -> None:
        if refusal is not None:
            _, about = self.open[question]
            refusal = replace(refusal, vendor=self.vendor.name, rule=refusal.rule or about.row)
        self.known[question] = refusal
