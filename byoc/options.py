"""Options: what a partition and a compilation are asked for, and who is told how they go on.

Nothing here needs TVM: a compilation whose result is in the cache never imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

STAGES = ("import", "read", "match", "annotate", "place", "merge", "outline", "verify", "plan")
"""The stages of a partition, in order; `Partition.seconds` has an entry for each."""

COMPILE_STAGES = (*STAGES[:7], "codegen", *STAGES[7:], "host", "link")
"""The stages of a compilation, in order; `Compiled.seconds` has an entry for each, and for "cache"."""


@dataclass(frozen=True, slots=True)
class PartitionOptions:
    """The options of a partition.

    `shapes` binds an input's whole shape, `dims` a symbolic dimension by name. `min_ops` and `min_macs` send
    smaller segments back to the host. `merge` is "fewest" (the fewest segments) or "connected" (along edges only,
    as Relay's MergeCompilerRegions). `vendor_options` maps a vendor to its options, as texts. `check_timeout` is
    how long (seconds) vendor code may take for one batch of questions. With `verify` false the result is not held
    against the input and the plan says so. With `estimate` vendors are asked what each segment would cost. `params`
    is the file of a Relay model's parameters, `.params` or `.npz`; `qnn` is the form of its quantised operators,
    "qdq" or "integer" (docs/relay.md).
    """

    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    dims: Mapping[str, int] = field(default_factory=dict)
    min_ops: int = 0
    min_macs: int = 0
    merge: Literal["fewest", "connected"] = "fewest"
    vendor_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    check_timeout: float = 300.0
    verify: bool = True
    estimate: bool = False
    params: Path | None = None
    qnn: Literal["qdq", "integer"] = "qdq"


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """The options of a compilation.

    `partition` says how the model is cut. `host` is who runs the heavy ops that no vendor took: "onnxruntime", or
    "tvm" for TVM alone. `target` is TVM's target of the host code. `fallback` compiles the host version of each
    segment in, for a driver that fails at run time.

    `jobs` is how many segments are compiled at a time (None: one a core). A vendor's compiler may take `timeout`
    seconds and `memory` bytes (None: four fifths of the machine's) for one segment. `cache` false neither reads
    nor writes compiled segments and artefacts; `cache_dir` is where they are (None: `$BYOC_CACHE_DIR`, else the
    user's cache folder). `keep` is a folder for a repro bundle of each segment. `sign` is the file of an Ed25519
    key in PEM that the artefact is signed with.
    """

    partition: PartitionOptions = field(default_factory=PartitionOptions)
    host: Literal["onnxruntime", "tvm"] = "onnxruntime"
    target: str = "llvm"
    fallback: bool = False
    jobs: int | None = None
    timeout: float = 600.0
    memory: int | None = None
    cache: bool = True
    cache_dir: Path | None = None
    keep: Path | None = None
    sign: Path | None = None


@dataclass(frozen=True, slots=True)
class SegmentEvent:
    """One step of the compilation of a segment, or of a part of one that failed (`part`).

    `state` is "started", then one of "compiled", "cached" (no vendor was called) and "failed". `seconds` is wall
    time; `words` say why it failed.
    """

    segment: str
    vendor: str
    state: Literal["started", "compiled", "cached", "failed"]
    part: bool = False
    seconds: float = 0.0
    words: str = ""


class Observer:
    """Told when each stage begins and ends; override what is wanted."""

    def begin(self, stage: str) -> None:
        """`stage`, one of `STAGES` or `COMPILE_STAGES`, begins."""

    def end(self, stage: str, seconds: float) -> None:
        """`stage` took `seconds`."""

    def segments(self, count: int) -> None:
        """`count` segments, or parts of failed ones, are about to be compiled; events of each follow."""

    def segment(self, event: SegmentEvent) -> None:
        """A segment is a step further; called in the thread that started the compilation."""
