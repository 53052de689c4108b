"""The onnxruntime vendor: segments as optimised ONNX, run by onnxruntime's CPU kernels.

It is byoc's host library too: what no other vendor took and is heavy runs in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import byoc

if TYPE_CHECKING:
    from byoc import Blob, Executor, Segment, SegmentEntry, Verdict

OPTIONS: Final = {
    "type": "object",
    "properties": {
        "layout": {
            "enum": ["machine", "portable"],
            "default": "machine",
            "description": "machine: the blob has the blocked layout of convolutions that the compiling CPU wants; "
            "portable: it runs on every CPU, and the layout is chosen when it is opened",
        },
        "threads": {
            "type": "integer",
            "minimum": 0,
            "default": 0,
            "x-byoc-time": "load",
            "description": "threads of one operator, 0 for one a core",
        },
        "spinning": {
            "type": "boolean",
            "default": False,
            "x-byoc-time": "load",
            "description": "idle threads wait in a busy loop: faster calls, at the cost of all else on the CPU",
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
    """Describe onnxruntime's CPU kernels."""
    return byoc.VendorSpec.from_table(
        Path(__file__).with_name("support.yaml"),
        options=OPTIONS,
        toolchain=_installed(),
    )


@byoc.hookimpl
def byoc_codegen(
    vendor: str, segment: Segment, spec: byoc.VendorSpec, options: Mapping[str, Any]
) -> Blob | None:
    """Optimise the segment's ONNX form as a session would, and keep the result."""
    if vendor != "onnxruntime":
        return None
    from byoc.vendors.onnxruntime.optimise import optimised

    return optimised(segment.to_onnx(spec.opset), options["layout"])


@byoc.hookimpl
def byoc_compatible(
    vendor: str, manifest: SegmentEntry, device: Mapping[str, Any]
) -> Verdict | None:
    """Hold the blob's version and layout against this machine's."""
    if vendor != "onnxruntime":
        return None
    from byoc.vendors.onnxruntime.compat import judge

    return judge(manifest.compat, _installed(), device)


@byoc.hookimpl
def byoc_load(vendor: str, blob: Blob, options: Mapping[str, Any]) -> Executor | None:
    """Open a session on the blob, its weights where they lie in it."""
    if vendor != "onnxruntime":
        return None
    from byoc.vendors.onnxruntime.executor import SessionExecutor

    return SessionExecutor(blob, options)


def _installed() -> str:
    """The version of onnxruntime, "" when it is not installed. Nothing is imported."""
    try:
        return metadata.version("onnxruntime")
    except metadata.PackageNotFoundError:
        return ""
