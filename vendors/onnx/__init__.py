"""The onnx vendor: onnx's reference evaluator, the host's last resort for nodes that nothing else has a kernel for.

It has no table and takes no ops. What it compiles when it is asked is slow and right.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

import byoc

if TYPE_CHECKING:
    from byoc import Blob, Executor, Segment


@byoc.hookimpl
def byoc_vendor_spec() -> byoc.VendorSpec:
    """Describe onnx's reference evaluator."""
    return byoc.VendorSpec(
        name="onnx",
        description="onnx's reference evaluator: the host's last resort, takes no ops by itself",
        toolchain=metadata.version("onnx"),
    )


@byoc.hookimpl
def byoc_codegen(vendor: str, segment: Segment) -> Blob | None:
    """Keep the segment's ONNX form."""
    if vendor != "onnx":
        return None
    return byoc.Blob(segment.to_onnx().SerializeToString(deterministic=True))


@byoc.hookimpl
def byoc_load(vendor: str, blob: Blob) -> Executor | None:
    """Open the evaluator on an ONNX model."""
    return byoc.Evaluator(blob.payload) if vendor == "onnx" else None
