"""Built: what the reports of an artefact say of its segments, taken from manifest, plan and compile events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from byoc.manifest import Manifest, SegmentEntry
from byoc.options import SegmentEvent
from byoc.partition.plan import Plan, SegmentPlan
from byoc.report.summary import host_ops


@dataclass(frozen=True, slots=True)
class Built:
    """A vendor's segment: its entry, its plan (None when the plan has none of its name), its blob's bytes.

    `seconds` is what its vendor's compiler took, None when it was not asked (`cached`).
    """

    entry: SegmentEntry
    plan: SegmentPlan | None
    bytes: int
    cached: bool
    seconds: float | None


def built_segments(
    manifest: Manifest, plan: Plan, events: Sequence[SegmentEvent] = ()
) -> tuple[Built, ...]:
    """The vendors' segments of `manifest`, in its order."""
    plans = {each.name: each for each in plan.segments}
    last = {each.segment: each for each in events if not each.part and each.state != "started"}
    return tuple(
        _built(manifest, entry, plans, last.get(entry.name))
        for entry in manifest.segments
        if not entry.host
    )


def blob_bytes(manifest: Manifest, entry: SegmentEntry) -> int:
    """The bytes of a segment's parts; parts that it shares with others count in full."""
    return sum(manifest.parts[index].bytes for index in entry.parts.values())


def host_library(manifest: Manifest) -> tuple[SegmentEntry, ...]:
    """The segments that the host library runs."""
    return tuple(entry for entry in manifest.segments if entry.host)


def library_shares(manifest: Manifest, plan: Plan) -> dict[str, int]:
    """How many of the plan's host ops each segment of the host library runs.

    None of them for a segment of the host version (`--fallback`) of a vendor's segment.
    """
    ops = [set(op.nodes or (op.binding,)) for op in host_ops(plan)]
    return {
        entry.name: sum(not nodes.isdisjoint(entry.nodes) for nodes in ops)
        for entry in host_library(manifest)
    }


def target_text(target: str) -> str:
    """TVM's target in words: `llvm, x86_64-linux-gnu, mcpu znver4` for the JSON that TVM makes of it."""
    try:
        about = json.loads(target)
        words = [str(about["kind"]), about.get("mtriple", "")]
    except (ValueError, TypeError, KeyError, AttributeError):
        return target
    words += [f"{key} {_listed(about[key])}" for key in ("mcpu", "mattr") if about.get(key)]
    return ", ".join(word for word in words if word)


def _listed(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _built(
    manifest: Manifest,
    entry: SegmentEntry,
    plans: Mapping[str, SegmentPlan],
    event: SegmentEvent | None,
) -> Built:
    # Without an event the whole artefact came from the cache.
    cached = event is None or event.state == "cached"
    return Built(
        entry=entry,
        plan=plans.get(entry.name),
        bytes=blob_bytes(manifest, entry),
        cached=cached,
        seconds=None if event is None or cached else event.seconds,
    )
