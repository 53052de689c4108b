"""Judging: may the segments of an artefact run on this device? Asked before any driver sees a byte."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from byoc.errors import ArtefactError, ArtefactWarning
from byoc.manifest import Manifest, SegmentEntry
from byoc.runtime import vendors
from byoc.runtime.failures import words
from byoc.verdict import Verdict, toolchain_verdict
from byoc.verdicts import shown


def judge(manifest: Manifest, device: Mapping[str, Any]) -> dict[str, Verdict]:
    """The verdict on every segment, by name: `byoc_compatible` of its vendor's plugin, else byoc's own rule.

    Raises ArtefactError when the plugin of a vendor is missing.
    """
    vendors.hold_installed(manifest)
    return {entry.name: _verdict(entry, device) for entry in manifest.segments}


def hold_runnable(
    who: str, manifest: Manifest, verdicts: Mapping[str, Verdict], device: Mapping[str, Any]
) -> None:
    """Raise ArtefactError unless host code and every segment may run on `device`; warn of what is merely usable."""
    machine, here = manifest.device.get("machine", ""), device["machine"]
    if machine not in ("", here):
        raise ArtefactError(
            f"{who} was compiled for {machine}, this machine is {here}; compile the model again here"
        )
    missing = sorted(set(_needed(manifest)) - set(device["features"]))
    if missing:
        raise ArtefactError(
            f"{who}: its host code is for {manifest.target!r} and this CPU has no {', '.join(missing)}; compile "
            "the model again here, or with --target llvm"
        )
    refused = [
        f"{name}: {each.code}{_why(each)}" for name, each in verdicts.items() if not each.loads
    ]
    if refused:
        raise ArtefactError(f"{who} cannot run here; compile the model again. {'; '.join(refused)}")
    usable = [f"{name}{_why(each)}" for name, each in verdicts.items() if each.code == "usable"]
    if usable:
        warnings.warn(
            f"{who} runs, but compiling it again would serve better. {'; '.join(usable)}",
            ArtefactWarning,
            stacklevel=3,
        )


def _verdict(entry: SegmentEntry, device: Mapping[str, Any]) -> Verdict:
    who = f"byoc_compatible of {entry.vendor}"
    try:
        caller = vendors.own_hook(entry.vendor, "byoc_compatible")
        given = caller(vendor=entry.vendor, manifest=entry, device=dict(device))
    except (Exception, SystemExit) as error:
        return Verdict("incompatible", f"{who} raised {type(error).__name__}: {words(error)}")
    if given is None or given == []:
        return toolchain_verdict(entry.toolchain, vendors.spec(entry.vendor).toolchain)
    if not isinstance(given, Verdict):
        return Verdict("incompatible", f"{who} answered {shown(given)}, expected a byoc.Verdict")
    return given


def _why(verdict: Verdict) -> str:
    return f" ({verdict.words})" if verdict.words else ""


def _needed(manifest: Manifest) -> list[str]:
    """The CPU features that host code may use: those of the compiling CPU when it was compiled for that one."""
    is_for_cpu = "mcpu" in manifest.target or "mattr" in manifest.target
    return list(manifest.device.get("features", ())) if is_for_cpu else []
