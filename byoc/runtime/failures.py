"""Failures: errors of the C++ runtime and of drivers as byoc's own exceptions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from byoc.errors import ArtefactError, ByocError, DriverError, InputError

KINDS: Final[dict[str, type[ByocError]]] = {
    "ByocArtefactError": ArtefactError,
    "ByocDriverError": DriverError,
    "ByocInputError": InputError,
}
"""The kinds of error that the C++ runtime throws."""

_pending = threading.local()


def register_errors() -> None:
    """Let errors of the C++ runtime arrive in Python as byoc's exceptions, and these go back as they came."""
    import tvm_ffi

    for name, error in KINDS.items():
        tvm_ffi.register_error(name, error)


def keep(error: BaseException) -> None:
    """Remember what must end this thread's call whatever C++ makes of it: Ctrl-C."""
    _pending.error = error


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Run calls into TVM: their errors come out as byoc's, without C++ frames; `what` names what was run.

    An interrupt inside a Python driver comes out as itself, even when a fallback took over.
    """
    _pending.error = None
    try:
        yield
    except ByocError as error:
        _raise_pending()
        raise type(error)(str(error)) from None
    except Exception as error:
        _raise_pending()
        raise DriverError(
            f"{what} failed in its host code: {type(error).__name__}: {words(error)}"
        ) from None
    _raise_pending()


def words(error: Any) -> str:
    """What an exception says, on one line, without TVM's advice and stack; its type's name when it says nothing."""
    try:
        text = str(error)
    except Exception:  # a vendor's own class may fail at this, too
        text = ""
    said = " ".join(text.partition("\nStack trace")[0].split())
    return said.encode("utf-8", "replace").decode() or type(error).__name__


def _raise_pending() -> None:
    error, _pending.error = getattr(_pending, "error", None), None
    if error is not None:
        raise error
