"""Library: byoc's C++ runtime and TVM's, loaded into this process once.

Running an artefact needs TVM's runtime library and none of its Python: importing `tvm` takes a second.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from byoc.device import this_device
from byoc.errors import ByocError, DriverError, UsageError

NAME: Final = "libbyoc_runtime.so"

TVM_LIBRARIES: Final = ("libtvm_runtime.so", "libtvm_runtime_extra.so")
"""The second one has the sorting kernels; TVM can be built without it."""


_LEVELS: Final = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
"""Python's levels by the C++ runtime's."""


def include_path() -> Path:
    """The folder of `byoc_driver.h`, for building native drivers and C++ programs."""
    return Path(__file__).parent / "include"


def library_path() -> Path:
    """The path of byoc's C++ runtime, to dlopen from C++. Raises ByocError when it was not built."""
    path = Path(__file__).with_name(NAME)
    if not path.is_file():
        raise ByocError(
            f"byoc's C++ runtime {path} is missing: this byoc was installed without building it; reinstall it with "
            "a C++17 compiler on the PATH (`pip install .`, or `pip install -e .` in a checkout)"
        )
    return path


def is_built() -> bool:
    """Whether the C++ runtime is there to be loaded."""
    return Path(__file__).with_name(NAME).is_file()


@cache
def start() -> ctypes.CDLL:
    """Load the runtimes, with Python drivers for byoc's. Raises ByocError when one is missing or does not load."""
    path = library_path()
    # TVM pins its workers to cores by default: those of eight threads to the same two.
    os.environ.setdefault("TVM_BIND_THREADS", "0")
    import tvm_ffi

    from byoc.runtime import drivers
    from byoc.runtime.failures import register_errors

    for each in _tvm_libraries():
        _open(each)
    register_errors()
    library = _open(path)
    tvm_ffi.get_global_func("byoc.runtime.set_opener")(drivers.open_driver)
    tvm_ffi.get_global_func("byoc.runtime.set_device")(json.dumps(this_device(), sort_keys=True))
    tvm_ffi.get_global_func("byoc.runtime.set_log")(_log)
    return library


def global_function(name: str) -> Any:
    """A function of the loaded runtimes, by its registered name."""
    start()
    import tvm_ffi

    return tvm_ffi.get_global_func(name)


def register_driver(vendor: str, path: Path | str) -> None:
    """Make the shared library `path` the native driver of `vendor`, before its first segment is run.

    Raises UsageError when there is no such file, DriverError when it is no driver.
    """
    if not Path(path).is_file():
        raise UsageError(
            f"the driver of vendor {vendor!r}, {path}, is no file; give the path of a shared library with the "
            "export of byoc_driver.h"
        )
    register = global_function("byoc.runtime.register_driver")
    try:
        register(vendor, str(path))
    except ByocError as error:
        raise type(error)(str(error)) from None
    except Exception as error:
        raise DriverError(
            f"vendor {vendor!r}: {path} cannot be used as its driver: {error}"
        ) from None


def _log(level: int, line: str) -> None:
    """What the C++ runtime and native drivers have to say, as log records."""
    logging.getLogger("byoc.runtime").log(_LEVELS[level], "%s", line)


def _tvm_libraries() -> list[Path]:
    """The libraries of the installed TVM, found without importing it, in the order of loading."""
    found = find_spec("tvm")
    folders = list(found.submodule_search_locations or ()) if found else []
    paths = [Path(folder) / "lib" / name for name in TVM_LIBRARIES for folder in folders]
    here = [path for path in paths if path.is_file()]
    if not here or here[0].name != TVM_LIBRARIES[0]:
        raise ByocError(
            f"TVM's runtime ({TVM_LIBRARIES[0]}) is not in {', '.join(folders) or 'any installed package'}; "
            "reinstall the requirements of byoc (apache-tvm)"
        )
    return here


def _open(path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise ByocError(
            f"{path} does not load: {error}; rebuild byoc for the installed apache-tvm and apache-tvm-ffi"
        ) from error
