"""The report for people: coverage, segments, and why the rest stayed on the host, at 80 columns or any other width.

Printed through rich: colours on a terminal only, none with NO_COLOR; figures and names keep to one line, the
vendor's words wrap under their heading.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from byoc.partition.plan import Plan, SegmentPlan
from byoc.report.figures import clean, duration, macs, plural, share, size, tally, tensors_bytes
from byoc.report.page import bar, columns, line, paragraph
from byoc.report.summary import Reason, coverage, host_ops, op_node, reasons
from byoc.report.summary import tally as tally_ops

if TYPE_CHECKING:
    from byoc.cost import CostRecord
    from byoc.pipeline import Partition

SEGMENTS_SHOWN = 12
REASONS_SHOWN = 12
NODES_SHOWN = 3
NOTES_SHOWN = 6
KINDS_SHOWN = 6
BAR = 20
HEADER = ("segment", "vendor", "ops", "MACs", "share", "weights", "in", "out")


def write_report(partition: Partition, out: Console) -> None:
    """Print the report of `partition` to `out`."""
    plan = partition.plan
    headline(plan, out)
    coverage_bars(plan, out)
    _segments(plan, out)
    _costs(partition.costs, out)
    found = reasons(plan)
    host_reasons(plan, found, out)
    notes((*partition.model.notes, *plan.notes), out)
    _closing(partition, found, out)


def headline(plan: Plan, out: Console) -> None:
    """What was partitioned for whom, how much is offloaded, and whether that was verified."""
    whole, host = tally_ops(plan.ops), tally_ops(host_ops(plan))
    vendors = ", ".join(plan.vendors)
    paragraph(out, Text.assemble((clean(plan.model), "bold"), " for ", (vendors, "bold")))
    words = f"{whole.ops - host.ops:,} of {plural(whole.ops, 'op')} offloaded"
    if whole.macs:
        words += f", {macs(whole.macs - host.macs)} of {macs(whole.macs)} MACs"
    paragraph(out, f"{words}, in {plural(len(plan.segments), 'segment')}")
    if whole.unknown:
        unknown = f"{plural(whole.unknown, 'op')} of unknown cost (symbolic shapes) not in the MACs"
        paragraph(out, f"{unknown}; bind them with --shape", "dim")
    if plan.verified:
        line(out, "verified: inlining the segments gives the imported model back", "green")
    else:
        line(out, "not verified", "yellow")


def coverage_bars(plan: Plan, out: Console) -> None:
    """The share of each vendor and of the host in ops and MACs, as bars."""
    whole, host = tally_ops(plan.ops), tally_ops(host_ops(plan))
    if not whole.ops:
        return
    rows = [(each.vendor, each.taken, "green") for each in coverage(plan)]
    rows.append(("host", host, "yellow"))
    width = min(max(len(name) for name, _, _ in rows), 16)
    line(out, "")
    line(out, f"  {'':{width}}  {'ops':{BAR + 11}}{'MACs' if whole.macs else ''}", "dim")
    for name, part, style in rows:
        row = Text(f"  {name[:width]:{width}}  ")
        row.append_text(bar(part.ops, whole.ops, BAR, style, out))
        row.append(f" {share(part.ops, whole.ops):>7}")
        if whole.macs:
            row.append("   ").append_text(bar(part.macs, whole.macs, BAR, style, out))
            row.append(f" {share(part.macs, whole.macs):>7}")
        line(out, row)


def _segments(plan: Plan, out: Console) -> None:
    if not plan.segments:
        return
    largest = sorted(plan.segments, key=lambda each: (-(each.macs or 0), -each.ops))
    kept = {each.name for each in largest[:SEGMENTS_SHOWN]}
    shown = [each for each in plan.segments if each.name in kept]
    rest = len(plan.segments) - len(shown)
    line(out, "")
    title = f"Segments: the {len(shown)} largest of {len(plan.segments)}" if rest else "Segments"
    line(out, title, "bold")
    header, *lines = _segment_lines(plan, shown)
    line(out, header, "dim")
    for segment, row in zip(shown, lines, strict=True):
        line(out, row)
        paragraph(out, contents(plan, segment), "dim", indent=4)
    if rest:
        line(out, f"  {rest} more: --format json has them all", "dim")


def _segment_lines(plan: Plan, shown: Sequence[SegmentPlan]) -> list[str]:
    """A header and one line for each of `shown`; the vendor is named when there are several."""
    total = tally_ops(plan.ops).macs
    rows: list[tuple[str, ...]] = [HEADER, *(_segment_row(each, total) for each in shown)]
    if len(plan.vendors) > 1:
        return columns(rows, left=2)
    return columns([(row[0], *row[2:]) for row in rows], left=1)


def _segment_row(segment: SegmentPlan, total: int) -> tuple[str, ...]:
    return (
        segment.name,
        segment.vendor,
        f"{segment.ops:,}",
        macs(segment.macs),
        "?" if segment.macs is None else share(segment.macs, total),
        size(segment.constant_bytes),
        *(
            f"{len(tensors)}: {size(tensors_bytes(tensors))}"
            for tensors in (segment.inputs, segment.outputs)
        ),
    )


def _costs(costs: Mapping[str, CostRecord], out: Console) -> None:
    """What vendors expect of their segments, where they were asked."""
    if not costs:
        return
    rows = [("segment", "cycles", "time", "most of it")]
    for name, cost in costs.items():
        most = max(cost.breakdown, key=lambda part: cost.breakdown[part], default="")
        cycles = "" if cost.cycles is None else f"{cost.cycles:,}"
        told = (cycles, duration(cost.seconds), most) if cost.valid else ("", "", clean(cost.words))
        rows.append((name, *told))
    line(out, "")
    line(out, "What the vendors expect", "bold")
    header, *lines = columns(rows, left=1)
    line(out, header, "dim")
    for text in lines:
        line(out, text)


def contents(plan: Plan, segment: SegmentPlan) -> str:
    """What a segment is made of: its composites, then its single ops, counted."""
    composites = [name.removeprefix(f"{segment.vendor}.") for name in segment.composites]
    single = [op.op for op in plan.ops if op.segment == segment.name and not op.composite]
    return tally([*composites, *single], KINDS_SHOWN)


def host_reasons(plan: Plan, found: Sequence[Reason], out: Console) -> None:
    """Why ops stayed on the host, largest first."""
    host = host_ops(plan)
    if not host:
        return
    line(out, "")
    line(out, f"On the host: {plural(len(host), 'op')}. Why, largest first:", "bold")
    for reason in found[:REASONS_SHOWN]:
        _reason(reason, out)
    if len(found) > REASONS_SHOWN:
        rest = plural(len(found) - REASONS_SHOWN, "more reason")
        line(out, f"  {rest}: --format json has them all", "dim")
    if sum(len(each.ops) for each in found) > len(host):
        line(out, "  An op that several rules refuse is counted under each.", "dim")


def _reason(reason: Reason, out: Console) -> None:
    figures = plural(len(reason.ops), "op")
    if reason.macs:
        figures += f", {macs(reason.macs)} MACs"
    kinds = tally((op.op for op in reason.ops), KINDS_SHOWN)
    heading = Text.assemble(
        (f"{reason.vendor} {reason.code}", "bold yellow"), f"  {figures}: {kinds}"
    )
    paragraph(out, heading, indent=2)
    words = Text(clean(reason.message))
    if reason.rules:
        words.append(f" ({', '.join(reason.rules)})", "dim")
    paragraph(out, words, indent=4)
    nodes = [clean(node) for node in reason.nodes]
    more = f" and {len(nodes) - NODES_SHOWN} more" if len(nodes) > NODES_SHOWN else ""
    paragraph(out, ", ".join(nodes[:NODES_SHOWN]) + more, "dim", indent=4)


def notes(given: Sequence[str], out: Console) -> None:
    """What else there is to say, one note a paragraph."""
    if not given:
        return
    line(out, "")
    line(out, "Notes", "bold")
    for note in given[:NOTES_SHOWN]:
        paragraph(out, clean(note), indent=4, prefix=Text("  -"))
    if len(given) > NOTES_SHOWN:
        line(out, f"  {len(given) - NOTES_SHOWN} more: --format json has them all", "dim")


def _closing(partition: Partition, found: Sequence[Reason], out: Console) -> None:
    """How long it took, and what to look at next."""
    seconds = partition.seconds
    slowest = sorted(seconds, key=lambda stage: -seconds[stage])[:3]
    parts = ", ".join(f"{stage} {seconds[stage]:.2f} s" for stage in slowest)
    line(out, "")
    paragraph(out, f"{sum(seconds.values()):.2f} s in all ({parts})", "dim")
    if found:
        node = shlex.quote(clean(op_node(found[0].ops[0])))
        paragraph(out, f"Next: --explain {node} tells the whole story of that node.")
    elif partition.plan.segments:
        line(out, "Next: -o DIR writes the partitioned module and its plan.")
