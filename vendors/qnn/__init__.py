"""The qnn vendor: Qualcomm's compiler for Hexagon tensor processors (HTP), and its simulator on x86.

Everything of the toolchain comes in the package `onnxruntime-qnn`; nothing of it is imported before a segment is
compiled or opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import byoc

if TYPE_CHECKING:
    from byoc import Blob, Executor, Refusal, Segment, SegmentEntry, Verdict

SOCS: Final[Mapping[str, int]] = {
    "generic": 0,
    "sm8350": 30,
    "sm8450": 36,
    "sa8295": 39,
    "sm8550": 43,
    "sa8255": 52,
    "sm8650": 57,
    "sc8380xp": 60,
    "sm8750": 69,
}
"""The chips that can be named, with QNN's numbers for them."""

WITHOUT_FLOAT16: Final = frozenset({"generic", "sm8350"})
"""Chips for which QNN compiles float tensors in float32, and fewer ops of them."""

OPTIONS: Final = {
    "type": "object",
    "properties": {
        "soc": {
            "enum": list(SOCS),
            "default": "generic",
            "description": "the chip to compile for; all but generic and sm8350 compute float32 tensors in float16",
        },
        "vtcm_mb": {
            "type": "integer",
            "minimum": 0,
            "maximum": 16,
            "default": 0,
            "description": "tightly coupled memory to plan with, in MB; 0 for all that the chip has",
        },
        "optimization": {
            "type": "integer",
            "minimum": 0,
            "maximum": 3,
            "default": 0,
            "description": "how long the compiler searches, from 1 (short) to 3 (long); 0 for its own choice",
        },
        "performance": {
            "enum": [
                "default",
                "burst",
                "sustained_high_performance",
                "high_performance",
                "balanced",
                "low_balanced",
                "power_saver",
                "low_power_saver",
                "high_power_saver",
                "extreme_power_saver",
            ],
            "default": "default",
            "x-byoc-time": "load",
            "description": "clocks and voltages of the chip while it runs; the simulator has none",
        },
    },
}

OPSET: Final = 21
"""What segments are written in: the first opset whose quantised types are those of the HTP."""


@byoc.hookimpl
def byoc_vendor_spec(options: Mapping[str, str]) -> byoc.VendorSpec:
    """Describe the HTP of the chip that the option `soc` names."""
    soc = options.get("soc", "generic")
    return byoc.VendorSpec.from_table(
        Path(__file__).with_name("support.yaml"),
        hardware={"float16": soc not in WITHOUT_FLOAT16},
        options=OPTIONS,
        toolchain=toolchain(),
        opset=OPSET,
    )


@byoc.hookimpl
def byoc_codegen(
    vendor: str, segment: Segment, spec: byoc.VendorSpec, options: Mapping[str, Any]
) -> Blob | Refusal | None:
    """Compile the segment's ONNX form to a context binary; refuse the nodes that QNN leaves to the CPU."""
    if vendor != "qnn":
        return None
    if not toolchain():
        # Naming every node spares byoc the search for those at fault.
        nodes = dict.fromkeys(node for op in segment.ops for node in op.nodes)
        return byoc.Refusal("codegen-failed", MISSING, nodes=tuple(nodes))
    from byoc.vendors.qnn.compile import compiled

    return compiled(segment, spec, options)


@byoc.hookimpl
def byoc_compatible(
    vendor: str, manifest: SegmentEntry, device: Mapping[str, Any]
) -> Verdict | None:
    """Hold the version that made the blob against the one that is installed."""
    if vendor != "qnn":
        return None
    from byoc.vendors.qnn.compat import judge

    return judge(manifest.compat, installed(), device)


@byoc.hookimpl
def byoc_load(vendor: str, blob: Blob, options: Mapping[str, Any]) -> Executor | None:
    """Open a session on the context binary: on x86 it runs in the simulator."""
    if vendor != "qnn":
        return None
    if not installed():
        raise ModuleNotFoundError(MISSING)
    from byoc.vendors.qnn.executor import ContextExecutor

    return ContextExecutor(blob.payload, options["performance"])


MISSING: Final = "onnxruntime-qnn is not installed; pip install 'byoc[qnn]'"


def installed() -> str:
    """The version of onnxruntime-qnn, "" when it is not installed. Nothing is imported."""
    return _version("onnxruntime-qnn")


def toolchain() -> str:
    """The versions of QNN and of onnxruntime, which rewrites the graph before QNN sees it; "" without QNN."""
    return installed() and f"{installed()} with onnxruntime {_version('onnxruntime')}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
