"""Summary: what the text and the JSON report both count, so that they cannot disagree."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from byoc.partition.plan import OpPlan, Plan, Refusal
from byoc.support.refusal import CODES

_PARENTHESIS = re.compile(r"\(([^()]*)\)")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many ops, their known multiply-accumulates, and how many ops have unknown ones."""

    ops: int
    macs: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one vendor takes of a model."""

    vendor: str
    segments: int
    taken: Tally


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason that keeps `ops` on the host: the same vendor, code and words. `rules` are where they stand.

    `message` has `(...)` for the names of nodes where the words of several ops differ in them. An op that several
    rules refuse is counted under each of them.
    """

    vendor: str
    code: str
    message: str
    rules: tuple[str, ...]
    ops: tuple[OpPlan, ...]

    @property
    def macs(self) -> int:
        """The known multiply-accumulates that this reason keeps on the host."""
        return tally(self.ops).macs

    @property
    def nodes(self) -> tuple[str, ...]:
        """The source nodes it concerns, each once, in the model's order."""
        return tuple(dict.fromkeys(op_node(op) for op in self.ops))


def tally(ops: Iterable[OpPlan]) -> Tally:
    """Count `ops` and add up their multiply-accumulates."""
    given = list(ops)
    return Tally(
        ops=len(given),
        macs=sum(op.macs or 0 for op in given),
        unknown=sum(op.macs is None for op in given),
    )


def op_node(op: OpPlan) -> str:
    """The name a user knows `op` by: the source node it came from (the first of several), else its binding."""
    return op.nodes[0] if op.nodes else op.binding


def host_ops(plan: Plan) -> tuple[OpPlan, ...]:
    """The ops that no vendor took, in the model's order."""
    return tuple(op for op in plan.ops if not op.segment)


def coverage(plan: Plan) -> tuple[Coverage, ...]:
    """What each vendor takes, in the order they were asked."""
    vendor_of = {segment.name: segment.vendor for segment in plan.segments}
    return tuple(
        Coverage(
            vendor=vendor,
            segments=sum(each.vendor == vendor for each in plan.segments),
            taken=tally(op for op in plan.ops if vendor_of.get(op.segment) == vendor),
        )
        for vendor in plan.vendors
    )


def reasons(plan: Plan) -> tuple[Reason, ...]:
    """Why ops stayed on the host, grouped by vendor, code and words; largest first by MACs, then by ops.

    Words that differ only in the node they name are one reason. A pattern that repeats what a rule said of the
    single op (`npu.conv2d: nn.conv2d (conv1): WORDS` beside `WORDS`) adds none.
    """
    names = {name for op in plan.ops for name in (op.binding, *op.nodes)}
    general: dict[str, str] = {}
    grouped: dict[tuple[str, str, str], list[tuple[Refusal, OpPlan]]] = {}
    for op in host_ops(plan):
        for refusal in _distinct(op.refusals):
            if refusal.message not in general:
                general[refusal.message] = _general(refusal.message, names)
            key = (refusal.vendor, refusal.code, general[refusal.message])
            grouped.setdefault(key, []).append((refusal, op))
    found = [_reason(words, given) for (_, _, words), given in grouped.items()]
    return tuple(sorted(found, key=_largest_first))


def refusal_counts(plan: Plan) -> tuple[tuple[str, str, Tally], ...]:
    """(vendor, code, what it keeps on the host) for each code met, in the order of vendors and of `CODES`."""
    kept: dict[tuple[str, str], list[OpPlan]] = {}
    for op in host_ops(plan):
        for key in dict.fromkeys((each.vendor, each.code) for each in op.refusals):
            kept.setdefault(key, []).append(op)
    return tuple(
        (vendor, code, tally(kept[vendor, code]))
        for vendor in plan.vendors
        for code in CODES
        if (vendor, code) in kept
    )


def _distinct(refusals: Sequence[Refusal]) -> Sequence[Refusal]:
    if len(refusals) == 1:
        return refusals
    return [
        each for each in dict.fromkeys(refusals) if not any(_repeats(each, o) for o in refusals)
    ]


def _repeats(refusal: Refusal, other: Refusal) -> bool:
    """Whether `refusal` says no more than `other`, with a pattern's name before it."""
    return (
        refusal.message.endswith(f": {other.message}")
        and refusal.rule == other.rule
        and refusal.code == other.code
        and refusal.vendor == other.vendor
    )


def _general(words: str, names: Collection[str]) -> str:
    """`words` without the nodes they name in parentheses."""
    return _PARENTHESIS.sub(lambda found: "(...)" if found[1] in names else found[0], words)


def _reason(words: str, given: Sequence[tuple[Refusal, OpPlan]]) -> Reason:
    first = given[0][0]
    alike = all(refusal.message == first.message for refusal, _ in given)
    return Reason(
        vendor=first.vendor,
        code=first.code,
        message=first.message if alike else words,
        rules=tuple(dict.fromkeys(refusal.rule for refusal, _ in given if refusal.rule)),
        ops=tuple({(op.function, op.binding): op for _, op in given}.values()),
    )


def _largest_first(reason: Reason) -> tuple[int, int, str, str, str]:
    return (-reason.macs, -len(reason.ops), reason.vendor, reason.code, reason.message)
