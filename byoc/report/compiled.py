"""The report of `byoc compile`: coverage, what each vendor made of its segments, the host code, the file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from byoc.options import SegmentEvent
from byoc.report.built import (
    Built,
    blob_bytes,
    built_segments,
    host_library,
    library_shares,
    target_text,
)
from byoc.report.figures import duration, macs, plural, share, size
from byoc.report.json import plan_json, seconds_json
from byoc.report.page import columns, line, paragraph
from byoc.report.summary import host_ops, reasons, tally
from byoc.report.text import SEGMENTS_SHOWN, contents, coverage_bars, headline, host_reasons, notes

if TYPE_CHECKING:
    from pathlib import Path

    from byoc.compile import Compiled

HEADER = ("segment", "vendor", "ops", "MACs", "share", "blob", "compiled")


def write_compiled(
    compiled: Compiled,
    events: Sequence[SegmentEvent],
    out: Console,
    kept: Path | None = None,
    params: Path | None = None,
) -> None:
    """Print the report of `compiled`; `events` are those that its observer was told, `kept` has the bundles.

    `params` is the file of a Relay model's parameters.
    """
    plan = compiled.plan
    headline(plan, out)
    coverage_bars(plan, out)
    _segments(compiled, built_segments(compiled.manifest, plan, events), out)
    _host(compiled, out)
    host_reasons(plan, reasons(plan), out)
    notes(compiled.notes, out)
    _closing(compiled, kept, params, out)


def compiled_json(compiled: Compiled, events: Sequence[SegmentEvent]) -> dict[str, Any]:
    """The JSON document of `compiled`: that of its partition, with the blobs, the host code and the file."""
    plan, manifest = compiled.plan, compiled.manifest
    document, shares = plan_json(plan), library_shares(manifest, plan)
    built = {each.entry.name: each for each in built_segments(manifest, plan, events)}
    return {
        "ok": True,
        "format": 1,
        "artefact": {"path": str(compiled.path), "bytes": compiled.path.stat().st_size},
        **document,
        "segments": [
            {**each, **_built_json(built[each["name"]])} if each["name"] in built else each
            for each in document["segments"]
        ],
        "host_code": {
            "library": manifest.host,
            "target": manifest.target,
            "segments": [
                {
                    "name": each.name,
                    "ops": shares[each.name],
                    "nodes": list(each.nodes),
                    "blob_bytes": blob_bytes(manifest, each),
                }
                for each in host_library(manifest)
            ],
        },
        "cache": {"whole": compiled.whole, "hits": compiled.hits, "calls": compiled.calls},
        "notes": list(compiled.notes),
        "seconds": seconds_json(compiled.seconds),
    }


def _built_json(built: Built) -> dict[str, Any]:
    entry = built.entry
    return {
        "blob_bytes": built.bytes,
        "cached": built.cached,
        "compile_seconds": None if built.seconds is None else round(built.seconds, 6),
        "toolchain": entry.toolchain,
        "fallback": entry.fallback,
        "fingerprint": entry.fingerprint,
    }


def _segments(compiled: Compiled, built: Sequence[Built], out: Console) -> None:
    if not built:
        return
    plan = compiled.plan
    total = tally(plan.ops).macs
    largest = sorted(built, key=lambda each: (-_macs(each), -each.bytes))[:SEGMENTS_SHOWN]
    shown = [each for each in built if each in largest]
    line(out, "")
    title = f"Segments: the {len(shown)} largest of {len(built)}"
    line(out, title if len(shown) < len(built) else "Segments", "bold")
    rows = [HEADER, *(_row(each, total) for each in shown)]
    several = len(plan.vendors) > 1
    header, *lines = columns(
        rows if several else [(row[0], *row[2:]) for row in rows], left=2 if several else 1
    )
    line(out, header, "dim")
    for each, row in zip(shown, lines, strict=True):
        line(out, row)
        if each.plan is not None:
            paragraph(out, contents(plan, each.plan), "dim", indent=4)
    if len(shown) < len(built):
        line(out, f"  {len(built) - len(shown)} more: --format json has them all", "dim")


def _row(built: Built, total: int) -> tuple[str, ...]:
    plan = built.plan
    unknown = plan is None or plan.macs is None
    return (
        built.entry.name,
        built.entry.vendor,
        "?" if plan is None else f"{plan.ops:,}",
        "?" if unknown else macs(_macs(built)),
        "?" if unknown else share(_macs(built), total),
        size(built.bytes),
        "cached" if built.seconds is None else duration(built.seconds),
    )


def _macs(built: Built) -> int:
    return 0 if built.plan is None else built.plan.macs or 0


def _host(compiled: Compiled, out: Console) -> None:
    """Who runs what no vendor took, and the host versions of what they took."""
    manifest = compiled.manifest
    shares = library_shares(manifest, compiled.plan)
    ops, taken = len(host_ops(compiled.plan)), sum(shares.values())
    words = []
    if taken:
        segments = plural(sum(each > 0 for each in shares.values()), "segment")
        words.append(f"{manifest.host} runs {plural(taken, 'op')} in {segments}")
    if ops > taken:
        words.append(f"TVM runs {plural(ops - taken, 'op')}")
    versions = sum(entry.fallback for entry in manifest.segments)
    if versions:
        words.append(f"host versions of {plural(versions, 'segment')} are compiled in")
    if not words:
        return
    line(out, "")
    words.append(f"for {target_text(manifest.target)}")
    paragraph(out, Text.assemble(("Host code: ", "bold"), ", ".join(words)))


def _closing(compiled: Compiled, kept: Path | None, params: Path | None, out: Console) -> None:
    seconds = compiled.seconds
    slowest = sorted(seconds, key=lambda stage: -seconds[stage])[:3]
    parts = ", ".join(f"{stage} {seconds[stage]:.2f} s" for stage in slowest if seconds[stage])
    line(out, "")
    paragraph(out, f"{sum(seconds.values()):.2f} s in all ({parts}); {_cache(compiled)}", "dim")
    # A path is copied: it is not wrapped.
    if kept is not None:
        line(out, Text(f"Repro bundles in {kept}: byoc repro runs one", "green"))
    line(out, Text(f"Written to {compiled.path}, {size(compiled.path.stat().st_size)}", "green"))
    files = " --compare ".join(
        shlex.quote(str(each)) for each in (compiled.path, compiled.plan.model)
    )
    more = "" if params is None else f" --params {shlex.quote(str(params))}"
    line(out, f"Next: byoc run {files}{more}")


def _cache(compiled: Compiled) -> str:
    if compiled.whole:
        return "the whole artefact came from the cache"
    called = f"vendors were called {plural(compiled.calls, 'time')}"
    if not compiled.hits:
        return called
    return f"{called}, {plural(compiled.hits, 'segment')} came from the cache"
