"""Machines: the Relax virtual machines of one artefact, one for each call that runs at a time.

A machine is no more than frames and registers; the constants are the executable's and shared by all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

_CPU: Final = (1, 0, 2)
"""What a machine is initialised with: DLPack's device type and index, TVM's pooled allocator."""

Instrument: TypeAlias = Callable[..., int]
"""Called with (function, its name, whether before it, its result, *arguments); answers 0 to go on."""


class Machines:
    """A pool of machines of `module`, a loaded `relax.VMExecutable`. Safe to use from many threads."""

    def __init__(self, module: Any) -> None:
        self._load = module["vm_load_executable"]
        self._lock = threading.Lock()
        self._made = 0
        # One machine now: an executable that cannot be initialised is an error of loading, not of the first run.
        self._free = [self._new()]

    @property
    def busy(self) -> int:
        """How many machines run at this moment."""
        return self._made - len(self._free)

    @contextmanager
    def one(self) -> Iterator[Any]:
        """The function `main` of a machine that nobody else uses meanwhile; one that failed is not used again."""
        try:
            main = self._free.pop()
        except IndexError:
            main = self._new()
        try:
            yield main
        except BaseException:
            with self._lock:
                self._made -= 1
            raise
        self._free.append(main)

    @contextmanager
    def instrumented(self, instrument: Instrument) -> Iterator[Any]:
        """The function `main` of a machine of its own, whose calls `instrument` is told of."""
        machine = self._machine()
        machine["set_instrument"](instrument)
        yield machine["main"]

    def _new(self) -> Any:
        main = self._machine()["main"]
        with self._lock:
            self._made += 1
        return main

    def _machine(self) -> Any:
        machine = self._load()
        machine["vm_initialization"](*_CPU)
        return machine
