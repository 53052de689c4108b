"""Annotate: the single ops and ONNX groups that one vendor's table takes (Relay's AnnotateTarget), and why not.

Quantised forms come first (they take the `dequantize` and `quantize` calls around an op), then unclaimed groups
as a whole, then single ops. After it every op that reports count is in a candidate or has a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from byoc.partition._ask import Answers
from byoc.partition._composite import closest, composites, describe
from byoc.partition._extent import Cycles, candidate, members, read_outside
from byoc.partition._forms import Form
from byoc.partition._search import Places
from byoc.partition._words import Words
from byoc.partition.facts import group_facts, op_facts
from byoc.partition.graph import Graph, Group
from byoc.partition.patterns.ast import Op, Row
from byoc.partition.plan import Candidate, Decision
from byoc.partition.trace import Trace
from byoc.partition.vendor import OpRule, Vendor
from byoc.support.facts import Facts
from byoc.support.refusal import Refusal

STAGE: Final = "annotate"

CALLS: Final = frozenset({"call_pure_packed", "call_tir", "call_dps_packed", "call_packed"})
"""Calls whose name says nothing: a group they belong to is named in their place."""


@dataclass(frozen=True, slots=True)
class Annotate:
    """Hold what match left over to the `ops` rows of `vendor`.

    Returns the given decision's candidates followed by the new ones. The quantised form of `add` is a composite
    `VENDOR.add.qdq`, a claimed group one called `VENDOR.onnx.LSTM`; the candidate of a single op has no name.
    """

    vendor: Vendor

    def __call__(self, graph: Graph, decision: Decision, trace: Trace | None = None) -> Decision:
        """Add to what match decided for one block."""
        answers = Answers(graph, self.vendor)
        places = Places.of(graph)
        words = Words(self.vendor)
        while True:
            choice = _Choice(self.vendor, graph, places, answers, words)
            for each in decision.candidates:
                choice.cycles.accept(each)
            choice.quantised()
            choice.groups()
            choice.ops()
            if answers.settle():
                return choice.decision(decision, trace)


@dataclass(slots=True)
class _Choice:
    """One pass over the block, with the answers known so far."""

    vendor: Vendor
    graph: Graph
    places: Places
    answers: Answers
    words: Words
    accepted: list[Candidate] = field(default_factory=list)
    refused: dict[int, list[Refusal]] = field(default_factory=dict)
    cycles: Cycles = field(init=False)

    def __post_init__(self) -> None:
        self.cycles = Cycles(self.graph)

    def quantised(self) -> None:
        """Take ops and groups with the `dequantize` and `quantize` calls around them."""
        forms: dict[str, Form] = {}
        for op, rows in self.vendor.ops.items():
            if any(row.qdq and row.use != "fused" for row in rows):
                made = Row(self.vendor.name, f"{self.vendor.name}.{op}", (Op((op,)),), qdq=True)
                forms[op] = Form(made, True, 0)
        if not forms:
            return
        graph = self.graph
        for node in graph.counted():
            if graph.ops[node] != "quantize" or node in self.cycles.owner:
                continue
            for op in self._names(graph.operands[node][0]):
                if op in forms and node not in self.cycles.owner:
                    self._quantised(forms[op], op, node)

    def _names(self, node: int) -> Iterator[str]:
        """What rows may call the op that computes `node`: its group's name, then its own."""
        if node in self.places.at:
            yield self.places.at[node][0].op
        yield self.graph.ops[node]

    def _quantised(self, form: Form, op: str, node: int) -> None:
        rows = [row for row in self.vendor.ops[op] if row.qdq]
        for match in composites(self.graph, self.places, form, node, self.cycles.owner):
            if any(each in self.cycles.owner for each in match.nodes):
                continue
            middle = self.graph.operands[node][0]
            leak = match.leak()
            if leak:
                refusal = Refusal("pattern", f"{form.name}: {leak}", rows[0].rule)
                self._refuse(middle, refusal)
                continue
            facts = match.part(match.matched[0])
            self._ask(rows, facts, match.nodes, form.name, (middle,))

    def groups(self) -> None:
        """Take ONNX groups that no composite has touched."""
        for group in self.graph.groups:
            rows = self.vendor.ops.get(group.op, ())
            if not rows:
                continue
            nodes = members(self.graph, group.nodes)
            told = [node for node in group.nodes if self.words.counts(self.graph, node)]
            if any(node in self.cycles.owner for node in nodes):
                continue
            refusal = self._unfit(group, nodes)
            if refusal is not None:
                for node in told:
                    self._refuse(node, refusal)
                continue
            name = f"{self.vendor.name}.{group.op}"
            self._ask(rows, group_facts(self.graph, group), nodes, name, told)

    def _unfit(self, group: Group, nodes: Sequence[int]) -> Refusal | None:
        """Why a group cannot be one operation here, whatever its rows say."""
        graph, inside = self.graph, set(nodes)
        for node in nodes:
            if node in graph.impure and not group.host:
                return Refusal(
                    "policy", f"{describe(graph, node)} has effects and stays on the host"
                )
            if node not in group.outputs and read_outside(graph, node, inside):
                words = f"{group.op}: {describe(graph, node)} inside it is read outside"
                return Refusal("pattern", words)
        if self.cycles.closes(candidate(graph, self.vendor.name, "", nodes)):
            return Refusal(
                "would-cycle", f"{group.op}: one of its results leads back to its inputs"
            )
        return None

    def ops(self) -> None:
        """Take single ops, and say of every op that is left why it is."""
        graph, owner = self.graph, self.cycles.owner
        homes = {node: group for group in graph.groups for node in group.nodes}
        for node in graph.counted():
            if node in owner:
                continue
            op = graph.ops[node]
            group = homes.get(node)
            if group is not None and (group.host or op in CALLS):
                self._left_of(group, node)
                continue
            rows = self.vendor.ops.get(op, ())
            if node in graph.impure:
                words = f"{describe(graph, node)} has effects and stays on the host"
                self._refuse(node, Refusal("policy", words))
            elif not rows:
                self._refuse(node, self.words.unsupported(op))
            else:
                self._ask(rows, op_facts(graph, node), members(graph, (node,)), "", (node,))

    def _left_of(self, group: Group, node: int) -> None:
        """Say why a group's opaque call is left, unless the group's own rows have said it."""
        if group.op not in self.vendor.ops:
            self._refuse(node, self.words.unsupported(group.op))
        elif any(each in self.cycles.owner for each in group.nodes):
            words = f"{group.op} is not taken as a whole, because a pattern took a part of it"
            self._refuse(node, Refusal("policy", words))

    def _ask(
        self,
        rows: Sequence[OpRule],
        facts: Facts,
        nodes: Sequence[int],
        name: str,
        told: Sequence[int],
    ) -> None:
        """Accept `nodes` if one of `rows` takes them and the vendor's check agrees, else refuse `told`."""
        row, refusal = self._row(rows, facts)
        if row is not None:
            given = candidate(
                self.graph, self.vendor.name, name, nodes, joined=row.use == "joined", row=row.rule
            )
            takes, refusal = self.answers.about(None, given)
            if takes:
                self.accepted.append(given)
                self.cycles.accept(given)
                return
        for node in told if refusal is not None else ():
            self._refuse(node, refusal)  # type: ignore[arg-type]

    def _row(self, rows: Sequence[OpRule], facts: Facts) -> tuple[OpRule | None, Refusal | None]:
        """The row that takes `facts`, one that may stand alone if there is; else the closest row's refusal."""
        joined: OpRule | None = None
        refusals: list[Refusal] = []
        for row in rows:
            if row.use == "fused":
                continue
            refusal = row.test(facts)
            if refusal is not None:
                refusals.append(replace(refusal, rule=refusal.rule or row.rule))
            elif row.use == "alone":
                return row, None
            elif joined is None:
                joined = row
        if joined is not None:
            return joined, None
        return None, closest(refusals) or self.words.only_fused(facts.op, rows[0].rule)

    def _refuse(self, node: int, refusal: Refusal) -> None:
        stated = self.refused.setdefault(node, [])
        if refusal.vendor != self.vendor.name:
            refusal = replace(refusal, vendor=self.vendor.name)
        if refusal not in stated:
            stated.append(refusal)

    def decision(self, before: Decision, trace: Trace | None) -> Decision:
        """What match decided, with this stage's candidates and refusals added."""
        if trace is not None:
            self._tell(trace)
        refusals = dict(before.refusals)
        for node, stated in self.refused.items():
            refusals[node] = tuple(dict.fromkeys((*refusals.get(node, ()), *stated)))
        ordered = {node: refusals[node] for node in sorted(refusals)}
        return Decision((*before.candidates, *self.accepted), ordered)

    def _tell(self, trace: Trace) -> None:
        name = self.vendor.name
        for each in self.accepted:
            what = each.name or self.graph.ops[each.outputs[-1]]
            where = f" (row {each.row})" if each.row else ""
            for node in each.nodes:
                joined = ", only together with others" if each.joined else ""
                trace.note(node, STAGE, name, f"a row takes {what}{where}{joined}")
        for node, stated in self.refused.items():
            for refusal in stated:
                trace.note(node, STAGE, name, f"refused: {refusal.message}")
