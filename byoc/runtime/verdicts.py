"""Verdicts: may the segments of an artefact run on this device? Asked before any driver sees a byte."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any

from byoc.device import this_device
from byoc.errors import ArtefactError, ArtefactWarning, ByocError
from byoc.manifest import Manifest, SegmentEntry
from byoc.runtime import vendors
from byoc.runtime.failures import words
from byoc.verdict import CODES, Verdict, toolchain_verdict
from byoc.verdicts import shown


def verdicts(manifest: Manifest, device: Mapping[str, Any] | None = None) -> dict[str, Verdict]:
    """The verdict on every segment, by name: `byoc_compatible` of its vendor's plugin, else byoc's own rule.

    `device` is this one when not given. A vendor that is not installed, or whose plugin fails, makes its segments
    incompatible; the words say what to install.
    """
    about = this_device() if device is None else dict(device)
    return {entry.name: _verdict(entry, about) for entry in manifest.segments}


def native_verdicts(segments: Any, found: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """`found` with what native drivers say (`validate` of byoc_driver.h): the worse of both.

    `segments` is the loaded module. Raises DriverError when a driver cannot be asked.
    """
    return {name: max(each, _native(segments, name), key=_badness) for name, each in found.items()}


def hold_host(who: str, manifest: Manifest, device: Mapping[str, Any]) -> None:
    """Raise ArtefactError unless the host code may run on `device`."""
    machine, here = manifest.device.get("machine", ""), device["machine"]
    if machine not in ("", here):
        raise ArtefactError(
            f"{who} was compiled for {machine}, this machine is {here}; compile the model again here"
        )
    lacking = sorted(set(_needed(manifest)) - set(device["features"]))
    if lacking:
        raise ArtefactError(
            f"{who}: its host code is for {manifest.target!r} and this CPU has no {', '.join(lacking)}; compile "
            "the model again here, or with --target llvm"
        )


def hold_loadable(who: str, found: Mapping[str, Verdict]) -> None:
    """Raise ArtefactError naming every segment that may not reach a driver."""
    refused = _told({name: each for name, each in found.items() if not each.loads})
    if refused:
        words = "; ".join(
            f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {each.code}{_why(each)}"
            for each, names in refused
        )
        raise ArtefactError(
            f"{who} cannot run here: {words}; see that everything it needs is installed, or compile "
            "the model again for this machine"
        )


def warn_of_usable(who: str, found: Mapping[str, Verdict]) -> None:
    """Warn (ArtefactWarning) of segments that run, but should be compiled again."""
    told = _told({name: each for name, each in found.items() if each.code == "usable"})
    usable = [f"{', '.join(names)}{_why(each)}" for each, names in told]
    if usable:
        warnings.warn(
            f"{who} runs, but compiling it again would serve better: {'; '.join(usable)}",
            ArtefactWarning,
            stacklevel=3,
        )


def _verdict(entry: SegmentEntry, device: dict[str, Any]) -> Verdict:
    who = f"byoc_compatible of {entry.vendor}"
    try:
        toolchain = vendors.spec(entry.vendor).toolchain
        caller = vendors.own_hook(entry.vendor, "byoc_compatible")
    except ByocError as error:
        return Verdict("incompatible", vendors.missing(entry, error))
    try:
        given = caller(vendor=entry.vendor, manifest=entry, device=dict(device))
    except (Exception, SystemExit) as error:
        return Verdict("incompatible", f"{who} raised {type(error).__name__}: {words(error)}")
    if given is None or given == []:
        return toolchain_verdict(entry.toolchain, toolchain)
    if not isinstance(given, Verdict):
        return Verdict("incompatible", f"{who} answered {shown(given)}, expected a byoc.Verdict")
    return given


def _native(segments: Any, name: str) -> Verdict:
    told = json.loads(str(segments["byoc.validate"](name)))
    return Verdict("optimal") if told is None else Verdict(told["code"], told["words"])


def _badness(verdict: Verdict) -> int:
    return CODES.index(verdict.code)


def _told(found: Mapping[str, Verdict]) -> list[tuple[Verdict, list[str]]]:
    """Each verdict once, with the segments that have it, in order."""
    names: dict[tuple[str, str], list[str]] = {}
    for name, each in found.items():
        names.setdefault((each.code, each.words), []).append(name)
    return [(found[each[0]], each) for each in names.values()]


def _why(verdict: Verdict) -> str:
    return f" ({verdict.words})" if verdict.words else ""


def _needed(manifest: Manifest) -> list[str]:
    """The CPU features that host code may use: those of the compiling CPU when it was compiled for that one."""
    is_for_cpu = "mcpu" in manifest.target or "mattr" in manifest.target
    return list(manifest.device.get("features", ())) if is_for_cpu else []
