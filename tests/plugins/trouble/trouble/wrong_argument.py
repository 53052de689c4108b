"""A plugin whose check asks for an argument that there is not."""

import byoc


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec(name="wrong-argument")


@byoc.hookimpl
def byoc_check(vendor, region):
    return None
