"""A plugin whose hook nobody marked."""

import byoc


def byoc_vendor_spec():
    return byoc.VendorSpec(name="unmarked")
