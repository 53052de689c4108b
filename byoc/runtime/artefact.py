"""Artefact: a loaded model that runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import tvm_ffi

from byoc.errors import (
    ArtefactError,
    DriverError,
    InputError,
    UsageError,
    nearest,
)
from byoc.manifest import Manifest, Port, SegmentEntry
from byoc.runtime.extents import sizes
from byoc.runtime.failures import translated
from byoc.runtime.inputs import Accepted, Given, accept
from byoc.runtime.machines import Instrument, Machines
from byoc.runtime.stats import Counts, Stats, read_segments
from byoc.runtime.tensors import empty, to_array, to_tensor
from byoc.runtime.workers import call
from byoc.verdict import Verdict

if TYPE_CHECKING:
    from byoc.artefact import ArtefactFile
    from byoc.runtime.tensors import Array


class Artefact:
    """A loaded artefact, made by `byoc.runtime.load`. Safe to run from many threads; a context manager.

    `path` is its file, `manifest` what it says of itself, `plan` the plan of its partition (JSON), `verdicts` the
    verdict on each segment by its name.
    """

    def __init__(
        self,
        file: ArtefactFile,
        verdicts: Mapping[str, Verdict],
        machines: Machines,
        segments: Any,
        threads: int | None,
    ) -> None:
        self.path: Path = file.path
        self.manifest: Manifest = file.manifest
        self.plan: Mapping[str, Any] = file.plan
        self.verdicts = verdicts
        self._who = str(file.path)
        self._machines: Machines | None = machines
        self._segments = segments
        self._threads = threads
        self._process = os.getpid()
        self._counts = Counts()

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The model's inputs, in order."""
        return self.manifest.inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The model's outputs, in order."""
        return self.manifest.outputs

    def run(self, inputs: Given) -> dict[str, Array]:
        """Run the model once: the outputs by name, arrays of their own memory.

        `inputs` are arrays by name or in order: numpy's or any with DLPack, in the CPU's memory. dtypes and shapes
        must be those of `self.inputs`, a symbolic dimension the same wherever it stands; nothing is cast. Strided
        arrays and those in foreign byte order are copied and counted.

        Raises InputError for inputs that do not fit, DriverError with segment, vendor and the driver's words when a
        segment fails, ArtefactError after `close`.
        """
        return self._run(inputs, self._open().one())

    def run_instrumented(self, inputs: Given, instrument: Instrument) -> dict[str, Array]:
        """As `run`; TVM's virtual machine calls `instrument` before and after each call of host code."""
        return self._run(inputs, self._open().instrumented(instrument))

    def _run(self, inputs: Given, machine: AbstractContextManager[Any]) -> dict[str, Array]:
        accepted = accept(self._who, self.inputs, inputs)
        with translated(self._who), machine as main:
            start = time.perf_counter_ns()
            result = call(self._who, main, accepted.tensors, self._threads)
            elapsed = time.perf_counter_ns() - start
            values = _owned(result)
        self._counts.add(accepted, elapsed)
        return _named(self._who, self.outputs, values)

    def run_segment(self, name: str, inputs: Given) -> dict[str, Array]:
        """Run one segment alone: its outputs by name. `inputs` are as in `run`, for the segment's own ports.

        Raises what `run` does, UsageError for an unknown segment, and InputError when its output shapes do not
        follow from the inputs' shapes.
        """
        self._open()
        entry = self.segment(name)
        who = f"{self._who}: segment {name!r}"
        accepted = accept(who, entry.inputs, inputs)
        function = self._segments[name]
        start = time.perf_counter_ns()
        with translated(who):
            if entry.convention == "returns":
                values = _owned(function(*accepted.tensors))
            else:
                values = [_allocated(who, port, accepted) for port in entry.outputs]
                function(*accepted.tensors, *(to_tensor(each) for each in values))
        self._counts.add_alone(time.perf_counter_ns() - start)
        return _named(who, entry.outputs, values)

    def segment(self, name: str) -> SegmentEntry:
        """The manifest's entry of the segment `name`. Raises UsageError for an unknown one."""
        entries = {each.name: each for each in self.manifest.segments}
        if name not in entries:
            raise UsageError(
                f"{self._who} has no segment {name!r}{nearest(name, entries)} (its segments: "
                f"{', '.join(entries) or 'none'})"
            )
        return entries[name]

    def stats(self) -> Stats:
        """What was counted since loading or `reset_stats`. Cheap, but not for every call of a loop."""
        self._open()
        segments = read_segments(str(self._segments["byoc.stats"]()))
        return self._counts.with_segments(segments)

    def reset_stats(self) -> None:
        """Set every counter to nought."""
        self._open()
        self._segments["byoc.reset"]()
        self._counts = Counts()

    def close(self) -> None:
        """Close the drivers and give back the memory. Calls that run finish; later ones raise ArtefactError."""
        machines, self._machines = self._machines, None
        if machines is not None and self._process == os.getpid():
            with translated(self._who):
                self._segments["byoc.close"]()

    def __enter__(self) -> Artefact:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> Machines:
        machines = self._machines
        if machines is None:
            raise ArtefactError(f"{self._who} is closed; load it again")
        if self._process != os.getpid():
            self._enter_child(machines)
        return machines

    def _enter_child(self, machines: Machines) -> None:
        """After fork: drivers are opened again by the C++ runtime; what another thread held cannot be saved."""
        if machines.busy:
            raise ArtefactError(
                f"{self._who}: this process was forked while {machines.busy} of its parent's calls ran, whose "
                "locks nobody will give back; fork between runs, or use multiprocessing's spawn"
            )
        self._process = os.getpid()
        self._counts = Counts()


def _flat(result: Any) -> Iterator[Any]:
    """The tensors of a result, which is a tensor or a tuple of results."""
    if isinstance(result, tvm_ffi.Tensor):
        yield result
        return
    for each in result:
        yield from _flat(each)


def _owned(result: Any) -> list[Array]:
    """Arrays of their own memory: a result may share its own with an input, a constant or TVM's pool."""
    return [to_array(each).copy() for each in _flat(result)]


def _named(who: str, ports: tuple[Port, ...], values: Sequence[Array]) -> dict[str, Array]:
    if len(values) != len(ports):
        raise DriverError(
            f"{who} gave {len(values)} outputs, its manifest has {len(ports)}; compile the model again"
        )
    return {port.name: each for port, each in zip(ports, values, strict=True)}


def _allocated(who: str, port: Port, accepted: Accepted) -> Array:
    shape = sizes(port, accepted.dims)
    known = [each for each in shape or () if each is not None]
    if shape is None or len(known) != len(shape):
        raise InputError(
            f"{who}: the shape of its output {port.name!r} does not follow from its inputs; run the whole model"
        )
    return empty(tuple(known), port.dtype, port.alignment)
