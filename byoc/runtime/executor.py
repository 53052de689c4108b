"""Executor: what a Python driver gives byoc for one blob."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Executor(Protocol):
    """A blob that is open. Only `__call__` is required; a plain function will do.

    `max_concurrency` is how many calls may run at a time (1 unless stated); byoc opens no further executor then,
    and lets other callers wait.
    """

    max_concurrency: int

    def __call__(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> Sequence[Any] | None:
        """Run once. Tensors support DLPack and are valid during the call; `outputs` are filled in place.

        Tensors are tvm-ffi's (`np.from_dlpack(tensor)` is a view of one); inputs must not be written to. Nothing is
        returned.

        A segment of convention "returns" is called with empty `outputs` and returns its results instead (anything
        with DLPack: numpy arrays will do). An exception is a failure of this call alone.
        """

    def stats(self) -> Mapping[str, Any]:
        """What the driver has to tell of its calls so far; JSON."""

    def close(self) -> None:
        """Give back what is open. Called once; no call follows."""
