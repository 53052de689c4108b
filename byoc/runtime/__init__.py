"""Runtime: load artefacts and run them.

Importing this package loads byoc's C++ runtime, so that any TVM runtime in the process can load artefacts
(`tvm.runtime.load_module("model.so")`), and makes Python drivers available to it. `load` is the better way: it
checks the file before anything in it is run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from byoc.runtime import library as _library
from byoc.runtime.library import include_path as include_path
from byoc.runtime.library import library_path as library_path
from byoc.runtime.library import register_driver as register_driver

if TYPE_CHECKING:
    from byoc.runtime.artefact import Artefact as Artefact
    from byoc.runtime.load import load as load

_HOMES = {"Artefact": "byoc.runtime.artefact", "load": "byoc.runtime.load"}

__all__ = ["Artefact", "include_path", "library_path", "load", "register_driver"]

# Without the library the contracts in this package still serve plugins; what needs it says so.
if _library.is_built():
    _library.start()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'byoc.runtime' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
