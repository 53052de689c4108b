"""A plugin with a misspelt hook."""

import byoc


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec()


@byoc.hookimpl
def byoc_patern_table(vendor):
    return []
