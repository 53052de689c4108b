"""A vendor that goes wrong as its options say: while it compiles, while it opens a blob, while it runs."""

from pathlib import Path

import byoc
from chips.evaluator import Evaluator
from chips.faults import FAULTS
from chips.run_faults import RUN_FAULTS, FaultyEvaluator

OPTIONS = {
    "type": "object",
    "properties": {
        "fault": {
            "enum": ["none", *FAULTS],
            "default": "none",
            "description": "what codegen does to a segment",
        },
        "ops": {
            "type": "string",
            "default": "exp",
            "description": "comma-separated; only segments that hold all of these ops",
        },
        "run_fault": {
            "enum": ["none", "open", "missing", "not-callable", *RUN_FAULTS],
            "default": "none",
            "description": "what the driver does",
            "x-byoc-time": "load",
        },
        "call": {
            "type": "integer",
            "minimum": 1,
            "default": 1,
            "description": "the call of an executor at which a run fault happens, counted from 1",
            "x-byoc-time": "load",
        },
    },
}


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec.from_table(
        Path(__file__).with_name("bad.yaml"), options=OPTIONS, toolchain="1.0", opset=17
    )


@byoc.hookimpl
def byoc_codegen(vendor, segment, spec, options):
    if vendor != "badchip":
        return None
    needed = {op for op in options["ops"].split(",") if op}
    if options["fault"] != "none" and needed <= {op.name for op in segment.ops}:
        answer = FAULTS[options["fault"]](segment)
        if answer is not None:
            return answer
    return byoc.Blob(segment.to_onnx(spec.opset).SerializeToString(deterministic=True))


@byoc.hookimpl
def byoc_load(vendor, blob, options):
    if vendor != "badchip":
        return None
    if options["run_fault"] == "none":
        return Evaluator(blob.payload)
    if options["run_fault"] == "open":
        raise RuntimeError("no device answers on the bus")
    if options["run_fault"] == "missing":
        import libbadchip  # noqa: F401
    if options["run_fault"] == "not-callable":
        return 7
    return FaultyEvaluator(blob.payload, options["run_fault"], options["call"])
