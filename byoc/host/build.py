"""Build: the host's part of a partition as a Relax VM executable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from byoc.host.contract import Codegen, HostBuild, HostOptions

if TYPE_CHECKING:
    from byoc.codegen.compiled import CompiledSegment
    from byoc.pipeline import Partition


def build(
    partition: Partition,
    compiled: Sequence[CompiledSegment],
    codegen: Codegen | None,
    options: HostOptions,
) -> HostBuild:
    """Compile everything of `partition` that is no segment; see `byoc.host.build_host`."""
    raise NotImplementedError
