"""Profile: where the time of a model goes, between host and segments, and within the host."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from byoc.errors import UsageError
from byoc.runtime.device_cost import DeviceCost, device_cost
from byoc.runtime.stats import SegmentStats, Stats

if TYPE_CHECKING:
    from byoc.runtime.artefact import Artefact
    from byoc.runtime.inputs import Given
    from byoc.runtime.trace import Event

HOST: Final = "host"
"""The name of the row for host code, and of its track."""


@dataclass(frozen=True, slots=True)
class Row:
    """One segment, or the host code (`name` and `vendor` "host").

    `library` says that the host library runs it, not a vendor that was asked for. `calls` is of one run,
    `median_ns` and `total_ns` are of one run and of all, `share` is of all runs' time. Bytes cross the segment's
    border in one run; `copies` and `copied_bytes` are tensors that had to be copied there. `fallbacks` are of all
    runs. `driver` is what the driver itself tells, `report` what its compiler did.
    """

    name: str
    vendor: str
    library: bool
    calls: float
    median_ns: float
    total_ns: int
    share: float
    bytes_in: float = 0
    bytes_out: float = 0
    copies: float = 0
    copied_bytes: float = 0
    fallbacks: int = 0
    driver: Any = None
    report: Mapping[str, Any] = field(default_factory=dict)
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kernel:
    """A function that TVM compiled, with its `calls` and time `ns` in the traced run."""

    name: str
    calls: int
    ns: int


@dataclass(frozen=True, slots=True)
class Profile:
    """The profile of an artefact.

    `seconds` has the wall time of each measured run, inputs and outputs included. `rows` are the host's, then the
    segments' in the manifest's order; their times add up to that of the runs without what Python does around them.
    `kernels` (slowest first) and `events` are of one more run, which was traced: its times are a little longer.
    """

    artefact: str
    model: str
    seconds: tuple[float, ...]
    rows: tuple[Row, ...]
    kernels: tuple[Kernel, ...]
    events: tuple[Event, ...]

    @property
    def devices(self) -> tuple[DeviceCost, ...]:
        """What drivers that count cycles tell of a call of their segments, in the manifest's order."""
        found = (
            device_cost(each.name, each.vendor, each.driver, each.report) for each in self.rows
        )
        return tuple(each for each in found if each is not None)

    def to_json(self) -> dict[str, Any]:
        """The profile as JSON; times in nanoseconds unless their name says otherwise."""
        document = asdict(self)
        document["median_seconds"] = median(self.seconds)
        return document

    def to_chrome_trace(self) -> dict[str, Any]:
        """The traced run in Chrome's trace-event format, for chrome://tracing and Perfetto.

        The host has a track, and so has each vendor.
        """
        tracks = list(dict.fromkeys([HOST, *(each.track for each in self.events)]))
        named = [
            {
                "ph": "M",
                "name": "thread_name",
                "pid": 1,
                "tid": number,
                "args": {"name": name},
            }
            for number, name in enumerate(tracks)
        ]
        spans = [
            {
                "ph": "X",
                "name": each.name,
                "cat": each.track,
                "pid": 1,
                "tid": tracks.index(each.track),
                "ts": each.start_ns / 1000,
                "dur": each.ns / 1000,
            }
            for each in self.events
        ]
        process = {
            "ph": "M",
            "name": "process_name",
            "pid": 1,
            "tid": 0,
            "args": {"name": self.model},
        }
        return {"traceEvents": [process, *named, *spans], "displayTimeUnit": "ms"}


def profile(artefact: Artefact, inputs: Given, *, repeat: int = 10, warmup: int = 2) -> Profile:
    """Run `artefact` `warmup` times, `repeat` times counted, and once traced; its counters begin anew.

    Nothing else should run it meanwhile. Raises UsageError for a `repeat` below 1, and what `Artefact.run` does.
    """
    from byoc.runtime.trace import trace

    if repeat < 1 or warmup < 0:
        raise UsageError(
            f"repeat is {repeat} and warmup {warmup}, expected at least 1 run and no negative number"
        )
    for _ in range(warmup):
        artefact.run(inputs)
    artefact.reset_stats()
    measured, seconds = [artefact.stats()], []
    for _ in range(repeat):
        start = time.perf_counter()
        artefact.run(inputs)
        seconds.append(time.perf_counter() - start)
        measured.append(artefact.stats())
    events = trace(artefact, inputs)
    return Profile(
        str(artefact.path),
        artefact.manifest.model,
        tuple(seconds),
        tuple(_rows(artefact, measured)),
        tuple(_kernels(events)),
        tuple(events),
    )


def _rows(artefact: Artefact, measured: Sequence[Stats]) -> list[Row]:
    last, runs = measured[-1], len(measured) - 1
    whole = max(1, last.ns)
    host = [after.host_ns - before.host_ns for before, after in _pairs(measured)]
    rows = [Row(HOST, HOST, False, 1, median(host), last.host_ns, last.host_ns / whole)]
    entries = {each.name: each for each in artefact.manifest.segments}
    for index, counted in enumerate(last.segments):
        entry = entries[counted.name]
        times = [
            after.segments[index].ns - before.segments[index].ns
            for before, after in _pairs(measured)
        ]
        rows.append(
            Row(
                counted.name,
                counted.vendor,
                entry.host,
                median_ns=median(times),
                total_ns=counted.ns,
                share=counted.ns / whole,
                fallbacks=counted.fallbacks,
                driver=counted.driver,
                report=entry.report,
                nodes=entry.nodes,
                **_per_run(counted, runs),
            )
        )
    return rows


def _pairs(measured: Sequence[Stats]) -> list[tuple[Stats, Stats]]:
    return list(pairwise(measured))


def _per_run(counted: SegmentStats, runs: int) -> Mapping[str, Any]:
    names = ("calls", "bytes_in", "bytes_out", "copies", "copied_bytes")
    return {name: getattr(counted, name) / runs for name in names}


def _kernels(events: Sequence[Event]) -> list[Kernel]:
    found: dict[str, tuple[int, int]] = {}
    for each in events:
        if each.track == HOST and not each.outer:
            calls, ns = found.get(each.name, (0, 0))
            found[each.name] = (calls + 1, ns + each.ns)
    kernels = [Kernel(name, calls, ns) for name, (calls, ns) in found.items()]
    return sorted(kernels, key=lambda each: (-each.ns, each.name))
