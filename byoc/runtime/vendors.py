"""Vendors: the plugins of the vendors whose segments an artefact holds."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import pluggy

from byoc.errors import UsageError, nearest
from byoc.manifest import Manifest, SegmentEntry
from byoc.plugins import Plugins
from byoc.spec import VendorSpec, option_values, without_tables

LOAD: Final = "load"
"""What `x-byoc-time` says of an option that is asked for when an artefact is loaded."""

THREADS: Final = "threads"
"""The load-time option that `load(threads=)` sets where a vendor has it."""


@cache
def installed() -> Plugins:
    """The plugins of this environment, discovered once a process."""
    return Plugins.discover()


def forget() -> None:
    """Look for plugins anew when next asked: others were installed."""
    installed.cache_clear()
    _spec.cache_clear()


def own_hook(vendor: str, hook: str) -> pluggy.HookCaller:
    """The caller of `hook` of the vendor's own plugin and no other."""
    with _Lock.held:
        return installed().caller(vendor, hook)


def spec(vendor: str) -> VendorSpec:
    """The spec of an installed vendor, for its default chip, without its support table."""
    with _Lock.held:
        return _spec(vendor)


@cache
def _spec(vendor: str) -> VendorSpec:
    with without_tables():
        return installed().spec(vendor)


class _Lock:
    """Plugins are loaded by one thread at a time: segments are opened by whichever thread calls them first."""

    held = threading.RLock()


def _after_fork() -> None:
    _Lock.held = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)


def missing(entry: SegmentEntry, error: BaseException) -> str:
    """What to say when a vendor's plugin or package is not there: why, and what brings it."""
    distribution = re.split(r"[ =]", entry.plugin, maxsplit=1)[0]
    if distribution in ("", "byoc"):
        remedy = f'install it with `pip install "byoc[{entry.vendor}]"`'
    else:
        remedy = f"it was compiled with {entry.plugin}; install that distribution"
    return f"the vendor {entry.vendor!r} cannot be used here: {error}; {remedy}"


def load_options(
    manifest: Manifest, given: Mapping[str, Mapping[str, str]], threads: int | None
) -> dict[str, dict[str, Any]]:
    """The load-time options of every vendor of `manifest`, typed, defaults filled in.

    Raises UsageError for a vendor that has no segment, an unknown option and one of compile time.
    """
    vendors = _by_vendor(manifest)
    for vendor in given:
        if vendor not in vendors:
            raise UsageError(
                f"the artefact has no segment of vendor {vendor!r}{nearest(vendor, vendors)} (its vendors: "
                f"{', '.join(vendors) or 'none'})"
            )
    return {vendor: vendor_options(vendor, given.get(vendor, {}), threads) for vendor in vendors}


def vendor_options(
    vendor: str, given: Mapping[str, str], threads: int | None = None
) -> dict[str, Any]:
    """The load-time options of one vendor; `threads` is for an option of that name that was not given."""
    known = spec(vendor)
    properties: Mapping[str, Any] = known.options.get("properties", {})
    at_load = {key for key, about in properties.items() if about.get("x-byoc-time") == LOAD}
    texts = dict(given)
    if threads is not None and THREADS in at_load:
        texts.setdefault(THREADS, str(threads))
    for key in texts:
        if key in properties and key not in at_load:
            raise UsageError(
                f"vendor {vendor!r}: option {key!r} is asked for when a model is compiled, not when an artefact is "
                f"loaded (its load-time options: {', '.join(sorted(at_load)) or 'none'})"
            )
    values = option_values(VendorSpec(vendor, options=_only(known.options, at_load)), texts)
    return {key: value for key, value in values.items() if key in at_load}


def _only(schema: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    """The part of an options schema that speaks of `keys`: what is required of others was asked at compile time."""
    properties = {key: each for key, each in schema.get("properties", {}).items() if key in keys}
    required = [key for key in schema.get("required", ()) if key in keys]
    return {"type": "object", "properties": properties, "required": required}


def _by_vendor(manifest: Manifest) -> dict[str, SegmentEntry]:
    """The first segment of every vendor, in the manifest's order."""
    found: dict[str, SegmentEntry] = {}
    for entry in manifest.segments:
        found.setdefault(entry.vendor, entry)
    return found
