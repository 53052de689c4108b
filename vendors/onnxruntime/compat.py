"""Compat: what a blob says of where it may run, and the verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import byoc


def describe(version: str, layout: str, block: int) -> bytes:
    """The `compat` bytes: JSON of the compiling version, the option `layout`, the channels a block (0: none)."""
    fields = {"block": block, "layout": layout, "onnxruntime": version}
    return json.dumps(fields, sort_keys=True).encode()


def read(compat: bytes) -> tuple[str, str, int]:
    """Version, layout and block of `compat` bytes. Raises ValueError for bytes that `describe` does not write."""
    fields = json.loads(compat)
    if not isinstance(fields, dict):
        raise ValueError("no mapping")
    version, layout, block = (fields.get(key) for key in ("onnxruntime", "layout", "block"))
    if not (isinstance(version, str) and isinstance(layout, str) and isinstance(block, int)):
        raise ValueError("fields are missing")
    _release(version)
    return version, layout, block


def device_block(device: Mapping[str, Any]) -> int:
    """Channels a block on `device`: the width of its vectors decides, as in onnxruntime's MlasNchwcGetBlockSize."""
    if device.get("machine") in ("aarch64", "arm64"):
        return 16
    return 16 if "avx512f" in device.get("features", ()) else 8


def judge(compat: bytes, installed: str, device: Mapping[str, Any]) -> byoc.Verdict:
    """Whether a blob of `compat` runs with onnxruntime `installed` ("" for none) on `device`.

    A blocked blob on a CPU of other blocks would compute garbage. Newer releases read what older ones wrote; the
    reverse holds only within a minor release.
    """
    try:
        version, _, block = read(compat)
    except ValueError as error:
        return byoc.Verdict("corrupt", f"its compat bytes are not onnxruntime's: {error}")
    if not installed:
        return byoc.Verdict("incompatible", "onnxruntime is not installed: pip install byoc")
    if block and block != device_block(device):
        return byoc.Verdict(
            "incompatible",
            f"its convolutions are laid out in blocks of {block} channels, this CPU's are of "
            f"{device_block(device)}; compile with onnxruntime.layout=portable for several CPUs",
        )
    if _release(installed) < _release(version):
        return byoc.Verdict(
            "incompatible", f"made by onnxruntime {version}, newer than the installed {installed}"
        )
    if installed != version:
        return byoc.Verdict("usable", f"made by onnxruntime {version}, {installed} is installed")
    return byoc.Verdict("optimal")


def _release(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
