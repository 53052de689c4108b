"""Compat: what a blob says of where it may run, and the verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import byoc


def describe(version: str, soc: str) -> bytes:
    """The `compat` bytes: JSON of the version of onnxruntime-qnn that compiled, and the chip it compiled for."""
    return json.dumps({"qnn": version, "soc": soc}, sort_keys=True).encode()


def judge(compat: bytes, installed: str, device: Mapping[str, Any]) -> byoc.Verdict:
    """Whether a blob of `compat` runs with onnxruntime-qnn `installed` ("" for none) on `device`.

    The simulator, on x86, runs the blobs of every chip. Anywhere else only the driver can tell which chip it is on.
    A context binary is read by the QNN that wrote it and by newer ones.
    """
    try:
        fields = json.loads(compat)
        version, soc = str(fields["qnn"]), str(fields["soc"])
        made = _numbers(version)
    except (ValueError, KeyError, TypeError) as error:
        return byoc.Verdict("corrupt", f"its compat bytes are not qnn's: {error!r}")
    if not installed:
        return byoc.Verdict(
            "incompatible", "onnxruntime-qnn is not installed; pip install 'byoc[qnn]'"
        )
    if made > _numbers(installed):
        return byoc.Verdict(
            "incompatible",
            f"made by onnxruntime-qnn {version}, newer than the installed {installed}",
        )
    if version != installed:
        return byoc.Verdict(
            "usable", f"made by onnxruntime-qnn {version}, {installed} is installed"
        )
    if device.get("machine") not in ("x86_64", "AMD64"):
        return byoc.Verdict(
            "usable", f"made for {soc}; whether this chip is one, QNN's driver decides"
        )
    return byoc.Verdict("optimal")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
