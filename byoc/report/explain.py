"""The story of one node: what was made of it, which rows were tried, what each vendor said, how merge went."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from byoc.partition.plan import OpPlan, Plan, Refusal
from byoc.partition.trace import Event
from byoc.report.figures import clean, macs, plural
from byoc.report.json import refusal_json
from byoc.report.page import line, paragraph

if TYPE_CHECKING:
    from byoc.pipeline import Partition


@dataclass(frozen=True, slots=True)
class Chapter:
    """One binding made from the node: its label, its place in the plan (None: it computes nothing), its events."""

    binding: str
    op: OpPlan | None
    events: tuple[Event, ...]


def chapters(partition: Partition) -> Iterator[Chapter]:
    """The chapters of the story that `partition` was asked for, in the module's order."""
    waiting: defaultdict[str, deque[OpPlan]] = defaultdict(deque)
    for op in partition.plan.ops:
        waiting[op.binding].append(op)
    for label, events in partition.story:
        found = waiting[label.partition(" = ")[0]]
        yield Chapter(label, found.popleft() if found else None, events)


def story_json(partition: Partition, node: str) -> dict[str, Any]:
    """The value of `explain` in the JSON report."""
    return {
        "node": node,
        "ops": [
            {
                "binding": each.binding,
                "segment": each.op.segment if each.op else "",
                "composite": each.op.composite if each.op else "",
                "refusals": [refusal_json(r) for r in each.op.refusals] if each.op else [],
                "events": [
                    {"stage": event.stage, "vendor": event.vendor, "words": event.words}
                    for event in each.events
                ],
            }
            for each in chapters(partition)
        ],
    }


def write_story(partition: Partition, node: str, out: Console) -> None:
    """Print the whole story of `node` to `out`."""
    told = list(chapters(partition))
    became = plural(len(told), "Relax binding")
    model = clean(partition.plan.model)
    paragraph(out, Text.assemble((clean(node), "bold"), f" in {model}: {became}"))
    for each in told:
        line(out, "")
        line(out, clean(each.binding), "bold")
        paragraph(out, _outcome(each.op, partition.plan), indent=2)
        _events(each, out)


def _outcome(op: OpPlan | None, plan: Plan) -> Text:
    if op is None:
        return Text("computes nothing: it goes where the ops around it go", "dim")
    cost = f"; {macs(op.macs)} MACs" if op.macs != 0 else ""
    if not op.segment:
        return Text(f"stays on the host{cost}", "yellow")
    segment = next(each for each in plan.segments if each.name == op.segment)
    form = f"in composite {op.composite}" if op.composite else "as a single op"
    size = plural(segment.ops, "op")
    return Text(
        f"goes to {segment.vendor} {form}, in segment {op.segment} of {size}{cost}", "green"
    )


def _events(chapter: Chapter, out: Console) -> None:
    """The events in three columns: stage (once a run of events), vendor, words; the words wrap.

    A refusal stands with the event that tells of it: its code, and where the rule is. Those that no event tells
    of follow.
    """
    events = chapter.events
    untold = dict.fromkeys(chapter.op.refusals if chapter.op else ())
    stages = max((len(event.stage) for event in events), default=0)
    vendors = max((len(event.vendor) for event in events), default=0)
    stage = ""
    for event in events:
        shown = "" if event.stage == stage else event.stage
        stage = event.stage
        prefix = Text(f"  {shown:{stages}}  {event.vendor:{vendors}}  ", "cyan")
        words = Text(clean(event.words))
        told = max(
            (each for each in untold if _tells(event, each)),
            key=lambda each: len(each.message),
            default=None,
        )
        if told is not None:
            del untold[told]
            words.append(f" [{_place(told)}]", "yellow")
        paragraph(out, words, indent=prefix.cell_len, prefix=prefix)
    for refusal in untold:
        words = Text(f"{refusal.vendor}: {clean(refusal.message)}")
        words.append(f" [{_place(refusal)}]", "yellow")
        paragraph(out, words, indent=4, prefix=Text("  -"))


def _tells(event: Event, refusal: Refusal) -> bool:
    return event.vendor == refusal.vendor and event.words.endswith(refusal.message)


def _place(refusal: Refusal) -> str:
    return f"{refusal.code}, {refusal.rule}" if refusal.rule else refusal.code
