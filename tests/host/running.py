"""What host code calls, for tests that need no artefact: segments' ONNX models, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime
import tvm
import tvm_ffi

from byoc.blob import Blob
from byoc.codegen.compiled import CompiledSegment
from byoc.frontends.model import Model
from byoc.host import HostBuild, HostOptions, build_host
from byoc.host.library import SourceRow
from byoc.host.reference import Evaluator
from byoc.partition.vendor import Vendor
from byoc.pipeline import PartitionOptions, as_model, partition_for
from byoc.region import Region
from byoc.segment import Segment
from byoc.support.refusal import Refusal
from byoc.testing.run import run_model


@dataclass
class Codegen:
    """Blobs that are the segments' ONNX models; `calls` are the symbols asked for, in order.

    Segments with an op of `cannot` among them are refused, without a word on which it is.
    """

    cannot: frozenset[str] = frozenset()
    calls: list[str] = field(default_factory=list)

    def compile(self, segments: Sequence[Segment]) -> list[CompiledSegment | Refusal]:
        return [self.one(each) for each in segments]

    def one(self, segment: Segment) -> CompiledSegment | Refusal:
        self.calls.append(segment.symbol)
        if self.cannot & {op.name for op in segment.ops}:
            return Refusal("codegen-failed", "there is an op that it cannot")
        try:
            model = segment.to_onnx(21).SerializeToString()
            _session(model)
        except Exception as error:
            return Refusal("codegen-failed", f"{type(error).__name__}: {error}")
        return CompiledSegment(segment, Blob(model))


@dataclass
class Chip:
    """A vendor that takes every op of `takes`, whatever it looks like."""

    takes: Sequence[str]
    name: str = "chip"
    notes: tuple[str, ...] = ()

    @property
    def vendor(self) -> Vendor:
        return Vendor(self.name, {op: (SourceRow("alone"),) for op in self.takes})

    @property
    def public_options(self) -> Mapping[str, Any]:
        return {}

    def judge(self, regions: Sequence[Region]) -> list[Refusal | None]:
        return [None] * len(regions)


def built(
    source: Any, takes: Sequence[str] = (), codegen: Codegen | None = None, **options: Any
) -> HostBuild:
    """The host's part of a model or module of which a vendor has the ops of `takes`."""
    model = source if isinstance(source, Model) else as_model(source, PartitionOptions())
    partition = partition_for(model, [Chip(takes)] if takes else [])
    compiled = Codegen().compile(partition.segments())
    assert all(isinstance(each, CompiledSegment) for each in compiled), compiled
    return build_host(partition, compiled, codegen or Codegen(), HostOptions(**options))  # type: ignore[arg-type]


def agrees(source: Any, inputs: Sequence[Any], build: HostBuild, **failing: Any) -> list[str]:
    """Hold the results of `build` to those of the source compiled as it stands; what host code called, in order."""
    model = source if isinstance(source, Model) else as_model(source, PartitionOptions())
    names = [param.name for param in model.module["main"].params]
    expected = run_model(model, dict(zip(names, inputs, strict=True)))
    with functions(build, **failing) as called:
        found = run(build, inputs)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    return called


@contextmanager
def functions(build: HostBuild, failing: Sequence[str] = ()) -> Iterator[list[str]]:
    """Register what the host code of `build` calls; what was called, in order. Segments of `failing` fail."""
    called: list[str] = []
    names = []
    for entry in build.segments:
        model = build.blobs[entry.name].payload
        run = Evaluator(model) if entry.vendor == "onnx" else _run(model)
        made = _packed(entry.name, run, len(entry.inputs), entry.convention, called)
        names.append(entry.name)
        if entry.fallback:
            names[-1] += ".try"
            made = _trying(made, entry.name in failing)
        tvm_ffi.register_global_func(names[-1], made, override=True)
    try:
        yield called
    finally:
        for name in names:
            tvm_ffi.registry.remove_global_func(name)


def run(build: HostBuild, inputs: Sequence[Any]) -> list[Any]:
    """The results of `main`; `inputs` are arrays, or tuples of arrays."""
    machine = tvm.relax.VirtualMachine(build.executable, tvm.cpu())
    result = machine["main"](*[_given(each) for each in inputs])
    return list(_arrays(result))


def _given(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_given(each) for each in value]
    return tvm.runtime.tensor(np.asarray(value))


def _arrays(result: Any) -> Iterator[Any]:
    if isinstance(result, tvm.runtime.Tensor):
        yield result.numpy()
        return
    for each in result:
        yield from _arrays(each)


def _session(model: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run(model: bytes) -> Any:
    session = _session(model)
    names = [each.name for each in session.get_inputs()]

    def run(arrays: Sequence[Any]) -> Sequence[Any]:
        feeds: Mapping[str, Any] = dict(zip(names, arrays, strict=True))
        found: Sequence[Any] = session.run(None, feeds)
        return found

    return run


def _packed(name: str, run: Any, count: int, convention: str, called: list[str]) -> Any:
    def call(*args: Any) -> Any:
        called.append(name)
        results = run([each.numpy() for each in args[:count]])
        if convention == "dps":
            for given, result in zip(args[count:], results, strict=True):
                given.copyfrom(result)
            return None
        tensors = [tvm.runtime.tensor(np.asarray(each)) for each in results]
        return tensors[0] if len(tensors) == 1 else tensors

    return call


def _trying(function: Any, fails: bool) -> Any:
    def call(*args: Any) -> int:
        if not fails:
            function(*args)
        return int(not fails)

    return call
