"""MyChip for byoc: a table and three hooks."""

from pathlib import Path

import byoc
from mychip.chip import mychip_compile, mychip_runtime


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec.from_table(Path(__file__).with_name("support.yaml"))


@byoc.hookimpl
def byoc_codegen(vendor, segment):
    if vendor == "mychip":
        return byoc.Blob(mychip_compile(segment.to_onnx()))
    return None


@byoc.hookimpl
def byoc_load(vendor, blob):
    if vendor == "mychip":
        return mychip_runtime(blob.payload)
    return None
