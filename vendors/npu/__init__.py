"""The npu vendor: a reference NPU in the open, from support table to cycle-accurate simulator.

This file is the plugin; what each hook needs is imported when it is called. docs/npu/ explains the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import byoc

if TYPE_CHECKING:
    from byoc import Blob, CostRecord, Refusal, Region, Segment
    from byoc.vendors.npu.compiler import Options
    from byoc.vendors.npu.hardware import Hardware

HERE: Final = Path(__file__).parent

OPTIONS: Final = {
    "type": "object",
    "properties": {
        "chip": {
            "enum": ["small", "medium", "large"],
            "default": "medium",
            "description": "the chip to compile for: vendors/npu/configs has their figures",
        },
        "keep_on_chip": {
            "type": "boolean",
            "default": True,
            "description": "keep results in the scratchpad between layers where they fit; false spills them all",
        },
        "double_buffering": {
            "type": "boolean",
            "default": True,
            "description": "load the next tile while this one computes",
        },
        "c_source": {
            "type": "boolean",
            "default": False,
            "description": "leave the program as plain C beside its listing, in the bundles of --keep",
        },
    },
}


@byoc.hookimpl
def byoc_vendor_spec(options: Mapping[str, str]) -> byoc.VendorSpec:
    """Describe the chip that the option `chip` names."""
    from byoc.vendors.npu.hardware import chips, load, table_figures

    chip = options.get("chip", "medium")  # one that is none is refused when the options are read
    return byoc.VendorSpec.from_table(
        HERE / "support.yaml",
        hardware=table_figures(load(chip)) if chip in chips() else {},
        options=OPTIONS,
        toolchain="1",
        driver=HERE / "libbyoc_npu.so",
    )


@byoc.hookimpl
def byoc_estimate(
    vendor: str, regions: Sequence[Region], options: Mapping[str, Any]
) -> Sequence[CostRecord | None] | None:
    """Compile each segment and tell its cycles."""
    if vendor != "npu":
        return None
    from byoc.vendors.npu.estimate import estimate

    return [estimate(region, *_how(options)) for region in regions]


@byoc.hookimpl
def byoc_codegen(
    vendor: str, segment: Segment, options: Mapping[str, Any]
) -> Blob | Refusal | None:
    """Compile the segment to a program."""
    if vendor != "npu":
        return None
    from byoc.vendors.npu.compiler import blob

    return blob(segment, *_how(options))


def _how(options: Mapping[str, Any]) -> tuple[Hardware, Options]:
    """The chip, and how to compile for it."""
    from byoc.vendors.npu.compiler import Options
    from byoc.vendors.npu.hardware import load

    how = Options(
        keep=options["keep_on_chip"],
        slots=2 if options["double_buffering"] else 1,
        c_source=options["c_source"],
    )
    return load(options["chip"]), how
