"""Sessions: onnxruntime with QNN registered, kept from writing to standard output."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

PROVIDER: Final = "QNNExecutionProvider"

_stdout: Final = Lock()
_registration: Final = Lock()
_registered_in: list[int] = []


def session_options(provider: Mapping[str, str]) -> Any:
    """Make session options of onnxruntime with QNN's HTP backend on top, `provider` being its own options.

    Raises RuntimeError in a process that was forked off one that had QNN loaded: its threads did not come along,
    and the first call would wait for them for ever.
    """
    import onnxruntime
    import onnxruntime_qnn

    settings = onnxruntime.SessionOptions()
    # Only errors: QNN warns of what Windows alone has, at every session.
    settings.log_severity_level = 3
    htp = {"backend_path": onnxruntime_qnn.get_qnn_htp_path(), **provider}
    settings.add_provider_for_devices(_devices(onnxruntime, onnxruntime_qnn), htp)
    return settings


@contextmanager
def quiet_stdout() -> Iterator[None]:
    """Send what C libraries print on standard output to standard error.

    The simulator prints a line when it starts, whoever's output that is. The descriptor is the whole process's.
    """
    libc = ctypes.CDLL(None)
    with _stdout:
        sys.stdout.flush()
        libc.fflush(None)
        kept = os.dup(1)
        try:
            os.dup2(2, 1)
            yield
        finally:
            libc.fflush(None)
            os.dup2(kept, 1)
            os.close(kept)


def _devices(onnxruntime: Any, onnxruntime_qnn: Any) -> list[Any]:
    with _registration:
        if not _registered_in:
            onnxruntime.register_execution_provider_library(
                PROVIDER, onnxruntime_qnn.get_library_path()
            )
            _registered_in.append(os.getpid())
    if _registered_in != [os.getpid()]:
        raise RuntimeError(
            f"QNN was loaded in process {_registered_in[0]} and does not survive the fork to {os.getpid()}; start "
            "processes with the method spawn, or load the artefact after the fork"
        )
    found = [each for each in onnxruntime.get_ep_devices() if each.ep_name == PROVIDER]
    if not found:
        raise RuntimeError(f"onnxruntime-qnn offers no device for {PROVIDER} on this machine")
    return found
