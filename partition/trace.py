"""Trace: the story of each node, told by the stages when somebody asked for it (`--explain`)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a node: the stage, the vendor it concerns ("" for none), and plain words."""

    stage: str
    vendor: str
    words: str


@dataclass(slots=True)
class Trace:
    """Events by node id of one graph, in the order of happening; `only` limits what is kept."""

    only: frozenset[int] | None = None
    events: dict[int, list[Event]] = field(default_factory=dict)

    def note(self, node: int, stage: str, vendor: str, words: str) -> None:
        """Record that `stage` did something about `node`."""
        if self.only is None or node in self.only:
            self.events.setdefault(node, []).append(Event(stage, vendor, words))
