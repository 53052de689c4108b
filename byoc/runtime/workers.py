"""Workers: TVM's threads for host code, which belong to the thread that calls it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import tvm_ffi

from byoc.runtime.failures import translated

_BIG_CORES: Final = 1
_NUMBER: Final = "TVM_NUM_THREADS"
_configured = threading.local()


class _Forked:
    """The thread that forked this process, whose workers stayed behind, and one to call from in its place."""

    thread: int | None = None
    stand_in: ThreadPoolExecutor | None = None


def allow_threads(threads: int) -> None:
    """Let threads that call host code for the first time have `threads` workers, themselves counted.

    TVM reads the number from the environment when it makes a calling thread's workers, and never makes more.
    """
    if int(os.environ.get(_NUMBER) or 0) < threads:
        os.environ[_NUMBER] = str(threads)


def configure_threads(threads: int | None) -> None:
    """Let TVM run host code in `threads` threads when called from this one; None leaves it as it is."""
    if threads is None or getattr(_configured, "threads", None) == threads:
        return
    tvm_ffi.get_global_func("runtime.config_threadpool")(_BIG_CORES, threads)
    _configured.threads = threads


def call(
    who: str, function: Callable[..., Any], arguments: Sequence[Any], threads: int | None
) -> Any:
    """Call host code with `threads` workers; errors come out as byoc's, naming `who`.

    TVM would wait for ever for the workers of a thread that forked: in the child another thread calls in its place.
    """
    if threading.get_ident() == _Forked.thread:
        stand_in = _Forked.stand_in = _Forked.stand_in or ThreadPoolExecutor(1, "byoc-host")
        return stand_in.submit(_call, who, function, arguments, threads).result()
    return _call(who, function, arguments, threads)


def _call(
    who: str, function: Callable[..., Any], arguments: Sequence[Any], threads: int | None
) -> Any:
    with translated(who):
        configure_threads(threads)
        return function(*arguments)


def _after_fork() -> None:
    _Forked.thread, _Forked.stand_in = threading.get_ident(), None


os.register_at_fork(after_in_child=_after_fork)
