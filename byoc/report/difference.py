"""The report of `byoc diff-outputs`: each segment against the model, and the first that leaves the tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from byoc.report.figures import clean, number, plural
from byoc.report.page import columns, line, paragraph
from byoc.report.running import error_json, error_row

if TYPE_CHECKING:
    from byoc.runtime.compare import OutputError
    from byoc.runtime.diff import Difference, SegmentDifference

HEADER = ("segment", "vendor", "outputs", "max abs", "max rel", "SNR")
OUTPUTS_HEADER = ("output", "max abs", "max rel", "SNR", "differing")
NODES_SHOWN = 6


def write_difference(
    artefact: str, model: str, source: str, found: Difference, out: Console
) -> None:
    """Print `found`, what `byoc diff-outputs` saw of `artefact` beside `model` on inputs from `source`."""
    reference = clean(found.reference or model)
    paragraph(out, Text.assemble((artefact, "bold"), " against ", (reference, "bold")))
    paragraph(out, f"inputs: {source}")
    line(out, "")
    _segments(found, out)
    line(out, "")
    line(out, "The whole model", "bold")
    header, *lines = columns(
        [OUTPUTS_HEADER, *(error_row(each.name, each) for each in found.outputs)], left=1
    )
    line(out, header, "dim")
    for row, each in zip(lines, found.outputs, strict=True):
        line(out, row, _style(each, found.max_rel))
    line(out, "")
    _verdict(found, out)


def _segments(found: Difference, out: Console) -> None:
    """A line for each segment with the worst of its outputs, and those that leave the tolerance below it."""
    if not found.segments:
        line(out, "No segments: TVM runs everything", "bold")
        return
    line(out, "Each segment, on the model's own values; the worst of its outputs", "bold")
    header, *lines = columns([HEADER, *map(_row, found.segments)], left=2)
    line(out, header, "dim")
    for segment, row in zip(found.segments, lines, strict=True):
        line(out, row, "" if segment.ok else "bold red")
        for error in segment.errors:
            if not error.max_rel <= found.max_rel:
                paragraph(out, _words(error), "red", indent=4)
        if segment.skipped:
            paragraph(out, f"not compared: {clean(segment.skipped)}", "yellow", indent=4)


def _row(segment: SegmentDifference) -> tuple[str, ...]:
    head = (segment.name, segment.vendor)
    if not segment.errors:
        return (*head, "none", "-", "-", "-")
    worst = max(segment.errors, key=lambda error: error.max_rel)
    return (*head, str(len(segment.errors)), *error_row("", worst)[1:4])


def _words(error: OutputError) -> str:
    if error.words:
        return f"{clean(error.name)} is {error.words}"
    _, most, relative, ratio, differing = error_row("", error)
    return (
        f"{clean(error.name)}: max abs {most}, max rel {relative}, SNR {ratio}, {differing} differ"
    )


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
        skipped = sum(bool(each.skipped) for each in found.segments)
        what = f"Everything but {plural(skipped, 'segment')} that could not be compared"
        what = what if skipped else "Everything"
        paragraph(out, f"{what} is within the tolerance {number(found.max_rel)}.", "green")


def _first(segment: SegmentDifference, max_rel: float, out: Console) -> None:
    words = f"The first segment that leaves the tolerance {number(max_rel)} is {segment.name}"
    paragraph(out, f"{words} of vendor {segment.vendor}.", "bold red")
    more = len(segment.nodes) - NODES_SHOWN
    nodes = ", ".join(clean(node) for node in segment.nodes[:NODES_SHOWN])
    paragraph(out, f"Its nodes: {nodes}{f' and {more} more' if more > 0 else ''}", "dim", indent=2)
    paragraph(out, "Next: compile with --keep DIR, and byoc repro DIR runs that segment alone.")
