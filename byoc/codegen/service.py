"""Service: segments in, blobs or refusals out; the cache asked first, each vendor call in a process of its own.

One process a call: some toolchains keep options or state from one compilation to the next. What that costs in
imports is hidden by starting the next process while the last one works.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from byoc.blob import Blob
from byoc.codegen.cache import Cache
from byoc.codegen.compiled import CompiledSegment
from byoc.codegen.packed import pack, unpack
from byoc.codegen.process import Ended, Process
from byoc.codegen.toolchain import Toolchain, toolchain
from byoc.codegen.worker import LOG
from byoc.errors import BlobError, PluginError, UsageError
from byoc.options import Observer, SegmentEvent
from byoc.plugins import Plugins
from byoc.shelf import Shelf
from byoc.support.refusal import Refusal

if TYPE_CHECKING:
    from byoc.segment import Segment

PAUSE = 0.01
"""Seconds between two looks at the running processes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one segment: the answer, where from, the wall time (s), and what the worker printed.

    `hung` says that the vendor ran into the time limit.
    """

    answer: Blob | Refusal
    cached: bool = False
    seconds: float = 0.0
    log: str = ""
    hung: bool = False


@dataclass(slots=True)
class _Job:
    """One vendor call: the places of the request that wait for it, and the process that works on it."""

    segment: Segment
    chain: Toolchain
    key: str
    places: list[int]
    process: Process | None = None


@dataclass(slots=True)
class Codegen:
    """Compiles segments for any vendor that is installed; `options` has the texts of `--vendor-option`.

    `jobs` calls run at a time, each for at most `timeout` seconds and in `memory` bytes (None: one a core; four
    fifths of the machine's). `cache` None asks and keeps nothing. What a vendor answered, failures included, is
    remembered while the service lives; failures are never cached beyond it. `chains` are who compiles, by
    vendor; what is missing is found out. `hits` and `calls` count segments taken from the cache and calls of
    vendors. Use as a context manager: the processes end with it.
    """

    plugins: Plugins
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    jobs: int | None = None
    timeout: float = 600.0
    memory: int | None = None
    cache: Cache | None = None
    observer: Observer = field(default_factory=Observer)
    chains: dict[str, Toolchain] = field(default_factory=dict)
    hits: int = 0
    calls: int = 0
    _known: dict[str, Outcome] = field(default_factory=dict)
    _spare: dict[str, Process] = field(default_factory=dict)
    _running: list[_Job] = field(default_factory=list)
    _shelf: Shelf = field(default_factory=Shelf)
    _folder: Path | None = None

    def __post_init__(self) -> None:
        for name, given in (
            ("jobs", self.jobs),
            ("timeout", self.timeout),
            ("memory", self.memory),
        ):
            if given is not None and given <= 0:
                raise UsageError(f"{name} is {given}; expected more than nothing")

    def compile(self, segments: Sequence[Segment]) -> list[CompiledSegment | Refusal]:
        """One answer a segment, in order. Raises nothing that a vendor's code causes.

        Raises PluginError when nothing compiles for a vendor, UsageError for options that do not fit.
        """
        answers: list[CompiledSegment | Refusal] = []
        for segment, outcome in zip(segments, self.run(segments), strict=True):
            if isinstance(outcome.answer, Refusal):
                answers.append(outcome.answer)
            else:
                answers.append(self._compiled(segment, outcome.answer, outcome))
        return answers

    def compiled(self, segment: Segment, outcome: Outcome) -> CompiledSegment | None:
        """The segment with its blob, None when there is none."""
        if isinstance(outcome.answer, Refusal):
            return None
        return self._compiled(segment, outcome.answer, outcome)

    def _compiled(self, segment: Segment, blob: Blob, outcome: Outcome) -> CompiledSegment:
        maker = self.chain(segment.vendor).maker
        return CompiledSegment(
            segment, blob, cached=outcome.cached, seconds=outcome.seconds, maker=maker
        )

    def run(self, segments: Sequence[Segment], *, part: bool = False) -> list[Outcome]:
        """As `compile`, with what became of each. `part` says that they are parts of a failed segment."""
        outcomes: dict[int, Outcome] = {}
        jobs: dict[str, _Job] = {}
        self.observer.segments(len(segments))
        for place, segment in enumerate(segments):
            chain = self.chain(segment.vendor)
            key = chain.key(segment.fingerprint)
            found = self._recall(key)
            if found is not None:
                outcomes[place] = found
                # No vendor was called this time.
                self._tell(segment, replace(found, cached=True, seconds=0.0), part)
            elif key in jobs:
                jobs[key].places.append(place)
            else:
                jobs[key] = _Job(segment, chain, key, [place])
        for job, outcome in self._work(deque(jobs.values()), part):
            for place in job.places:
                outcomes[place] = outcome
                self._tell(segments[place], outcome, part)
        return [outcomes[place] for place in range(len(segments))]

    def chain(self, vendor: str) -> Toolchain:
        """Who compiles for `vendor`; raises as `byoc.codegen.toolchain.toolchain` does."""
        if vendor not in self.chains:
            self.chains[vendor] = toolchain(self.plugins, vendor, self.options.get(vendor, {}))
        return self.chains[vendor]

    def preload(self, vendor: str) -> None:
        """Start a process for `vendor` that is ready by the time there is a segment for it."""
        if vendor not in self._spare:
            self._spare[vendor] = self._process(self.chain(vendor))

    def close(self) -> None:
        """End all processes and remove their folders."""
        for process in [*self._spare.values(), *(each.process for each in self._running)]:
            if process is not None:
                process.kill()
        self._spare.clear()
        self._running.clear()
        self._shelf.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Codegen:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _recall(self, key: str) -> Outcome | None:
        """What is known of `key`, from this run or from the cache."""
        if key in self._known:
            return self._known[key]
        stored = None if self.cache is None else self.cache.read(key)
        if stored is None:
            return None
        with contextlib.suppress(BlobError):
            self._known[key] = Outcome(unpack(stored[0]), cached=True)
            self.hits += 1
        return self._known.get(key)

    def _work(self, waiting: deque[_Job], part: bool) -> Iterator[tuple[_Job, Outcome]]:
        """Run the jobs, several at a time; whatever ends this ends them."""
        limit = self.jobs or len(os.sched_getaffinity(0))
        try:
            while waiting or self._running:
                while waiting and len(self._running) < limit:
                    self._start(waiting.popleft(), part)
                if waiting:
                    self.preload(waiting[0].chain.vendor)
                ended = [(job, end) for job in self._running if (end := _poll(job)) is not None]
                if not ended:
                    time.sleep(PAUSE)
                for job, end in ended:
                    self._running.remove(job)
                    yield job, self._finish(job, end)
        finally:
            for job in self._running:
                if job.process is not None:
                    job.process.kill()
            self._running.clear()

    def _start(self, job: _Job, part: bool) -> None:
        vendor = job.chain.vendor
        job.process = self._spare.pop(vendor, None) or self._process(job.chain)
        self._running.append(job)
        self.calls += 1
        self.observer.segment(SegmentEvent(job.segment.symbol, vendor, "started", part))
        job.process.submit(job.segment, self._shelf)

    def _process(self, chain: Toolchain) -> Process:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="byoc-codegen-"))
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        memory = self.memory or _four_fifths()
        return Process(chain.vendor, chain.texts, folder, self.timeout, memory)

    def _finish(self, job: _Job, end: Ended) -> Outcome:
        """The outcome of a process that is gone, whose folder goes too."""
        assert job.process is not None
        folder = job.process.folder
        log = _text(folder / LOG) + str(end.head.get("trace", ""))
        try:
            answer = self._answer(job, end)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        outcome = Outcome(answer, False, end.seconds, log, bool(end.head.get("hung")))
        self._known[job.key] = outcome
        if isinstance(answer, Blob) and self.cache is not None:
            about = {"vendor": job.chain.vendor, "segment": job.segment.fingerprint}
            self.cache.write(job.key, pack(answer), about)
        return outcome

    def _answer(self, job: _Job, end: Ended) -> Blob | Refusal:
        vendor, head = job.chain.vendor, end.head
        owner = self.plugins.owner(job.chain.owners[0])
        if head["kind"] == "none":
            raise PluginError(
                f"vendor {vendor!r} ({owner}): byoc_codegen answered None about {job.segment.symbol}, so that "
                "nothing compiles it; expected a byoc.Blob, or a byoc.Refusal saying why not"
            )
        nodes = tuple(str(node) for node in head.get("nodes", ()))
        words = str(head.get("words", ""))
        if head["kind"] == "refusal":
            return Refusal("codegen-failed", words, str(head.get("rule", "")), vendor, nodes)
        if head["kind"] == "blob":
            try:
                with end.file.open("rb") as file:
                    file.seek(end.start)
                    return unpack(file.read())
            except (OSError, BlobError) as error:
                words = f"left an answer that cannot be read: {error}"
        message = f"byoc_codegen of {owner} {words}"
        return Refusal("codegen-failed", message, "", vendor, nodes)

    def _tell(self, segment: Segment, outcome: Outcome, part: bool) -> None:
        refusal = outcome.answer if isinstance(outcome.answer, Refusal) else None
        self.observer.segment(
            SegmentEvent(
                segment.symbol,
                segment.vendor,
                "failed" if refusal else "cached" if outcome.cached else "compiled",
                part,
                outcome.seconds,
                refusal.message if refusal else "",
            )
        )


def _poll(job: _Job) -> Ended | None:
    assert job.process is not None
    return job.process.poll()


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text("utf-8", errors="replace")
    return ""


def _four_fifths() -> int:
    import psutil

    return int(psutil.virtual_memory().total) * 4 // 5
