"""CompiledSegment: a segment with the blob that its vendor made of it; what linking is given."""

from __future__ import annotations

from dataclasses import dataclass

from byoc.blob import Blob
from byoc.segment import Segment


@dataclass(frozen=True, slots=True)
class CompiledSegment:
    """`host` says that the host library compiled it, `cached` that no vendor was called. `seconds` is wall time."""

    segment: Segment
    blob: Blob
    host: bool = False
    cached: bool = False
    seconds: float = 0.0
