"""A plugin whose options are properties, not the schema of an object that has them."""

import byoc


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec(name="wrong-options", options={"chip": {"enum": ["a", "b"]}})
