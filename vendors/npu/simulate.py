"""Programs on the simulator, by themselves: checked, timed and run through libbyoc_npu.so.

What a program is stands in docs/npu/isa.md. The library is also the driver of compiled artefacts: what is told here
of a program holds there too.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from byoc.vendors.npu.errors import SimulationError

if TYPE_CHECKING:
    import numpy as np

LIBRARY: Final = Path(__file__).with_name("libbyoc_npu.so")
"""The simulator, which is the native driver of vendor `npu` too."""

_FIGURES: Final = ("cycles", "steps", "high_water", "scratchpad", "clock")


@dataclass(frozen=True, slots=True)
class CompositeReport:
    """Figures of one composite, in cycles but for `macs` and the bytes that went over the DRAM's bus.

    `cycles` go from when all composites before are done to when this one is. `matrix`, `vector`, `load` and `store`
    are those in which the unit or direction was busy with it, `stall` those in which the compute queue had work of
    it and both units stood still. `bound` is the largest: matrix, vector, memory (the busier direction) or waiting.
    """

    name: str
    nodes: tuple[str, ...]
    cycles: int
    matrix: int
    vector: int
    load: int
    store: int
    stall: int
    macs: int
    bytes_in: int
    bytes_out: int
    bound: str


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a program: plain, row-major; `dtype` as numpy and ml_dtypes name it."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """How a program runs: the same every time, whatever the data.

    `steps` are records taken, those in loops each time; `high_water` is how far into the `scratchpad` (bytes) the
    program goes; `clock` the chip's MHz.
    """

    cycles: int
    steps: int
    high_water: int
    scratchpad: int
    clock: int
    composites: tuple[CompositeReport, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @property
    def seconds(self) -> float:
        """How long the chip takes."""
        return self.cycles / (self.clock * 1e6)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all composites."""
        return sum(each.macs for each in self.composites)


def check(program: bytes, constants: bytes = b"") -> Report:
    """Check and time a program. Raises SimulationError for one that may not run, with the record that is wrong."""
    with _opened(program, constants) as (_, report):
        return report


def run(
    program: bytes, constants: bytes, inputs: Sequence[np.ndarray[Any, Any]]
) -> tuple[list[np.ndarray[Any, Any]], Report]:
    """Check, time and run a program on tensors of its I/O table's dtypes and shapes.

    Raises SimulationError as `check`, and for inputs that are not what the I/O table says.
    """
    import numpy as np

    with _opened(program, constants) as (handle, report):
        # ascontiguousarray makes vectors of scalars
        given = [np.ascontiguousarray(each).reshape(np.shape(each)) for each in inputs]
        _fit(given, report.inputs)
        made = [np.empty(each.shape, _numpy_dtype(each.dtype)) for each in report.outputs]
        text = ctypes.c_char_p()
        failed = _library().npu_run(handle, *_pointers(given), *_pointers(made), ctypes.byref(text))
        if failed:
            raise _error(text)
        return made, report


def report_of(told: dict[str, Any]) -> Report:
    """The report that a driver's `stats`, or the library, tells as JSON."""
    composites = tuple(
        CompositeReport(**{**each, "nodes": tuple(each["nodes"])}) for each in told["composites"]
    )
    inputs, outputs = (
        tuple(Tensor(each["dtype"], tuple(each["shape"])) for each in told[side])
        for side in ("inputs", "outputs")
    )
    figures = {name: told[name] for name in _FIGURES}
    return Report(**figures, composites=composites, inputs=inputs, outputs=outputs)


@contextmanager
def _opened(program: bytes, constants: bytes) -> Iterator[tuple[ctypes.c_void_p, Report]]:
    library = _library()
    handle, text = ctypes.c_void_p(), ctypes.c_char_p()
    failed = library.npu_open(
        program,
        len(program),
        constants,
        len(constants),
        ctypes.byref(handle),
        ctypes.byref(text),
    )
    if failed:
        raise _error(text)
    try:
        yield handle, report_of(_taken(text))
    finally:
        library.npu_close(handle)


def _taken(text: ctypes.c_char_p) -> dict[str, Any]:
    """What a text of the library's says; the text is given back."""
    try:
        told = json.loads((text.value or b"{}").decode())
    finally:
        _library().npu_free(text)
    return told  # type: ignore[no-any-return]  # an object, as simulate.h says


def _error(text: ctypes.c_char_p) -> SimulationError:
    told = _taken(text)
    return SimulationError(told["message"], kind=told["kind"], record=told["record"])


def _numpy_dtype(name: str) -> Any:
    import numpy as np

    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


def _fit(given: Sequence[np.ndarray[Any, Any]], wanted: Sequence[Tensor]) -> None:
    """Refuse inputs that are not what the I/O table says."""
    got = [Tensor(each.dtype.name, each.shape) for each in given]
    if got != list(wanted):
        raise SimulationError(
            f"call: the program takes {_shown(wanted)}; given were {_shown(got)}",
            kind="call",
            record=None,
        )


def _shown(tensors: Sequence[Tensor]) -> str:
    return ", ".join(f"{each.dtype}{list(each.shape)}" for each in tensors) or "nothing"


def _pointers(arrays: Sequence[np.ndarray[Any, Any]]) -> tuple[Any, Any, int]:
    """Addresses, bytes and count."""
    count = len(arrays)
    return (
        (ctypes.c_void_p * count)(*(each.ctypes.data for each in arrays)),
        (ctypes.c_size_t * count)(*(each.nbytes for each in arrays)),
        count,
    )


@cache
def _library() -> Any:
    if not LIBRARY.is_file():
        raise SimulationError(
            f"the simulator {LIBRARY} is missing: this byoc was installed without building it; reinstall it with a "
            "C++17 compiler on the PATH (`pip install .`, or `pip install -e .` in a checkout)",
            kind="missing",
            record=None,
        )
    library = ctypes.CDLL(str(LIBRARY))
    size, pointer, text = ctypes.c_size_t, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p)
    sides: list[Any] = [pointer, pointer, size]
    library.npu_open.argtypes = [ctypes.c_char_p, size, ctypes.c_char_p, size, pointer, text]
    library.npu_run.argtypes = [pointer, *sides, *sides, text]
    library.npu_close.argtypes = [pointer]
    library.npu_close.restype = None
    library.npu_free.argtypes = [ctypes.c_char_p]
    library.npu_free.restype = None
    return library
