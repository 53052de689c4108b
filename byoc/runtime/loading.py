"""Load: an artefact's file to an artefact that runs. Everything is checked before the file is loaded."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from byoc.device import this_device
from byoc.errors import ArtefactError, UsageError
from byoc.manifest import to_json
from byoc.runtime import library, vendors
from byoc.runtime.artefact import Artefact
from byoc.runtime.failures import words
from byoc.runtime.machines import Machines
from byoc.runtime.verdicts import (
    hold_host,
    hold_loadable,
    native_verdicts,
    verdicts,
    warn_of_usable,
)
from byoc.runtime.workers import allow_threads

if TYPE_CHECKING:
    from byoc.artefact import ArtefactFile

SEGMENTS: Final = "byoc.segments"
"""The kind of the module that has the segments."""


def load(
    path: Path | str,
    *,
    vendor_options: Mapping[str, Mapping[str, str]] | None = None,
    threads: int | None = None,
    require_signature: Path | None = None,
) -> Artefact:
    """Read, check, judge and load the artefact at `path`.

    `vendor_options` has load-time options, as texts, by vendor. `threads` is for TVM's host code, and for every
    vendor with a load-time option `threads` that was not given; None leaves both at their defaults.
    `require_signature` is the file of an Ed25519 public key (PEM) that the artefact must be signed with.

    Warns (ArtefactWarning) of segments that run but should be compiled again. Raises ArtefactError for a file that
    is missing, altered, cut short, not signed as required, made for another machine, refused by a vendor, or of a
    vendor that is not installed; UsageError for wrong options; ByocError when byoc's C++ runtime was not built.
    """
    from byoc.artefact import read_artefact

    if threads is not None and threads < 1:
        raise UsageError(f"threads is {threads}, expected a number from 1")
    file = read_artefact(path)
    if require_signature is not None:
        file.require_signature(require_signature)
    device = this_device()
    who = str(path)
    hold_host(who, file.manifest, device)
    found = verdicts(file.manifest, device)
    hold_loadable(who, found)
    options = vendors.load_options(file.manifest, vendor_options or {}, threads)
    if threads is not None:
        allow_threads(threads)
    library.start()
    _register_drivers(options)
    module = _load_module(file.path)
    segments = _segments(file.path, module)
    _hold_same(file, segments)
    for vendor, values in options.items():
        segments["byoc.set_options"](vendor, json.dumps(values, sort_keys=True))
    found = native_verdicts(segments, found)
    hold_loadable(who, found)
    warn_of_usable(who, found)
    return Artefact(file, found, _machines(file.path, module), segments, threads)


def _register_drivers(vendor_names: Mapping[str, Any]) -> None:
    for vendor in vendor_names:
        driver = vendors.spec(vendor).driver
        if driver is not None:
            library.register_driver(vendor, driver)


def _load_module(path: Path) -> Any:
    import tvm_ffi

    with _name_of_its_own(path) as name:
        try:
            # Outputs are copied: nothing outlives the library.
            return tvm_ffi.load_module(name, keep_module_alive=False)
        except ArtefactError:
            raise
        except Exception as error:
            raise ArtefactError(
                f"{path} is whole but does not load: {words(error)}; compile the model again with this byoc"
            ) from None


@contextmanager
def _name_of_its_own(path: Path) -> Iterator[str]:
    """A name of `path` that was never loaded before.

    The dynamic linker gives a library that is loaded again under a known name, even when the file is another now.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="byoc-")
    except OSError:  # nothing can be written anywhere; `_hold_same` sees what was loaded
        yield str(path.resolve())
        return
    with folder:
        link = Path(folder.name) / "artefact.so"
        link.symlink_to(path.resolve())
        yield str(link)


def _hold_same(file: ArtefactFile, segments: Any) -> None:
    if str(segments["byoc.manifest"]()) != to_json(file.manifest):
        raise ArtefactError(
            f"{file.path} was replaced while it was loaded, or another version of it is loaded already; load it "
            "again, in a fresh process if need be"
        )


def _segments(path: Path, module: Any) -> Any:
    waiting = [module]
    while waiting:
        each = waiting.pop()
        if each.kind == SEGMENTS:
            return each
        waiting += list(each.imports)
    raise ArtefactError(f"{path} has no module {SEGMENTS}; compile the model again")


def _machines(path: Path, module: Any) -> Machines:
    try:
        return Machines(module)
    except Exception:
        # A few functions of Relax (`relax.run.unique`) exist in TVM's Python alone.
        import tvm.relax  # noqa: F401
    try:
        return Machines(module)
    except Exception as error:
        raise ArtefactError(
            f"{path} cannot be run by the installed TVM: {words(error)}; compile the model again with this byoc"
        ) from None
