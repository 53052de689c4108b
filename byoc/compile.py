"""Compile: a model in, one shared library out.

import -> partition, each segment compiled by its vendor -> host -> link
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from byoc.options import CompileOptions as CompileOptions
from byoc.options import Observer

if TYPE_CHECKING:
    from onnx import ModelProto
    from tvm import IRModule

    from byoc.frontends.model import Model
    from byoc.manifest import Manifest
    from byoc.partition.plan import Plan
    from byoc.store import StoredPartition


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled model.

    `path` is the artefact, `plan` and `manifest` are those inside it. `seconds` has the wall time of each stage of
    `COMPILE_STAGES`. `whole` says that the whole artefact came out of the cache, `hits` how many segments did,
    `calls` how many times a vendor's compiler was called. `notes` are what the report should say.
    """

    path: Path
    plan: Plan
    manifest: Manifest
    seconds: Mapping[str, float]
    whole: bool = False
    hits: int = 0
    calls: int = 0
    notes: tuple[str, ...] = field(default=())


def compile_model(
    source: Model | ModelProto | IRModule | StoredPartition | Path | str,
    vendors: Sequence[str],
    output: Path | str,
    options: CompileOptions | None = None,
    observer: Observer | None = None,
) -> Compiled:
    """Compile `source` for `vendors`, in the order of preference, into the shared library `output`.

    `source` is as in `partition_model`, or what `load_partition` gave: its cut is then taken as it is (and
    `vendors` are those of its plan when none are given). `output` is written whole or not at all, and replaced if
    it exists.
    Raises UsageError, ModelError, PluginError, TableError or PatternError for what the caller can mend.
    """
    raise NotImplementedError
