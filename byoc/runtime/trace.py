"""Trace: one run with the beginning and end of every call that host code makes.

TVM's virtual machine tells an instrument of each call before and after it; the machine is used for this run alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from byoc.runtime.artefact import Artefact
    from byoc.runtime.inputs import Given

_BUILTIN: Final = "vm.builtin."
"""Memory, shapes and tuples: TVM's own, a microsecond each."""


@dataclass(frozen=True, slots=True)
class Event:
    """A call: of a segment, on the track of its vendor, or of compiled host code, on the track `host`.

    `start_ns` counts from the beginning of the run. `outer` says that other calls lie within it: it is a branch, or
    the host version of a segment.
    """

    name: str
    track: str
    start_ns: int
    ns: int
    outer: bool = False


def trace(artefact: Artefact, inputs: Given) -> list[Event]:
    """Run `artefact` once and return its calls in the order of their beginning. Raises what `Artefact.run` does."""
    tracks = {each.name: each.vendor for each in artefact.manifest.segments}
    marks: list[tuple[str, bool, int]] = []

    def instrument(function: Any, name: str, before: bool, result: Any, *args: Any) -> int:
        if not name.startswith(_BUILTIN):
            marks.append((name, before, time.perf_counter_ns()))
        return 0  # go on

    start = time.perf_counter_ns()
    artefact.run_instrumented(inputs, instrument)
    events: list[Event] = []
    waiting: list[tuple[int, int]] = []
    for name, before, now in marks:
        if before:
            waiting.append((now, len(events)))
            continue
        began, known = waiting.pop()
        segment = name.removesuffix(".try")
        called = segment if segment in tracks else name
        track = tracks.get(segment, "host")
        events.append(Event(called, track, began - start, now - began, len(events) > known))
    return sorted(events, key=lambda each: (each.start_ns, -each.ns))
