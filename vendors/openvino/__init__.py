"""The openvino vendor: segments compiled by OpenVINO for the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import byoc

if TYPE_CHECKING:
    from byoc import Blob, Executor, Refusal, Region, Segment, SegmentEntry, Verdict

OPTIONS: Final = {
    "type": "object",
    "properties": {
        "precision": {
            "enum": ["f32", "bf16", "f16"],
            "default": "f32",
            "description": "what float32 is computed in; less than f32 only where the CPU has instructions for it",
        },
        "int8": {
            "enum": ["auto", "exact", "fast"],
            "default": "auto",
            "description": "how quantised operators are computed: fast in int8, which overflows on CPUs without "
            "VNNI; exact in float32; auto: fast where the CPU has VNNI",
        },
        "int64": {
            "enum": ["exact", "narrow"],
            "default": "exact",
            "description": "exact: 64-bit integers as indices only; narrow: everywhere, computed in 32 bits",
        },
        "streams": {
            "type": "integer",
            "minimum": 1,
            "default": 1,
            "x-byoc-time": "load",
            "description": "calls of one segment that run at a time, each on its share of the threads",
        },
        "threads": {
            "type": "integer",
            "minimum": 0,
            "default": 0,
            "x-byoc-time": "load",
            "description": "threads of all streams together, 0 for one a core",
        },
        "profile": {
            "type": "boolean",
            "default": False,
            "x-byoc-time": "load",
            "description": "measure every operator; the figures are in the segment's statistics",
        },
    },
}


@byoc.hookimpl
def byoc_vendor_spec() -> byoc.VendorSpec:
    """Describe OpenVINO's CPU plugin."""
    return byoc.VendorSpec.from_table(
        Path(__file__).with_name("support.yaml"),
        options=OPTIONS,
        toolchain=_installed(),
    )


@byoc.hookimpl
def byoc_check(
    vendor: str, regions: Sequence[Region], spec: byoc.VendorSpec, options: Mapping[str, Any]
) -> Sequence[Refusal | None] | None:
    """Ask OpenVINO itself, about all regions at once."""
    if vendor != "openvino":
        return None
    from byoc.vendors.openvino.query import judge

    return judge(regions, spec.opset, options)


@byoc.hookimpl
def byoc_codegen(
    vendor: str, segment: Segment, spec: byoc.VendorSpec, options: Mapping[str, Any]
) -> Blob | None:
    """Compile for this CPU and export."""
    if vendor != "openvino":
        return None
    from byoc.vendors.openvino.compiler import compiled

    return compiled(segment.to_onnx(spec.opset), options)


@byoc.hookimpl
def byoc_compatible(
    vendor: str, manifest: SegmentEntry, device: Mapping[str, Any]
) -> Verdict | None:
    """Hold the blob's version and instruction sets against this machine's."""
    if vendor != "openvino":
        return None
    from byoc.vendors.openvino.compat import judge

    return judge(manifest.compat, _installed(), device)


@byoc.hookimpl
def byoc_load(vendor: str, blob: Blob, options: Mapping[str, Any]) -> Executor | None:
    """Import the blob from the memory that it is given in."""
    if vendor != "openvino":
        return None
    from byoc.vendors.openvino.executor import RequestExecutor

    return RequestExecutor(blob, options)


def _installed() -> str:
    """The version of openvino, "" when it is not installed. Nothing is imported."""
    try:
        return metadata.version("openvino")
    except metadata.PackageNotFoundError:
        return ""
