"""What compiling and running gives, written by hand: the reports need no vendor and no artefact."""

from __future__ import annotations

from pathlib import Path

from byoc.artefact import ArtefactFile
from byoc.compile import Compiled
from byoc.manifest import Manifest, Part, Port, SegmentEntry
from byoc.options import SegmentEvent
from byoc.runtime.compare import OutputError
from byoc.signing import Signature
from tests.report import plans

PORTS = (Port("image", "float32", (1, 3, "h", 224)), Port("ids", "int64", None))
OUT = (Port("logits", "float32", (1, None)),)
DEVICE = {"machine": "x86_64", "cpu": "A CPU", "features": [], "system": "Linux", "libc": ""}
EVENTS = (
    SegmentEvent("npu_0", "npu", "started"),
    SegmentEvent("npu_0", "npu", "compiled", seconds=1.2345),
)
GOOD = OutputError("logits", 1.25e-6, 5e-7, 2e-4, 123.456, 12, 1000)
BAD = OutputError("logits", 3.0, 0.25, 9.0, 12.0, 1000, 1000)


def entry(name: str = "npu_0", vendor: str = "npu", **more: object) -> SegmentEntry:
    fields = {
        "fingerprint": "0123456789abcdef" * 4,
        "inputs": PORTS[:1],
        "outputs": OUT,
        "parts": {"payload": 0},
        "plugin": "npu-byoc 1.0",
        "toolchain": "7.1",
        "options": {"cores": 2},
        "nodes": ("Conv1", "Relu1"),
    }
    return SegmentEntry(name, vendor, **{**fields, **more})  # type: ignore[arg-type]


def manifest(**changes: object) -> Manifest:
    fields = {
        "byoc": "0.1.0",
        "tvm": "0.27",
        "model": "zoo:small",
        "inputs": PORTS,
        "outputs": OUT,
        "segments": (
            entry(),
            entry("host_0", "onnxruntime", host=True, parts={"a": 1, "b": 2}, nodes=("Conv2",)),
        ),
        "parts": (Part("a" * 64, 0, 2_000_000), Part("b" * 64, 0, 500), Part("c" * 64, 0, 12)),
        "plan": 2,
        "target": '{"kind":"llvm","mtriple":"x86_64-linux-gnu","mcpu":"znver4"}',
        "host": "onnxruntime 1.31.1",
        "device": DEVICE,
    }
    return Manifest(**{**fields, **changes})  # type: ignore[arg-type]


def compiled(path: Path, **changes: object) -> Compiled:
    fields = {
        "path": path,
        "plan": plans.plan(),
        "manifest": manifest(),
        "seconds": {"cache": 0.0, "import": 0.25, "codegen": 2.5, "host": 1.0, "link": 0.5},
        "calls": 1,
        "notes": ("the cache could not be written",),
    }
    return Compiled(**{**fields, **changes})  # type: ignore[arg-type]


def file(signature: Signature | None = None) -> ArtefactFile:
    return ArtefactFile(Path("small.so"), manifest(), {}, "5" * 64, 3_000_000, signature)
