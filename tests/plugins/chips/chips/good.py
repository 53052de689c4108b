"""A vendor that works: its blob is the segment as ONNX.

What a test may change without an option stands in the environment: GOODCHIP_LOG names a file to which
every call of codegen and load adds a line, GOODCHIP_TOOLCHAIN is the toolchain's version, GOODCHIP_ISA the
instruction set of the device at hand.
"""

import os
from pathlib import Path

import byoc
from chips.evaluator import Evaluator

OPTIONS = {
    "type": "object",
    "properties": {
        "isa": {"type": "integer", "minimum": 1, "maximum": 3, "default": 2},
        "effort": {"enum": ["low", "high"], "default": "low"},
        "queue": {"type": "integer", "minimum": 1, "default": 1, "x-byoc-time": "load"},
        "licence": {"type": "string", "default": "", "writeOnly": True},
        "key": {"type": "string", "default": "", "writeOnly": True, "x-byoc-time": "load"},
    },
}


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec.from_table(
        Path(__file__).with_name("good.yaml"),
        options=OPTIONS,
        toolchain=os.environ.get("GOODCHIP_TOOLCHAIN", "1.0"),
        opset=17,
    )


@byoc.hookimpl
def byoc_codegen(vendor, segment, spec, options):
    if vendor != "goodchip":
        return None
    note("codegen", segment.symbol)
    if options["licence"] == "expired":
        return byoc.Refusal("codegen-failed", "the licence has expired")
    model = segment.to_onnx(spec.opset).SerializeToString(deterministic=True)
    report = {"effort": options["effort"], "ops": [op.name for op in segment.ops]}
    listing = "\n".join(report["ops"]).encode()
    return byoc.Blob(
        model, compat=bytes([options["isa"]]), report=report, files={"listing.txt": listing}
    )


@byoc.hookimpl
def byoc_compatible(vendor, manifest):
    if vendor != "goodchip":
        return None
    (made,), device = manifest.compat, int(os.environ.get("GOODCHIP_ISA", "2"))
    if made > device:
        return byoc.Verdict("incompatible", f"made for ISA {made}, the device has ISA {device}")
    if made < device:
        return byoc.Verdict("usable", f"made for ISA {made}, the device has ISA {device}")
    return byoc.Verdict("optimal")


@byoc.hookimpl
def byoc_load(vendor, blob, options):
    if vendor != "goodchip":
        return None
    note("load", blob.report["ops"])
    return Evaluator(blob.payload, options["queue"])


def note(what, about):
    if "GOODCHIP_LOG" in os.environ:
        with Path(os.environ["GOODCHIP_LOG"]).open("a") as log:
            log.write(f"{what} {about}\n")
