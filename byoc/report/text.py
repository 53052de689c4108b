"""The report for people: coverage, segments, and why the rest stayed on the host, at 80 columns or any other width.

Printed through rich: colours on a terminal only, none with NO_COLOR; figures and names keep to one line, the
vendor's words wrap under their heading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from byoc.partition.plan import Plan, SegmentPlan
from byoc.report.figures import clean, macs, plural, share, size, tally, tensors_bytes
from byoc.report.summary import Reason, coverage, host_ops, op_node, reasons
from byoc.report.summary import tally as tally_ops

if TYPE_CHECKING:
    from byoc.pipeline import Partition

SEGMENTS_SHOWN = 12
REASONS_SHOWN = 12
NODES_SHOWN = 3
NOTES_SHOWN = 6
KINDS_SHOWN = 6
BAR = 20


def console(file: TextIO | None = None) -> Console:
    """A console on `file` (stdout) that shows text as it is: no markup, no guessed highlights."""
    return Console(file=file, markup=False, highlight=False, emoji=False)


def write_report(partition: Partition, out: Console) -> None:
    """Print the report of `partition` to `out`."""
    plan = partition.plan
    _headline(plan, out)
    _coverage(plan, out)
    _segments(plan, out)
    _host(plan, out)
    _notes((*partition.model.notes, *plan.notes), out)
    _closing(partition, out)


def _headline(plan: Plan, out: Console) -> None:
    whole, host = tally_ops(plan.ops), tally_ops(host_ops(plan))
    taken = whole.ops - host.ops
    out.print(
        Text.assemble((clean(plan.model), "bold"), " for ", (", ".join(plan.vendors), "bold"))
    )
    words = f"{taken:,} of {plural(whole.ops, 'op')} offloaded"
    if whole.macs:
        words += f", {macs(whole.macs - host.macs)} of {macs(whole.macs)} MACs"
    words += f", in {plural(len(plan.segments), 'segment')}"
    out.print(Text(words))
    if whole.unknown:
        counted = f"{plural(whole.unknown, 'op')} of unknown cost (symbolic shapes) not in the MACs"
        out.print(Text(f"{counted}; bind them with --shape", "dim"))
    if plan.verified:
        out.print(Text("verified: inlining the segments gives the imported model back", "green"))
    else:
        out.print(Text("not verified", "yellow"))


def _coverage(plan: Plan, out: Console) -> None:
    whole, host = tally_ops(plan.ops), tally_ops(host_ops(plan))
    if not whole.ops:
        return
    rows = [(each.vendor, each.taken, "green") for each in coverage(plan)]
    rows.append(("host", host, "yellow"))
    width = min(max(len(name) for name, _, _ in rows), 16)
    out.print()
    out.print(Text(f"  {'':{width}}  {'ops':{BAR}}           {'MACs':{BAR}}".rstrip(), "dim"))
    for name, part, style in rows:
        line = Text(f"  {name[:width]:{width}}  ")
        line.append_text(_bar(part.ops, whole.ops, style, out))
        line.append(f" {share(part.ops, whole.ops):>7}   ")
        line.append_text(_bar(part.macs, whole.macs, style, out))
        line.append(f" {share(part.macs, whole.macs):>7}")
        out.print(line, no_wrap=True, crop=False, overflow="ignore")


def _bar(part: int, whole: int, style: str, out: Console) -> Text:
    full, empty = ("#", ".") if out.options.ascii_only else ("█", "░")
    filled = round(BAR * part / whole) if whole else 0
    if whole and 0 < part < whole:
        filled = min(max(filled, 1), BAR - 1)
    return Text.assemble((full * filled, style), (empty * (BAR - filled), "dim"))


def _segments(plan: Plan, out: Console) -> None:
    if not plan.segments:
        return
    largest = sorted(plan.segments, key=lambda each: (-(each.macs or 0), -each.ops))
    kept = {each.name for each in largest[:SEGMENTS_SHOWN]}
    shown = [each for each in plan.segments if each.name in kept]
    rest = len(plan.segments) - len(shown)
    out.print()
    title = f"Segments: the {len(shown)} largest of {len(plan.segments)}" if rest else "Segments"
    out.print(Text(title, "bold"))
    header = ("segment", "vendor", "ops", "MACs", "share", "weights", "in", "out")
    total = tally_ops(plan.ops).macs
    rows = [header, *(_segment_row(each, total) for each in shown)]
    if len(plan.vendors) == 1:
        rows = [(row[0], *row[2:]) for row in rows]
    lines = _columns(rows, left=len(header) - 6 if len(plan.vendors) > 1 else 1)
    out.print(Text(lines[0], "dim"), no_wrap=True, crop=False, overflow="ignore")
    for segment, line in zip(shown, lines[1:], strict=True):
        out.print(Text(line), no_wrap=True, crop=False, overflow="ignore")
        out.print(Padding(Text(_contents(plan, segment), "dim"), (0, 0, 0, 4)))
    if rest:
        out.print(Text(f"  {rest} more: --format json has them all", "dim"))


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


def _columns(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Lay `rows` out in aligned columns, the first `left` of them to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(
            f"{cell:<{width}}" if index < left else f"{cell:>{width}}"
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _contents(plan: Plan, segment: SegmentPlan) -> str:
    """What a segment is made of: its composites, then its single ops, counted."""
    composites = [name.removeprefix(f"{segment.vendor}.") for name in segment.composites]
    single = [op.op for op in plan.ops if op.segment == segment.name and not op.composite]
    return tally([*composites, *single], KINDS_SHOWN)


def _host(plan: Plan, out: Console) -> None:
    host = host_ops(plan)
    if not host:
        return
    found = reasons(plan)
    out.print()
    title = f"On the host: {plural(len(host), 'op')}. Why, largest first:"
    out.print(Text(title, "bold"))
    for reason in found[:REASONS_SHOWN]:
        _reason(reason, out)
    if len(found) > REASONS_SHOWN:
        rest = plural(len(found) - REASONS_SHOWN, "more reason")
        out.print(Text(f"  {rest}: --format json has them all", "dim"))
    if sum(len(each.ops) for each in found) > len(host) and len(found) > 1:
        out.print(Text("  An op that several rules refuse is counted under each.", "dim"))


def _reason(reason: Reason, out: Console) -> None:
    figures = plural(len(reason.ops), "op")
    if reason.macs:
        figures += f", {macs(reason.macs)} MACs"
    heading = Text.assemble(
        (f"  {reason.vendor} {reason.code}", "bold yellow"),
        f"  {figures}: {tally((op.op for op in reason.ops), KINDS_SHOWN)}",
    )
    out.print(heading)
    words = Text(clean(reason.message))
    if reason.rules:
        words.append(f" ({', '.join(reason.rules)})", "dim")
    out.print(Padding(words, (0, 0, 0, 4)))
    nodes = [clean(node) for node in reason.nodes]
    more = f" and {len(nodes) - NODES_SHOWN} more" if len(nodes) > NODES_SHOWN else ""
    out.print(Padding(Text(", ".join(nodes[:NODES_SHOWN]) + more, "dim"), (0, 0, 0, 4)))


def _notes(notes: Sequence[str], out: Console) -> None:
    if not notes:
        return
    out.print()
    out.print(Text("Notes", "bold"))
    for note in notes[:NOTES_SHOWN]:
        out.print(Padding(Text(clean(note)), (0, 0, 0, 2)))
    if len(notes) > NOTES_SHOWN:
        more = f"  {len(notes) - NOTES_SHOWN} more: --format json has them all"
        out.print(Text(more, "dim"))


def _closing(partition: Partition, out: Console) -> None:
    """How long it took, and what to look at next."""
    seconds = partition.seconds
    out.print()
    slowest = sorted(seconds, key=lambda stage: -seconds[stage])[:3]
    parts = ", ".join(f"{stage} {seconds[stage]:.2f} s" for stage in slowest)
    out.print(Text(f"{sum(seconds.values()):.2f} s in all ({parts})", "dim"))
    found = reasons(partition.plan)
    if found:
        node = clean(op_node(found[0].ops[0]))
        out.print(Text(f"Next: --explain {node} tells the whole story of that node."))
    elif partition.plan.segments:
        out.print(Text("Next: -o DIR writes the partitioned module and its plan."))
