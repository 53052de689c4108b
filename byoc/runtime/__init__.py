"""Runtime: load artefacts and run them.

Importing this package loads byoc's C++ runtime, so that any TVM runtime in the process can load artefacts
(`tvm.runtime.load_module("model.so")`), and makes Python drivers available to it. `load` is the better way: it
checks the file before anything in it is run.
"""

from byoc.runtime import library as _library
from byoc.runtime.artefact import Artefact
from byoc.runtime.library import include_path, library_path, register_driver
from byoc.runtime.loading import load

__all__ = ["Artefact", "include_path", "library_path", "load", "register_driver"]

# Without the library the contracts in this package still serve plugins; what needs it says so.
if _library.is_built():
    _library.start()
