"""A plugin with a malformed support table."""

from pathlib import Path

import byoc


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec.from_table(Path(__file__).with_name("bad.yaml"))
