"""A vendor that refuses exp by itself and any segment of more than three ops."""

from pathlib import Path

import byoc


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec.from_table(Path(__file__).with_name("picky.yaml"))


@byoc.hookimpl
def byoc_check(vendor, regions):
    if vendor != "picky":
        return None
    return [judge(region) for region in regions]


def judge(region):
    if [op.name for op in region.ops] == ["exp"]:
        return byoc.Refusal("check", "exp alone is slower than the host")
    if len(region.ops) > 3:
        return byoc.Refusal("check", f"{len(region.ops)} ops do not fit the queue of 3")
    return None
