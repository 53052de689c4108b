"""Withdraw: what a vendor was given and cannot keep is offered to the vendors after it.

Place gives an op to the first vendor that takes it. When that vendor's segment is then sent back (too small, beyond
a limit, refused as a whole, made of ops that go only with others), a later vendor may still want the op.
"""

from __future__ import annotations

from collections.abc import Sequence

from byoc.partition.graph import Graph
from byoc.partition.plan import BlockPlan, Candidate, Decision
from byoc.partition.trace import Trace
from byoc.support.refusal import Refusal

Offers = Sequence[tuple[str, Decision]]
"""What each vendor would take of one block, in the order of preference."""


def withdraw(
    graph: Graph, offers: Offers, block: BlockPlan, trace: Trace | None = None
) -> list[tuple[str, Decision]] | None:
    """The offers without the candidates that `block` did not keep and a later vendor wants; None if there are none.

    Each of them leaves the refusals that it met with its vendor's decision, so that none is lost when the block is
    placed and merged again.
    """
    kept = {
        node
        for region in block.regions
        for index in region.candidates
        for node in block.candidates[index].nodes
    }
    wanted = _wanted_after(offers)
    gone: list[Candidate] = []
    # A node that an earlier vendor's candidate holds, kept or not, is not yet this vendor's to give up.
    held = set(kept)
    for (_, decision), behind in zip(offers, wanted, strict=True):
        own = [each for each in decision.candidates if held.isdisjoint(each.nodes)]
        gone += [each for each in own if not behind.isdisjoint(each.nodes)]
        held |= {node for each in decision.candidates for node in each.nodes}
    if not gone:
        return None
    for each in gone:
        for node in each.nodes:
            if trace is not None:
                trace.note(node, "place", each.vendor, "offered to the next vendor")
    return [(vendor, _without(decision, vendor, gone, block)) for vendor, decision in offers]


def _wanted_after(offers: Offers) -> list[set[int]]:
    """For each vendor, the nodes that the vendors after it would take."""
    wanted: list[set[int]] = []
    behind: set[int] = set()
    for _, decision in reversed(offers):
        wanted.append(set(behind))
        behind |= {node for each in decision.candidates for node in each.nodes}
    return wanted[::-1]


def _without(
    decision: Decision, vendor: str, gone: Sequence[Candidate], block: BlockPlan
) -> Decision:
    own = {each for each in gone if each.vendor == vendor}
    if not own:
        return decision
    refusals: dict[int, tuple[Refusal, ...]] = dict(decision.refusals)
    for node in sorted(node for each in own for node in each.nodes):
        stated = [each for each in block.refusals.get(node, ()) if each.vendor == vendor]
        refusals[node] = tuple(dict.fromkeys([*refusals.get(node, ()), *stated]))
    return Decision(tuple(each for each in decision.candidates if each not in own), refusals)
