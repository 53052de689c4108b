"""Toolchain: who would compile a segment, and everything about them that can change the result.

Nothing here needs TVM: whether an artefact is in the cache is found out without it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from byoc._version import __version__
from byoc.codegen.compiled import Maker
from byoc.device import this_device
from byoc.errors import PluginError
from byoc.plugins import Plugins
from byoc.spec import VendorSpec, option_values, public_values

LARGE = 4 << 20
"""From this size on (bytes) a plugin's file is known by its size and time, not by its contents."""

BUILT_WITH = (
    "apache-tvm",
    "apache-tvm-ffi",
    "numpy",
    "onnx",
    "onnx-ir",
    "onnxruntime",
    "onnxscript",
)
"""The distributions whose versions can change what byoc hands to a vendor, or makes for the host."""

IGNORED = ("cli", "report", "vendors", "testing")
"""Folders of byoc that no compiled bytes depend on; vendors stand for themselves, as every plugin does."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """One vendor with one choice of options: `texts` as given, `values` the typed ones of compile time.

    `owners` are the plugins that may answer byoc_codegen for it, its own first. `sources` is the SHA-256 of their
    files.
    """

    vendor: str
    texts: Mapping[str, str]
    spec: VendorSpec
    values: Mapping[str, Any]
    owners: tuple[str, ...]
    maker: Maker
    sources: str

    def identity(self) -> dict[str, Any]:
        """All of it as JSON. Secret options are in it: it is hashed, never stored."""
        return {
            "vendor": self.vendor,
            "plugin": self.maker.plugin,
            "sources": self.sources,
            "toolchain": self.maker.toolchain,
            "table": self.maker.table,
            "hardware": dict(self.maker.hardware),
            "options": dict(self.values),
            "opset": self.spec.opset,
        }

    def unread(self) -> dict[str, Any]:
        """As `identity`, the same whether the support table was read or not: its bytes stand for it."""
        from byoc.support.load import bytes_digest

        file = self.spec.table_file
        return {**self.identity(), **({} if file is None else {"table": bytes_digest(file)})}

    def key(self, fingerprint: str) -> str:
        """The cache key (hexadecimal SHA-256) of a segment of that fingerprint."""
        return digest({"segment": fingerprint, "by": self.identity(), "with": surroundings()})


def toolchain(plugins: Plugins, vendor: str, texts: Mapping[str, str]) -> Toolchain:
    """Who compiles for `vendor`.

    Raises UsageError for an unknown vendor or options that do not fit, PluginError for a plugin that cannot be
    used or a vendor that no plugin compiles for.
    """
    spec = plugins.spec(vendor, texts)
    values = compile_time(spec, option_values(spec, texts))
    owners = _owners(plugins, vendor)
    maker = Maker(
        plugin=plugins.owner(vendor),
        toolchain=spec.toolchain,
        table="" if spec.table is None else spec.table.digest,
        hardware=dict(spec.hardware),
        options=public_values(spec, values),
    )
    sources = digest([plugin_digest(plugins, owner) for owner in owners])
    return Toolchain(vendor, dict(texts), spec, values, owners, maker, sources)


def compile_time(spec: VendorSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """The option values without those that are asked for when an artefact is loaded."""
    properties: Mapping[str, Any] = spec.options.get("properties", {})
    late = {key for key, about in properties.items() if about.get("x-byoc-time") == "load"}
    return {key: value for key, value in values.items() if key not in late}


def digest(value: Any) -> str:
    """The SHA-256 of JSON, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def surroundings() -> dict[str, Any]:
    """What every compiled byte depends on: byoc itself, what it is built with, the machine."""
    return {
        "byoc": __version__,
        "sources": tree_digest(Path(__file__).parent.parent, IGNORED),
        "packages": {name: installed_version(name) for name in BUILT_WITH},
        "device": this_device(),
    }


def _owners(plugins: Plugins, vendor: str) -> tuple[str, ...]:
    """The plugin of `vendor` if it has byoc_codegen, else every other that may compile for it.

    Bundled plugins compile for themselves alone, so that a vendor with nobody else fails before any work is done.
    What a third party's plugin answers is known only once it is given a segment.
    """
    if plugins.caller(vendor, "byoc_codegen").get_hookimpls():
        return (vendor,)
    compilers = [name for name, _ in plugins.callers("byoc_codegen")]
    others = tuple(name for name in compilers if not plugins.is_bundled(name))
    if not others:
        raise PluginError(
            f"vendor {vendor!r} ({plugins.owner(vendor)}) only partitions: its plugin has no byoc_codegen hook, "
            "and no other plugin compiles for it; use `byoc partition`, implement the hook, or compile for one "
            f"that has it: {', '.join(compilers) or 'none is installed'}"
        )
    return others


def plugin_digest(plugins: Plugins, vendor: str) -> str:
    """The SHA-256 of a plugin's files, those of the package that it is or is in, and of its distribution."""
    return digest(_sources(plugins, vendor))


def _sources(plugins: Plugins, vendor: str) -> list[str]:
    module = plugins.module(vendor)
    package = module if _folder(module) else module.rpartition(".")[0]
    folder = _folder(package) if package else None
    if folder is not None:
        return [plugins.owner(vendor), tree_digest(folder)]
    spec = importlib.util.find_spec(module)
    file = None if spec is None else spec.origin
    return [plugins.owner(vendor), "" if file is None else _file(Path(file))]


def _folder(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    places = None if spec is None else spec.submodule_search_locations
    return Path(next(iter(places))) if places else None


def tree_digest(folder: Path, ignored: tuple[str, ...] = ()) -> str:
    """The SHA-256 of all files below `folder` but what is in `ignored` folders of it."""
    files = {str(path.relative_to(folder)): _file(path) for path in _walk(folder, ignored)}
    return digest(files)


def _walk(folder: Path, ignored: tuple[str, ...] = ()) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name == "__pycache__" or path.name in ignored:
            continue
        if path.is_dir():
            yield from _walk(path)
        elif path.is_file():
            yield path


def _file(path: Path) -> str:
    about = path.stat()
    if about.st_size >= LARGE:
        return f"{about.st_size} {about.st_mtime_ns}"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def installed_version(distribution: str) -> str:
    """The version of a distribution, "" when it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
