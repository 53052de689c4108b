"""A vendor whose library dies on exp."""

import os
import signal
from pathlib import Path

import byoc


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec.from_table(Path(__file__).with_name("crashes.yaml"))


@byoc.hookimpl
def byoc_check(vendor, regions):
    if vendor != "crashes":
        return None
    print("loading libtrouble on standard output", flush=True)
    if any(op.name == "exp" for region in regions for op in region.ops):
        os.kill(os.getpid(), signal.SIGSEGV)
    return [None] * len(regions)
