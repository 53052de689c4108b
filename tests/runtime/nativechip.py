"""A vendor with a native driver, the library that NATIVECHIP_DRIVER names."""

import os
from pathlib import Path

import byoc
from tests.runtime import testchip


@byoc.hookimpl
def byoc_vendor_spec():
    driver = Path(os.environ["NATIVECHIP_DRIVER"])
    return byoc.VendorSpec("nativechip", options=testchip.OPTIONS, toolchain="2.0", driver=driver)
