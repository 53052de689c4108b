"""Match: find the composites that one vendor's pattern rows make of a block (Relay's MergeComposite).

Rows are tried by priority, then size, then table order; each over the whole block, from the last binding to the
first, so that the longest chain from an output wins. A node of an accepted composite is not matched again, other
than as an input. A match is refused

- when a value inside it is read outside and is not one of the row's outputs,
- when it would close a cycle (only composites of several outputs can),
- when no row of the vendor's table takes one of its ops inside a pattern,
- when the row's own rules, the row's check or the vendor's check refuse it,

and then gives way to the next alternative and the next order of a commutative op (unless the row is matched
`once`), and to the next row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from byoc.errors import PatternError
from byoc.partition._alike import Outcomes
from byoc.partition._ask import Answers
from byoc.partition._composite import Composite, composites, describe
from byoc.partition._extent import Cycles
from byoc.partition._forms import ANY, Form, Signature, by_root, forms
from byoc.partition._search import Places
from byoc.partition.graph import Graph, Kind
from byoc.partition.plan import Candidate, Decision
from byoc.partition.trace import Trace
from byoc.partition.vendor import Vendor
from byoc.support.refusal import Refusal

STAGE = "match"


@dataclass(frozen=True)
class Match:
    """Match the pattern rows of `vendor`.

    The result's candidates do not overlap and stand in the order in which they were found. A form whose structure
    matched but was refused leaves its refusals on the match's last node; what did not match leaves none.
    Raises PatternError for a row without an op at its root, and for a row with a check when the vendor has
    nobody to ask (`Vendor.check_row`).
    """

    vendor: Vendor
    table: tuple[Form, ...] = field(init=False, repr=False, compare=False)
    index: Mapping[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for row in self.vendor.rows:
            if row.check is not None and self.vendor.check_row is None:
                raise PatternError(
                    f"pattern {row.name!r} of vendor {self.vendor.name!r} has a check, but the vendor "
                    f"was made without `check_row`; expected what asks the checks of rows"
                )
        table = forms(self.vendor.rows)
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "index", by_root(table))

    def __call__(self, graph: Graph, trace: Trace | None = None) -> Decision:
        """Choose the composites of one block."""
        places = Places.of(graph)
        starts = self._starts(graph, places)
        answers, outcomes = Answers(graph, self.vendor), Outcomes(graph)
        while True:
            choice = _Choice(self.vendor, graph, places, answers, outcomes)
            for form, roots in zip(self.table, starts, strict=True):
                choice.take(form, roots)
            if answers.settle():
                return choice.decision(trace)

    def _starts(self, graph: Graph, places: Places) -> Sequence[Sequence[int]]:
        """For each form, the nodes where it could start, last first, by ops alone."""
        found: list[list[int]] = [[] for _ in self.table]
        fitting: dict[Signature, tuple[int, ...]] = {}
        ops, operands, kinds, at = graph.ops, graph.operands, graph.kinds, places.at
        starting, item = self.index, Kind.ITEM
        for node in range(len(graph) - 1, -1, -1):
            if node in at:
                self._group_starts(node, places, found)
            op = ops[node]
            if kinds[node] is item:
                signature: Signature = (ANY, (ops[operands[node][0]],))
            elif op in starting:
                inputs = [ops[each] for each in operands[node]]
                if at:
                    held = zip(operands[node], inputs, strict=True)
                    inputs = [ANY if each in at else name for each, name in held]
                signature = (op, tuple(inputs))
            else:
                continue
            fits = fitting.get(signature)
            if fits is None:
                fits = fitting[signature] = self._fitting(signature)
            for place in fits:
                found[place].append(node)
        return found

    def _fitting(self, signature: Signature) -> tuple[int, ...]:
        op, operands = signature
        root = operands[0] if op == ANY else op
        return tuple(
            place for place in self.index.get(root, ()) if self.table[place].plausible(signature)
        )

    def _group_starts(self, node: int, places: Places, found: list[list[int]]) -> None:
        """Note the forms that could start at a group, at the first of its outputs that is read."""
        group, position = places.at[node]
        if not any(each >= 0 for each in group.outputs[:position]):
            for place in self.index.get(group.op, ()):
                found[place].append(node)


@dataclass(slots=True)
class _Choice:
    """One greedy choice over all forms, with the answers known so far."""

    vendor: Vendor
    graph: Graph
    places: Places
    answers: Answers
    outcomes: Outcomes
    accepted: list[Candidate] = field(default_factory=list)
    refused: dict[int, dict[Refusal, Composite]] = field(default_factory=dict)
    missed: list[tuple[int, Form]] = field(default_factory=list)
    cycles: Cycles = field(init=False)

    def __post_init__(self) -> None:
        self.cycles = Cycles(self.graph)

    def take(self, form: Form, starts: Iterable[int]) -> None:
        """Accept every match of `form` that nothing speaks against."""
        owner = self.cycles.owner
        for node in starts:
            if node not in owner:
                self._take_at(form, node)

    def _take_at(self, form: Form, node: int) -> None:
        found = False
        taken = self.cycles.owner
        for match in composites(self.graph, self.places, form, node, taken):
            if not taken.keys().isdisjoint(match.nodes):
                continue
            found, candidate = True, match.candidate
            takes, refusal = self._judge(match, candidate)
            if takes:
                self.accepted.append(candidate)
                self.cycles.accept(candidate)
                return
            if refusal is not None:
                self.refused.setdefault(match.root, {})[refusal] = match
            if form.row.once:
                return
        if not found:
            self.missed.append((node, form))

    def _judge(self, match: Composite, candidate: Candidate) -> tuple[bool, Refusal | None]:
        refusal = self._structure(match, candidate) or match.judge(self.vendor, self.outcomes)
        if refusal is None:
            return self.answers.about(match.form.row, candidate)
        row = match.form.row
        return False, replace(refusal, vendor=self.vendor.name, rule=refusal.rule or row.rule)

    def _structure(self, match: Composite, candidate: Candidate) -> Refusal | None:
        leak = match.leak()
        if leak:
            return Refusal("pattern", f"{match.form.name}: {leak}")
        if self.cycles.closes(candidate):
            words = "one of its results comes back to it through ops outside"
            return Refusal("would-cycle", f"{match.form.name}: {words}")
        return None

    def decision(self, trace: Trace | None) -> Decision:
        """What was chosen, in words too when somebody listens."""
        if trace is not None:
            self._tell(trace)
        refusals = {node: tuple(self.refused[node]) for node in sorted(self.refused)}
        return Decision(tuple(self.accepted), refusals)

    def _tell(self, trace: Trace) -> None:
        name = self.vendor.name
        for node, form in self.missed:
            trace.note(node, STAGE, name, f"{form.name} starts like this, but does not match here")
        for node, refusals in self.refused.items():
            for refusal, match in refusals.items():
                trace.note(node, STAGE, name, f"refused: {refusal.message}")
                self._tell_inside(trace, match, refusal)
        for each in self.accepted:
            ops = [describe(self.graph, node) for node in each.nodes if self._counts(node)]
            for node in each.nodes:
                trace.note(node, STAGE, name, f"part of {each.name}: {', '.join(ops)}")

    def _tell_inside(self, trace: Trace, match: Composite, refusal: Refusal) -> None:
        """Tell the other ops of a refused match: only its last one keeps the refusal."""
        words = (
            f"{match.form.name} would have taken it, ending with {describe(self.graph, match.root)}"
        )
        for node in match.nodes:
            if node != match.root and self._counts(node):
                trace.note(node, STAGE, self.vendor.name, f"{words}; refused: {refusal.message}")

    def _counts(self, node: int) -> bool:
        return self.graph.kinds[node] is Kind.CALL
