"""Compat: what a blob says of where it may run, and the verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import byoc

DECISIVE: Final = re.compile(
    r"sse4_1|avx(_vnni.*|_ne_convert|2|512.*)?|amx.*|asimd.*|sve.*|i8mm|bf16"
)
"""The CPU's features by which OpenVINO chooses code when it compiles; it imports no blob of another choice."""


def describe(version: str, requirements: str, features: Iterable[str]) -> bytes:
    """The `compat` bytes: JSON of OpenVINO's version, its own words for what the blob needs, the CPU's features."""
    fields = {
        "features": decisive(features),
        "openvino": version,
        "requirements": requirements,
    }
    return json.dumps(fields, sort_keys=True).encode()


def decisive(features: Iterable[str]) -> list[str]:
    """Those of a CPU's features that matter, sorted."""
    return sorted(each for each in features if DECISIVE.fullmatch(each))


def judge(compat: bytes, installed: str, device: Mapping[str, Any]) -> byoc.Verdict:
    """Whether a blob of `compat` runs with OpenVINO `installed` ("" for none) on `device`.

    OpenVINO imports what the same version made for the same instruction sets, and nothing else.
    """
    try:
        fields = json.loads(compat)
        version, features = str(fields["openvino"]), list(fields["features"])
    except (ValueError, KeyError, TypeError):
        return byoc.Verdict("corrupt", "its compat bytes are not openvino's")
    if not installed:
        return byoc.Verdict(
            "incompatible", "openvino is not installed: pip install 'byoc[openvino]'"
        )
    if installed != version:
        return byoc.Verdict(
            "incompatible",
            f"made by openvino {version}, {installed} is installed, which imports its own blobs only",
        )
    here = decisive(device.get("features", ()))
    if here != features:
        other = sorted(set(here) ^ set(features))
        return byoc.Verdict(
            "incompatible", f"made for a CPU that differs from this one in {', '.join(other)}"
        )
    return byoc.Verdict("optimal")
