"""byoc_driver.h as vendors meet it: the driver of docs/driver-abi.md, and libraries that are no drivers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm_ffi

from byoc.container import pack
from byoc.errors import DriverError
from byoc.manifest import Manifest, Port, SegmentEntry
from byoc.runtime import library
from tests.conftest import ROOT
from tests.runtime.native.toolchain import shared_library

PAGE = ROOT / "docs" / "driver-abi.md"


def build(folder: Path, text: str, name: str = "driver.c") -> Path:
    source = folder / name
    source.write_text(text, "utf-8")
    return shared_library(folder / f"{name}.so", source)


def load(vendor: str, payload: bytes, compat: bytes = b"") -> Any:
    library.start()
    port = Port("x", "float32", ("n",))
    entry = SegmentEntry("s", vendor, "f", (port,), (port,), {}, compat=compat)
    manifest = Manifest("0", "0", "m", (port,), (port,), (entry,), (), 0)
    _, container = pack(manifest, {"s": {"payload": payload}}, b"{}")
    return tvm_ffi.get_global_func("byoc.runtime.create")(container)


def call(module: Any, x: np.ndarray) -> np.ndarray:
    y = np.zeros_like(x)
    module["s"](tvm_ffi.from_dlpack(x), tvm_ffi.from_dlpack(y))
    return y


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver that the page shows."""
    (text,) = re.findall(r"```c\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return build(tmp_path_factory.mktemp("scale"), text)


def test_the_driver_of_the_page_runs(scale: Path) -> None:
    library.register_driver("scale", scale)
    module = load("scale", np.float32(2.5).tobytes())
    x = np.arange(5, dtype=np.float32)
    np.testing.assert_array_equal(call(module, x), 2.5 * x)
    assert json.loads(module["byoc.stats"]())[0]["driver"] is None
    assert module["byoc.validate"]("s") == "null"
    with pytest.raises(DriverError, match="failed: the blob is not one float"):
        call(load("scale", b"12345"), x)


def test_a_folder_of_drivers_is_searched(
    scale: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "libbyoc_driver_found-1.so").write_bytes(scale.read_bytes())
    monkeypatch.setenv("BYOC_DRIVER_PATH", f"/nowhere::{tmp_path}")
    module = load("found-1", np.float32(3).tobytes())
    np.testing.assert_array_equal(call(module, np.ones(2, np.float32)), [3, 3])


VALIDATES = """
#include <byoc_driver.h>
#include <string.h>
static int validate(const void *compat, size_t bytes, const char *device, const char **words) {
  if (bytes != 1) return BYOC_CORRUPT;
  *words = strstr(device, "machine") != NULL ? "the machine is told" : "no machine";
  return ((const char *)compat)[0] - '0';
}
static int open_blob(const struct byoc_blob *blob, void **handle) { (void)blob, (void)handle; return BYOC_OK; }
static int run(void *h, const DLTensor *i, size_t n, const DLTensor *o, size_t m) {
  (void)h, (void)i, (void)n, (void)o, (void)m;
  return BYOC_OK;
}
static void close_blob(void *handle) { (void)handle; }
static const struct byoc_driver driver = {.size = offsetof(struct byoc_driver, query), .abi = BYOC_DRIVER_ABI,
  .validate = validate, .open = open_blob, .run = run, .close = close_blob};
const struct byoc_driver *byoc_driver(uint32_t abi) { (void)abi; return &driver; }
"""
"""A driver of an older header: its struct ends before `query`."""


def test_a_driver_judges_blobs(tmp_path: Path) -> None:
    library.start()
    library.register_driver("judge", build(tmp_path, VALIDATES))
    x = np.ones(2, np.float32)
    for compat, code in ((b"0", "optimal"), (b"1", "usable"), (b"2", "incompatible")):
        told = json.loads(load("judge", b"", compat)["byoc.validate"]("s"))
        assert told == {"code": code, "words": "the machine is told"}
    for compat in (b"0", b"1"):
        call(load("judge", b"", compat), x)
    with pytest.raises(DriverError, match="calls the blob incompatible: the machine is told"):
        call(load("judge", b"", b"2"), x)
    for compat in (b"", b"9"):
        with pytest.raises(DriverError, match="calls the blob corrupt"):
            call(load("judge", b"", compat), x)


NO_DRIVERS = {
    "exports no function byoc_driver": "int nothing(void); int nothing(void) { return 0; }",
    "does not speak version 1": """
        #include <byoc_driver.h>
        const struct byoc_driver *byoc_driver(uint32_t abi) { (void)abi; return NULL; }""",
    "made for version 7": """
        #include <byoc_driver.h>
        static const struct byoc_driver driver = {.size = sizeof(driver), .abi = 7};
        const struct byoc_driver *byoc_driver(uint32_t abi) { (void)abi; return &driver; }""",
    "or a struct of another size": """
        #include <byoc_driver.h>
        static const struct byoc_driver driver = {.size = 12, .abi = 1};
        const struct byoc_driver *byoc_driver(uint32_t abi) { (void)abi; return &driver; }""",
    "offers no open, no run or no close": """
        #include <byoc_driver.h>
        static const struct byoc_driver driver = {.size = sizeof(driver), .abi = 1};
        const struct byoc_driver *byoc_driver(uint32_t abi) { (void)abi; return &driver; }""",
}


@pytest.mark.parametrize("words", NO_DRIVERS)
def test_what_is_no_driver_is_refused_with_its_path(tmp_path: Path, words: str) -> None:
    path = build(tmp_path, NO_DRIVERS[words])
    with pytest.raises(DriverError, match=words) as refused:
        library.register_driver("none", path)
    assert str(path) in str(refused.value)


def test_what_is_no_library_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.so"
    path.write_text("no library")
    with pytest.raises(DriverError, match="cannot be used: "):
        library.register_driver("none", path)


def test_the_header_is_cpp_too(tmp_path: Path) -> None:
    build(tmp_path, "#include <byoc_driver.h>\nint size = sizeof(byoc_blob);\n", "header.cc")
