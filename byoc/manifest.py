"""Manifest: what an artefact says of its segments; JSON in the artefact, frozen dataclasses here.

`docs/manifest.md` describes the JSON for other readers, `byoc/manifest.schema.json` holds it, and the C++ runtime
reads the same text. Nothing in it depends on when or where it was written but `device`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Extent: TypeAlias = "int | str | None"
"""A dimension: known, symbolic (an expression over names), or unknown until run time."""

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Port:
    """A tensor at a border: of a segment, or of the whole model.

    `name` is the model's own where there is one. `dtype` is numpy's or ml_dtypes' name. `shape` is None when not even
    the rank is known. `alignment` (bytes) is what the driver demands of the address. `order` is the driver's order of
    the segment's axes, () for the same.
    """

    name: str
    dtype: str
    shape: tuple[Extent, ...] | None
    alignment: int = 64
    order: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes in the container: `sha256` in hexadecimal, `offset` and `bytes` within the container."""

    sha256: str
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """One segment of the artefact.

    `name` is the function that host code calls. `host` says that it is the host library's, not an offload. `plugin` is
    the distribution and version of the vendor's plugin, `toolchain` the version of its compiler, `table` the SHA-256
    of its support table ("" without one), `hardware` the chip's figures, `options` the public compile-time options.
    `fingerprint` is the segment's (`Region.fingerprint`). `parts` maps a part's name to its index in the manifest's
    parts. `convention`: "dps" is called with inputs and outputs and fills the outputs; "returns" is called with
    inputs alone and returns the outputs, for shapes that only running tells. `fallback` says that the host version
    is compiled in. `nodes` are the source nodes it covers.
    """

    name: str
    vendor: str
    fingerprint: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parts: Mapping[str, int]
    host: bool = False
    plugin: str = ""
    toolchain: str = ""
    table: str = ""
    hardware: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    compat: bytes = b""
    report: Mapping[str, Any] = field(default_factory=dict)
    convention: Literal["dps", "returns"] = "dps"
    fallback: bool = False
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole artefact: its signature, its segments, the parts in the container.

    `inputs` and `outputs` are those of `main`, in order. `device` is the machine that compiled
    (`byoc.device.this_device`). `target` is TVM's target of the host code, `host` the host library ("onnxruntime
    1.31.1") or "tvm". `plan` is the index of the part that holds the plan (JSON).
    """

    byoc: str
    tvm: str
    model: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    segments: tuple[SegmentEntry, ...]
    parts: tuple[Part, ...]
    plan: int
    target: str = "llvm"
    host: str = "tvm"
    device: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT
