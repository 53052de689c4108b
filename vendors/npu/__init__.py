"""The npu vendor: a reference NPU, as a third party would write its plugin. The table beside it says everything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import byoc

CHIPS: Final[Mapping[str, Mapping[str, Any]]] = {
    "standard": {},
    "lite": {"sram": 131072, "filter": 16384},
}
"""What each chip has other than the table says."""

OPTIONS: Final = {
    "type": "object",
    "properties": {
        "chip": {
            "enum": list(CHIPS),
            "default": "standard",
            "description": "the chip to partition for; lite has a quarter of the on-chip memory",
        }
    },
}


@byoc.hookimpl
def byoc_vendor_spec(options: Mapping[str, str]) -> byoc.VendorSpec:
    """Describe the chip that the option `chip` names."""
    hardware = CHIPS.get(options.get("chip", "standard"), {})
    table = Path(__file__).with_name("support.yaml")
    return byoc.VendorSpec.from_table(table, hardware=hardware, options=OPTIONS)
