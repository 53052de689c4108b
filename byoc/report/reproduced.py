"""The report of `byoc repro`: whether a segment compiles, runs, and computes what the host does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from byoc.report.figures import clean, duration, number
from byoc.report.page import columns, fields, line, paragraph
from byoc.report.running import error_json, error_row

if TYPE_CHECKING:
    from byoc.codegen.repro import Repro
    from byoc.runtime.compare import OutputError

LOG_LINES = 8


def write_repro(found: Repro, min_snr: float, out: Console) -> None:
    """Print what became of a bundle; outputs below `min_snr` decibels are not equal."""
    about = found.about
    paragraph(out, Text.assemble((found.segment, "bold"), " of vendor ", (found.vendor, "bold")))
    options = ", ".join(f"{key}={value}" for key, value in sorted(about["options"].items()))
    kept = [
        ("kept by", f"byoc {about['byoc']}, {about['plugin'] or found.vendor}"),
        ("toolchain", about["toolchain"] or "of no version"),
        ("options", options or "none"),
        ("then", f"failed: {clean(about['failure'])}" if about["failure"] else "compiled"),
    ]
    fields(out, kept)
    line(out, "")
    _state(found, out)
    if found.outputs:
        _outputs(found, min_snr, out)
    if found.state == "compiled-not":
        _log(found.log, out)


def repro_json(found: Repro, min_snr: float) -> dict[str, Any]:
    """The JSON document of what became of a bundle."""
    return {
        "ok": found.ok(min_snr),
        "format": 1,
        "segment": found.segment,
        "vendor": found.vendor,
        "state": found.state,
        "words": found.words or None,
        "seconds": round(found.seconds, 6),
        "min_snr": min_snr,
        "outputs": [{"name": each.name, **error_json(each)} for each in found.outputs],
        "log": found.log,
        "bundle": dict(found.about),
    }


def _state(found: Repro, out: Console) -> None:
    took = duration(found.seconds)
    if found.state == "compiled-not":
        paragraph(out, f"Does not compile ({took}): {clean(found.words)}", "bold red")
        return
    paragraph(out, f"Compiles, in {took}", "green")
    if found.state == "failed":
        paragraph(out, f"Does not run: {clean(found.words)}", "bold red")
    elif found.words:
        paragraph(out, clean(found.words), "yellow")


def _outputs(found: Repro, min_snr: float, out: Console) -> None:
    rows = [("output", "max abs", "max rel", "SNR", "differing")]
    header, *lines = columns([*rows, *(error_row(e.name, e) for e in found.outputs)], left=1)
    line(out, "")
    line(out, "Against the host", "bold")
    line(out, header, "dim")
    for row, error in zip(lines, found.outputs, strict=True):
        line(out, row, "" if _is_equal(error, min_snr) else "bold red")
    if found.ok(min_snr):
        paragraph(out, f"Equal, to at least {number(min_snr)} dB", "green")
    else:
        paragraph(out, f"Not equal: an output has less than {number(min_snr)} dB", "bold red")


def _is_equal(error: OutputError, min_snr: float) -> bool:
    return not error.words and error.snr_db >= min_snr


def _log(log: str, out: Console) -> None:
    lines = [clean(each) for each in log.splitlines() if each.strip()]
    if not lines:
        return
    line(out, "")
    line(out, "The last that it printed", "bold")
    for each in lines[-LOG_LINES:]:
        line(out, f"  {each}", "dim")
