"""The report of `byoc profile`: where the time of a run goes, and what crosses the borders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from byoc.report.device import device_json, write_device_costs
from byoc.report.figures import clean, duration, plural, share, size
from byoc.report.page import bar, columns, line, paragraph

if TYPE_CHECKING:
    from byoc.runtime.profile import Kernel, Profile, Row

BAR = 10
HEADER = ("", "vendor", "a run", "share", "calls", "in", "out")
DETAILS_SHOWN = 6
KERNELS_SHOWN = 5


def write_profile(profile: Profile, source: str, warmup: int, out: Console) -> None:
    """Print `profile`, which was made on inputs from `source`, after `warmup` runs."""
    paragraph(
        out,
        Text.assemble((profile.artefact, "bold"), f": {clean(profile.model)}, inputs: {source}"),
    )
    paragraph(out, _times(profile, warmup))
    line(out, "")
    header, *lines = columns([HEADER, *map(_row, profile.rows)], left=2)
    line(out, header, "dim")
    whole = sum(row.total_ns for row in profile.rows)
    width = max(map(len, lines))
    for row, text in zip(profile.rows, lines, strict=True):
        style = "yellow" if row.library or row is profile.rows[0] else "green"
        shown = Text(f"{text:<{width}}  ")
        line(out, shown.append_text(bar(row.total_ns, whole, BAR, style, out)))
        for words, style in _details(row, len(profile.seconds)):
            paragraph(out, clean(words), style, indent=4)
    write_device_costs(profile.devices, out)
    paragraph(out, "What Python does around a run is in its time, and in none of these.", "dim")
    _kernels(profile.kernels, out)


def profile_json(profile: Profile, source: str, warmup: int) -> dict[str, Any]:
    """The JSON document of `profile`; times in nanoseconds unless their name says otherwise."""
    document = profile.to_json()
    document.pop("events")
    return {
        "ok": True,
        "format": 1,
        "inputs": source,
        "warmup": warmup,
        **document,
        **device_json(profile.devices),
    }


def _times(profile: Profile, warmup: int) -> str:
    seconds = profile.seconds
    warm = f" after {warmup} to warm up" if warmup else ""
    return (
        f"{plural(len(seconds), 'run')}{warm}: median {duration(median(seconds))}, fastest "
        f"{duration(min(seconds))}, slowest {duration(max(seconds))}"
    )


def _row(row: Row) -> tuple[str, ...]:
    is_host = row.name == row.vendor == "host"
    return (
        row.name,
        "TVM" if is_host else row.vendor,
        duration(row.median_ns / 1e9),
        share(round(row.share * 1_000_000), 1_000_000),
        "" if is_host else f"{row.calls:.4g}",
        "" if is_host else size(round(row.bytes_in)),
        "" if is_host else size(round(row.bytes_out)),
    )


def _details(row: Row, runs: int) -> Sequence[tuple[str, str]]:
    """What else there is to say of a segment, with the style to say it in."""
    found = []
    if row.copies:
        tensors = "1 tensor" if row.copies == 1 else f"{row.copies:.4g} tensors"
        words = f"{tensors} copied a run ({size(round(row.copied_bytes))})"
        found.append(
            (f"{words}: the driver takes no such address, strides or order of axes", "yellow")
        )
    if row.fallbacks:
        calls = plural(round(row.calls * runs), "call")
        found.append((f"{row.fallbacks:,} of {calls} failed and ran on the host", "bold red"))
    if isinstance(row.driver, Mapping) and row.driver:
        found.append((_driver(row.driver), "dim"))
    return found


def _driver(told: Mapping[str, Any]) -> str:
    plain = [f"{key}={value}" for key, value in told.items() if not isinstance(value, dict | list)]
    more = len(told) - len(plain[:DETAILS_SHOWN])
    rest = [f"{more} more with --format json"] if more else []
    return "driver: " + ", ".join([*plain[:DETAILS_SHOWN], *rest])


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
