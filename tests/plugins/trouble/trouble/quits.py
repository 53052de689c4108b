"""A vendor whose check ends the process it runs in, politely."""

import sys

import byoc
from byoc import patterns as p


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec(name="quits")


@byoc.hookimpl
def byoc_pattern_table(vendor):
    if vendor != "quits":
        return None
    return [p.row(vendor, op, p.is_op(op)(p.wildcard())) for op in ("nn.relu", "exp")]


@byoc.hookimpl
def byoc_check(vendor, regions):
    if vendor != "quits":
        return None
    if any(op.name == "exp" for region in regions for op in region.ops):
        sys.exit("no licence")
    return [None for _ in regions]
