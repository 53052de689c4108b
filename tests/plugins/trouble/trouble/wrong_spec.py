"""A plugin whose spec is no spec."""

import byoc


@byoc.hookimpl
def byoc_vendor_spec():
    return {"name": "wrong-spec"}
