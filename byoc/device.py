"""Device: what byoc knows of the machine it runs on, for manifests and verdicts."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

FEATURES: Final = re.compile(
    r"sse4_[12]|ssse3|popcnt|f16c|fma|bmi[12]|avx.*|amx.*|vaes|"  # x86-64
    r"fp(hp)?|asimd.*|sve.*|sme(?!p).*|bf16|i8mm|dotprod|crc32|atomics"  # AArch64
)
"""The CPU's flags that a compiler or kernel library chooses code by, by Linux' names."""

CPUINFO: Final = Path("/proc/cpuinfo")


def this_device() -> dict[str, Any]:
    """Describe this machine: the same every time on the same machine and system, in well under a millisecond.

    `machine` is the architecture (`x86_64`), `cpu` the processor's name, `features` its instruction sets that
    matter for compiled code, sorted (`avx2`, `avx512f`, `amx_tile`), `system` the operating system, `libc` the C
    library with its version. What cannot be found out is "" or an empty list. Nothing in it identifies one machine
    among others of the same make.
    """
    found = _device()
    return {**found, "features": list(found["features"])}


@cache
def _device() -> Mapping[str, Any]:
    about = _cpuinfo(CPUINFO)
    flags = about.get("flags", about.get("features", "")).split()
    name = about.get("model name") or _part(about) or platform.processor()
    return {
        "machine": platform.machine(),
        "cpu": name,
        "features": sorted({flag for flag in flags if FEATURES.fullmatch(flag)}),
        "system": platform.system(),
        "libc": _libc(),
    }


def _cpuinfo(path: Path) -> dict[str, str]:
    """The first processor's entries; Linux writes one block a processor."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            found: dict[str, str] = {}
            for line in file:
                key, colon, value = line.partition(":")
                if not colon:
                    break
                found[key.strip().lower()] = value.strip()
            return found
    except OSError:
        return {}


def _part(about: Mapping[str, str]) -> str:
    """An Arm processor, which has numbers for a name."""
    if "cpu part" not in about:
        return ""
    return f"implementer {about.get('cpu implementer', '?')} part {about['cpu part']}"


def _libc() -> str:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return " ".join(platform.libc_ver()).strip()
