"""Which regions may stay: not too small, not made of `use: joined` alone, not more than the vendor holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from byoc.partition._weight import Weight, weigh
from byoc.partition.graph import Graph
from byoc.partition.plan import Candidate
from byoc.partition.vendor import Limits
from byoc.support.refusal import Refusal

NO_LIMITS = Limits()


def unfit(
    graph: Graph,
    members: Sequence[Candidate],
    macs: Callable[[int], int | None],
    min_ops: int,
    min_macs: int,
) -> Refusal | None:
    """Why the region of `members` may not stay, or None. A cost that is unknown speaks for it."""
    vendor = members[0].vendor
    if all(each.joined for each in members):
        # Ops, not nodes: reports group refusals by their words.
        kinds = dict.fromkeys(each.name or graph.ops[each.nodes[-1]] for each in members)
        what = ", ".join(kinds)
        words = f"{vendor} takes {what} only in one segment with other ops, and here there are none"
        return Refusal("policy", words, members[0].row, vendor)
    if not min_ops and not min_macs:
        return None
    weight = weigh(graph, members, macs)
    if weight.ops < min_ops:
        words = f"a segment of {weight.ops} ops is smaller than the {min_ops} asked for"
        return Refusal("too-small", words, "", vendor)
    if weight.known and weight.macs < min_macs:
        words = f"a segment of {weight.macs} MACs is smaller than the {min_macs} asked for"
        return Refusal("too-small", words, "", vendor)
    return None


def beyond(
    regions: Sequence[tuple[str, Weight]], limits: Mapping[str, Limits]
) -> list[tuple[int, Refusal]]:
    """The places in `regions` (vendor, weight) of the smallest segments that their vendor cannot hold too."""
    by_vendor: dict[str, list[int]] = {}
    for place, (vendor, _) in enumerate(regions):
        by_vendor.setdefault(vendor, []).append(place)
    dropped: list[tuple[int, Refusal]] = []
    for vendor, own in by_vendor.items():
        most = limits.get(vendor, NO_LIMITS).max_segments
        if most is None or len(own) <= most:
            continue
        for place in sorted(own, key=lambda at: _rank(regions[at][1], at))[: len(own) - most]:
            # No figures of the segment itself: reports group refusals by their words.
            words = (
                f"{vendor} holds {most} segments and this would be one of {len(own)}, of which the "
                "largest stay"
            )
            dropped.append((place, Refusal("limit", words, "", vendor)))
    return dropped


def _rank(weight: Weight, place: int) -> tuple[int, int, int]:
    """Smallest first, the last of equals."""
    return weight.macs, weight.ops, -place
