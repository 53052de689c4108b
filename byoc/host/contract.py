"""What the host part of a compilation takes and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from byoc.blob import Blob
from byoc.codegen.compiled import CompiledSegment
from byoc.manifest import Port, SegmentEntry
from byoc.segment import Segment
from byoc.support.refusal import Refusal


class Codegen(Protocol):
    """The codegen service (`byoc.codegen`): calls each segment's vendor, in workers and with a cache."""

    def compile(self, segments: Sequence[Segment]) -> Sequence[CompiledSegment | Refusal]:
        """One answer a segment, in order. Raises nothing that a vendor causes."""


@dataclass(frozen=True, slots=True)
class HostOptions:
    """How the host's part is made.

    `library` is who runs the heavy ops that no vendor took: the vendor "onnxruntime", or "tvm" for TVM alone.
    `fallback` compiles the host version of each vendor's segment in. `target` is TVM's target of the host code, as
    text.
    """

    library: Literal["onnxruntime", "tvm"] = "onnxruntime"
    fallback: bool = False
    target: str = "llvm"


@dataclass(frozen=True, slots=True)
class HostBuild:
    """Everything that `byoc.artefact.write_artefact` links.

    `executable` is TVM's (`tvm.relax.VMExecutable`); host code in it calls segments by name. `inputs` and `outputs`
    are those of `main`. `segments` are the manifest's entries of the vendors' segments, then of the host's, all but
    their `parts`. `blobs` are the segments' blobs by name, those that were
    given and those of the host library. `library` is the host library with its version ("onnxruntime 1.31.1"), or
    "tvm". `notes` say what the host library could not take, for the report.
    """

    executable: Any
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    segments: tuple[SegmentEntry, ...]
    blobs: Mapping[str, Blob]
    library: str
    target: str
    notes: tuple[str, ...] = field(default=())
