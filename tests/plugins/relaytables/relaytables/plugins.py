"""One vendor for each table: what a plugin adds to a Relay table."""

from importlib import import_module

import byoc
from byoc import relay


class RelayVendor:
    """A vendor that is nothing but its Relay table."""

    def __init__(self, name):
        self.name = name

    @byoc.hookimpl
    def byoc_vendor_spec(self):
        return byoc.VendorSpec(name=self.name)

    @byoc.hookimpl
    def byoc_pattern_table(self, vendor):
        if vendor != self.name:
            return None
        import_module(f"relaytables.{vendor}")
        return relay.rows(vendor)


arm_compute_lib = RelayVendor("arm_compute_lib")
bnns = RelayVendor("bnns")
cmsisnn = RelayVendor("cmsisnn")
cublas = RelayVendor("cublas")
cudnn = RelayVendor("cudnn")
cutlass = RelayVendor("cutlass")
dnnl = RelayVendor("dnnl")
ethosu = RelayVendor("ethosu")
tensorrt = RelayVendor("tensorrt")
