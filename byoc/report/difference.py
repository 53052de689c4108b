"""The report of `byoc diff-outputs`: each segment against the model, and the first that leaves the tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from byoc.report.figures import clean, number
from byoc.report.page import columns, line, paragraph
from byoc.report.running import error_json, error_row

if TYPE_CHECKING:
    from byoc.runtime.compare import OutputError
    from byoc.runtime.diff import Difference, SegmentDifference

HEADER = ("segment", "vendor", "output", "max abs", "max rel", "SNR", "differing")
NODES_SHOWN = 6


def write_difference(
    artefact: str, model: str, source: str, found: Difference, out: Console
) -> None:
    """Print `found`, what `byoc diff-outputs` saw of `artefact` beside `model` on inputs from `source`."""
    paragraph(
        out,
        Text.assemble(
            (artefact, "bold"),
            " against ",
            (clean(found.reference or model), "bold"),
            f"; inputs {source}",
        ),
    )
    line(out, "")
    line(out, "Each segment, on the model's own values", "bold")
    rows: list[tuple[str, ...]] = [HEADER]
    styles = []
    for segment in found.segments:
        for error in segment.errors:
            rows.append((segment.name, segment.vendor, *error_row(error.name, error)))
            styles.append(_style(error, found.max_rel))
    header, *lines = columns(rows, left=3)
    line(out, header, "dim")
    for row, style in zip(lines, styles, strict=True):
        line(out, row, style)
    for segment in found.segments:
        if segment.skipped:
            paragraph(out, f"{segment.name}: not compared: {segment.skipped}", "yellow", indent=2)
    line(out, "")
    line(out, "The whole model", "bold")
    header, *lines = columns(
        [HEADER[2:], *(error_row(each.name, each) for each in found.outputs)], left=1
    )
    line(out, header, "dim")
    for row, each in zip(lines, found.outputs, strict=True):
        line(out, row, _style(each, found.max_rel))
    line(out, "")
    _verdict(found, out)


def difference_json(artefact: str, model: str, source: str, found: Difference) -> dict[str, Any]:
    """The JSON document of `found`."""
    return {
        "ok": found.ok,
        "format": 1,
        "artefact": artefact,
        "model": model,
        "reference": found.reference,
        "inputs": source,
        "max_rel": found.max_rel,
        "first": None if found.first is None else found.first.name,
        "segments": [
            {
                "name": each.name,
                "vendor": each.vendor,
                "nodes": list(each.nodes),
                "ok": each.ok,
                "skipped": each.skipped or None,
                "outputs": [{"name": e.name, **error_json(e)} for e in each.errors],
            }
            for each in found.segments
        ],
        "outputs": [{"name": each.name, **error_json(each)} for each in found.outputs],
    }


def _style(error: OutputError, max_rel: float) -> str:
    return "" if error.max_rel <= max_rel else "bold red"


def _verdict(found: Difference, out: Console) -> None:
    if found.first is not None:
        _first(found.first, found.max_rel, out)
    elif not found.ok:
        words = "no segment leaves it by itself: small differences add up, or the host code differs"
        paragraph(
            out, f"The outputs leave the tolerance {number(found.max_rel)}; {words}.", "bold red"
        )
    else:
        paragraph(out, f"Everything is within the tolerance {number(found.max_rel)}.", "green")


def _first(segment: SegmentDifference, max_rel: float, out: Console) -> None:
    words = f"The first segment that leaves the tolerance {number(max_rel)} is {segment.name}"
    paragraph(out, f"{words} of vendor {segment.vendor}.", "bold red")
    more = len(segment.nodes) - NODES_SHOWN
    nodes = ", ".join(clean(node) for node in segment.nodes[:NODES_SHOWN])
    paragraph(out, f"Its nodes: {nodes}{f' and {more} more' if more > 0 else ''}", "dim", indent=2)
    paragraph(out, "Next: compile with --keep DIR, and byoc repro DIR runs that segment alone.")
