"""A vendor whose check raises on exp."""

from pathlib import Path

import byoc


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec.from_table(Path(__file__).with_name("raises.yaml"))


@byoc.hookimpl
def byoc_check(vendor, regions):
    if vendor != "raises":
        return None
    if any(op.name == "exp" for region in regions for op in region.ops):
        raise RuntimeError("no licence for exp")
    return [None] * len(regions)
