"""Stats: what an artefact counted while it ran."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from byoc.runtime.inputs import Accepted


@dataclass(frozen=True, slots=True)
class SegmentStats:
    """The counters of one segment, over all threads.

    `ns` is wall time in its driver and around it, summed over calls. `copies` are tensors that were copied because
    the driver takes no such address, strides or order of axes; `copied_bytes` their size. `fallbacks` are calls
    that the host version took over, `last_error` the words of the last failure ("" for none). `executors` is how
    many the driver has open. `driver` is what the driver itself tells, None for nothing.
    """

    name: str
    vendor: str
    calls: int
    ns: int
    bytes_in: int
    bytes_out: int
    copies: int
    copied_bytes: int
    fallbacks: int
    last_error: str
    executors: int
    driver: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Stats:
    """The counters of an artefact since it was loaded or reset.

    `ns` is the wall time of `runs`, summed over runs (of all threads); `host_ns` is what of it was not spent in
    segments. `copies` are inputs that had to be made contiguous, aligned or of native byte order.
    """

    runs: int
    ns: int
    host_ns: int
    copies: int
    copied_bytes: int
    segments: tuple[SegmentStats, ...]

    def segment(self, name: str) -> SegmentStats:
        """The counters of the segment `name`. Raises KeyError when there is none."""
        for each in self.segments:
            if each.name == name:
                return each
        raise KeyError(name)


class Counts:
    """What Python counts of an artefact's runs, from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = self._ns = self._copies = self._copied_bytes = self._alone_ns = 0

    def add(self, accepted: Accepted, ns: int) -> None:
        """One run of the whole model took `ns`."""
        with self._lock:
            self._runs += 1
            self._ns += ns
            self._copies += accepted.copies
            self._copied_bytes += accepted.copied_bytes

    def add_alone(self, ns: int) -> None:
        """A segment that was run by itself took `ns`: time of no run."""
        with self._lock:
            self._alone_ns += ns

    def with_segments(self, segments: tuple[SegmentStats, ...]) -> Stats:
        """All counters, with those that the C++ runtime keeps."""
        with self._lock:
            in_segments = max(0, sum(each.ns for each in segments) - self._alone_ns)
            host = max(0, self._ns - in_segments)
            return Stats(self._runs, self._ns, host, self._copies, self._copied_bytes, segments)


def read_segments(text: str) -> tuple[SegmentStats, ...]:
    """The C++ runtime's counters, which it tells as JSON."""
    return tuple(
        SegmentStats(
            **{key: each[key] for key in SegmentStats.__slots__ if key != "last_error"},
            last_error=each["last_error"] or "",
        )
        for each in json.loads(text)
    )
