"""The report of `byoc profile`: where the time of a run goes, and what crosses the borders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from byoc.manifest import Manifest
from byoc.report.figures import clean, duration, plural, share, size
from byoc.report.page import bar, columns, line, paragraph

if TYPE_CHECKING:
    from byoc.runtime.profile import Kernel, Profile
    from byoc.runtime.stats import SegmentStats

HOST = "host"
BAR = 10
HEADER = ("", "vendor", "a run", "share", "calls", "in", "out")
DETAILS_SHOWN = 6
KERNELS_SHOWN = 5


def write_profile(
    path: str, manifest: Manifest, source: str, profile: Profile, out: Console
) -> None:
    """Print `profile`, that of the artefact `path` on inputs from `source`."""
    stats = profile.stats
    paragraph(out, Text.assemble((path, "bold"), f": {clean(manifest.model)}, inputs: {source}"))
    paragraph(out, _times(profile))
    line(out, "")
    host = duration(profile.median_ns[HOST] / 1e9)
    rows = [
        HEADER,
        ("host", "TVM", host, share(stats.host_ns, stats.ns), "", "", ""),
        *(_row(each, profile) for each in stats.segments),
    ]
    header, *lines = columns(rows, left=2)
    line(out, header, "dim")
    library = {each.name for each in manifest.segments if each.host}
    width = max(map(len, lines))
    _line(lines[0], width, (stats.host_ns, stats.ns), "yellow", out)
    for each, text in zip(stats.segments, lines[1:], strict=True):
        style = "yellow" if each.name in library else "green"
        _line(text, width, (each.ns, stats.ns), style, out)
        for words, style in _details(each, profile):
            paragraph(out, clean(words), style, indent=4)
    if stats.copies:
        copied = size(stats.copied_bytes // profile.runs)
        words = (
            f"{_per_run(stats.copies, profile)} inputs copied a run ({copied}): they were strided"
        )
        paragraph(out, f"{words}, at an odd address or in foreign byte order", "yellow")
    paragraph(out, "What Python does around a run is in its time, and in none of these.", "dim")
    _kernels(profile.kernels, out)


def profile_json(path: str, manifest: Manifest, source: str, profile: Profile) -> dict[str, Any]:
    """The JSON document of `profile`: totals over all runs, times in nanoseconds."""
    stats = profile.stats
    library = {each.name for each in manifest.segments if each.host}
    return {
        "ok": True,
        "format": 1,
        "artefact": path,
        "model": manifest.model,
        "inputs": source,
        "runs": profile.runs,
        "warmup": profile.warmup,
        "seconds": [round(each, 9) for each in profile.seconds],
        "ns": stats.ns,
        "host": {
            "ns": stats.host_ns,
            "median_ns": profile.median_ns[HOST],
            "share": _share(stats.host_ns, stats.ns),
            "kernels": [
                {"name": each.name, "calls": each.calls, "ns": each.ns} for each in profile.kernels
            ],
        },
        "copies": stats.copies,
        "copied_bytes": stats.copied_bytes,
        "segments": [
            {
                "name": each.name,
                "vendor": each.vendor,
                "host": each.name in library,
                "ns": each.ns,
                "median_ns": profile.median_ns[each.name],
                "share": _share(each.ns, stats.ns),
                "calls": each.calls,
                "bytes_in": each.bytes_in,
                "bytes_out": each.bytes_out,
                "copies": each.copies,
                "copied_bytes": each.copied_bytes,
                "fallbacks": each.fallbacks,
                "last_error": each.last_error or None,
                "executors": each.executors,
                "driver": each.driver,
            }
            for each in stats.segments
        ],
    }


def chrome_trace(path: str, profile: Profile) -> dict[str, Any]:
    """The traced run as Chrome's trace format, which chrome://tracing and Perfetto read; in microseconds."""
    events: list[dict[str, Any]] = [
        _named_thread(0, path),
        *(_named_thread(index, name) for index, name in enumerate(_tracks(profile), 1)),
    ]
    tracks = {name: index for index, name in enumerate(_tracks(profile), 1)}
    events += [
        {
            "name": span.name,
            "cat": span.category,
            "ph": "X",
            "pid": 1,
            "tid": tracks[span.track],
            "ts": span.start_ns / 1000,
            "dur": span.ns / 1000,
            "args": dict(span.about),
        }
        for span in profile.spans
    ]
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _tracks(profile: Profile) -> list[str]:
    return list(dict.fromkeys(span.track for span in profile.spans))


def _named_thread(thread: int, name: str) -> dict[str, Any]:
    kind = "process_name" if thread == 0 else "thread_name"
    return {"name": kind, "ph": "M", "pid": 1, "tid": thread, "args": {"name": name}}


def _times(profile: Profile) -> str:
    seconds = profile.seconds
    warm = f" after {profile.warmup} to warm up" if profile.warmup else ""
    return (
        f"{plural(profile.runs, 'run')}{warm}: median {duration(median(seconds))}, fastest "
        f"{duration(min(seconds))}, slowest {duration(max(seconds))}"
    )


def _row(each: SegmentStats, profile: Profile) -> tuple[str, ...]:
    return (
        each.name,
        each.vendor,
        duration(profile.median_ns[each.name] / 1e9),
        share(each.ns, profile.stats.ns),
        _per_run(each.calls, profile),
        size(each.bytes_in // profile.runs),
        size(each.bytes_out // profile.runs),
    )


def _line(text: str, width: int, part_of_whole: tuple[int, int], style: str, out: Console) -> None:
    shown = Text(f"{text:<{width}}  ")
    line(out, shown.append_text(bar(*part_of_whole, BAR, style, out)))


def _details(each: SegmentStats, profile: Profile) -> Sequence[tuple[str, str]]:
    """What else there is to say of a segment, with the style to say it in."""
    found = []
    if each.copies:
        copied = size(each.copied_bytes // profile.runs)
        words = f"{_per_run(each.copies, profile)} tensors copied a run ({copied})"
        found.append(
            (f"{words}: the driver takes no such address, strides or order of axes", "yellow")
        )
    if each.fallbacks:
        words = f"{each.fallbacks:,} of {plural(each.calls, 'call')} failed and ran on the host"
        found.append((f"{words}; the last: {each.last_error}", "bold red"))
    if each.driver:
        found.append((_driver(each.driver), "dim"))
    return found


def _driver(told: Mapping[str, Any]) -> str:
    shown = [f"{key}={value}" for key, value in told.items() if not isinstance(value, dict | list)]
    more = len(told) - len(shown[:DETAILS_SHOWN])
    rest = [f"{more} more with --format json"] if more else []
    return "driver: " + ", ".join([*shown[:DETAILS_SHOWN], *rest])


def _kernels(kernels: Sequence[Kernel], out: Console) -> None:
    if not kernels:
        return
    line(out, "")
    line(out, "Slowest functions of the host code, in one traced run", "bold")
    rows = [("function", "calls", "time")]
    rows += [
        (clean(each.name), f"{each.calls:,}", duration(each.ns / 1e9))
        for each in kernels[:KERNELS_SHOWN]
    ]
    header, *lines = columns(rows, left=1)
    line(out, header, "dim")
    for text in lines:
        line(out, text)
    if len(kernels) > KERNELS_SHOWN:
        line(out, f"  {len(kernels) - KERNELS_SHOWN} more: --format json has them all", "dim")


def _per_run(count: int, profile: Profile) -> str:
    return f"{count / profile.runs:.4g}"


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
