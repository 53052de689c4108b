"""A vendor whose check answers with a bool, which is neither a refusal nor None."""

import byoc
from byoc import patterns as p


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec(name="says-true")


@byoc.hookimpl
def byoc_pattern_table(vendor):
    if vendor != "says-true":
        return None
    return [p.row(vendor, op, p.is_op(op)(p.wildcard())) for op in ("nn.relu", "exp")]


@byoc.hookimpl
def byoc_check(vendor, regions):
    if vendor != "says-true":
        return None
    return [True if region.ops[0].name == "exp" else None for region in regions]
