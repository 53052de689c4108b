"""CompiledSegment: a segment with the blob that its vendor made of it; what linking is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from byoc.blob import Blob

if TYPE_CHECKING:
    from byoc.segment import Segment


@dataclass(frozen=True, slots=True)
class Maker:
    """Who compiled a segment: what the manifest records of it beside the segment (see `SegmentEntry`)."""

    plugin: str = ""
    toolchain: str = ""
    table: str = ""
    hardware: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CompiledSegment:
    """`host` says that the host library compiled it, `cached` that no vendor was called. `seconds` is wall time."""

    segment: Segment
    blob: Blob
    host: bool = False
    cached: bool = False
    seconds: float = 0.0
    maker: Maker = field(default_factory=Maker)
