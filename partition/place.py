"""Place: choose candidates that do not overlap, by the order in which the vendors were given.

Relay's AnnotateTarget with several targets does the same: the first vendor that takes an op has it. A
candidate of a later vendor that shares a node with an earlier vendor's is dropped as a whole, because half a
composite means nothing, and each of its nodes is refused in that vendor's name. Composites that would need
each other's results (each convex, together a cycle) give way too, the later one first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from byoc.partition._units import ContractionCycleError, contract
from byoc.partition.graph import Graph
from byoc.partition.plan import Candidate, Decision
from byoc.partition.trace import Trace
from byoc.support.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Place:
    """Choose by vendor order.

    The result's candidates overlap nowhere and their contraction has no cycle; its refusals are those of all
    vendors, node by node, in vendor order.
    """

    def __call__(
        self, graph: Graph, decisions: Sequence[tuple[str, Decision]], trace: Trace | None = None
    ) -> Decision:
        """Choose among `decisions`, one `(vendor name, what annotate decided)` a vendor, first wins."""
        refusals: dict[int, list[Refusal]] = {}
        chosen: list[Candidate] = []
        taken: dict[int, Candidate] = {}
        for vendor, decision in decisions:
            for node, stated in decision.refusals.items():
                refusals.setdefault(node, []).extend(stated)
            for candidate in decision.candidates:
                clash = next((node for node in candidate.nodes if node in taken), None)
                if clash is None:
                    chosen.append(candidate)
                else:
                    words = _overlap(graph, candidate, clash, taken[clash])
                    _refuse(
                        refusals, candidate, Refusal("policy", words, candidate.row, vendor), trace
                    )
            taken = {node: each for each in chosen for node in each.nodes}
        standing = _without_cycles(graph, chosen, refusals, trace)
        ordered = {node: tuple(refusals[node]) for node in sorted(refusals)}
        return Decision(tuple(standing), ordered)


def describe(graph: Graph, candidate: Candidate) -> str:
    """A candidate in words: its composite's name or op, and where it is."""
    last = candidate.outputs[-1] if candidate.outputs else candidate.nodes[-1]
    return f"{candidate.name or graph.ops[last]} ({graph.names[last] or 'unnamed'})"


def _overlap(graph: Graph, candidate: Candidate, clash: int, holder: Candidate) -> str:
    where = f"{graph.ops[clash]} ({graph.names[clash] or 'unnamed'})"
    what = describe(graph, candidate)
    if len(candidate.nodes) == 1:
        return f"{what} is taken by {holder.vendor}, which comes first in the order of vendors"
    return (
        f"{what} needs {where}, which {holder.vendor} takes: it comes first in the order of vendors"
    )


def _without_cycles(
    graph: Graph,
    chosen: list[Candidate],
    refusals: dict[int, list[Refusal]],
    trace: Trace | None,
) -> list[Candidate]:
    while any(len(candidate.nodes) > 1 for candidate in chosen):
        try:
            contract(graph, chosen)
        except ContractionCycleError as cycle:
            for index in cycle.candidates:
                words = (
                    f"{describe(graph, chosen[index])} and another composite would each need the other's "
                    "result"
                )
                refusal = Refusal("would-cycle", words, chosen[index].row, chosen[index].vendor)
                _refuse(refusals, chosen[index], refusal, trace)
            gone = set(cycle.candidates)
            chosen = [each for index, each in enumerate(chosen) if index not in gone]
        else:
            break
    return chosen


def _refuse(
    refusals: dict[int, list[Refusal]], candidate: Candidate, refusal: Refusal, trace: Trace | None
) -> None:
    for node in candidate.nodes:
        refusals.setdefault(node, []).append(refusal)
        if trace is not None:
            trace.note(node, "place", refusal.vendor, refusal.message)
