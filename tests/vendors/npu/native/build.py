"""Programs for the simulator, of few words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from byoc.vendors.npu import hardware, isa, simulate
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.program import Name, Port, Program, digest

ONE = isa.Dim(1, 0, 0)
MEDIUM = hardware.load("medium")
NAMES = (Name("first", ("a", "b")), Name("second"), Name("third"))

DTYPES = {
    "float32": isa.Dtype.F32,
    "bfloat16": isa.Dtype.BF16,
    "int8": isa.Dtype.S8,
    "uint8": isa.Dtype.U8,
    "int32": isa.Dtype.S32,
}


def dims(*inner: isa.Dim) -> tuple[isa.Dim, isa.Dim, isa.Dim, isa.Dim]:
    """The four of a transfer, of which these are the inner ones."""
    return (*(ONE,) * (4 - len(inner)), *inner)  # type: ignore[return-value]  # four


def sp(base: int, **given: Any) -> isa.At:
    return isa.At(isa.Space.SP, base, **given)


def acc(base: int, **given: Any) -> isa.At:
    return isa.At(isa.Space.ACC, base, **given)


def copy(elements: int, size: int = 4) -> tuple[isa.Dim, isa.Dim, isa.Dim, isa.Dim]:
    """Adjacent elements on both sides."""
    return dims(isa.Dim(elements, size, size))


def assembled(
    records: Iterable[isa.Record],
    *,
    chip: Hardware = MEDIUM,
    inputs: Sequence[tuple[str, tuple[int, ...]]] = (),
    outputs: Sequence[tuple[str, tuple[int, ...]]] = (),
    constants: bytes = b"",
    tmp: int = 0,
    cycles: int = 1 << 30,
    steps: int = 1 << 20,
) -> Program:
    """The program of `records`, and a halt, with three composites."""
    ports = [
        Port(space, index, DTYPES[dtype], shape)
        for space, tensors in ((isa.Space.IN, inputs), (isa.Space.OUT, outputs))
        for index, (dtype, shape) in enumerate(tensors)
    ]
    return Program(
        chip,
        tuple(ports),
        (*records, isa.Halt()),
        NAMES,
        len(constants),
        digest(constants),
        tmp,
        cycles,
        steps,
    )


def check(records: Iterable[isa.Record], **given: Any) -> simulate.Report:
    """Assemble and check."""
    constants = given.get("constants", b"")
    return simulate.check(assembled(records, **given).to_bytes(), constants)


def on_chip(
    instructions: Sequence[isa.Instruction], memory: np.ndarray[Any, Any], chip: Hardware = MEDIUM
) -> np.ndarray[Any, Any]:
    """The scratchpad's first bytes after `instructions`, which find `memory` (uint8) there before."""
    size = memory.nbytes
    records = [
        isa.Load(
            isa.Tokens.SIGNAL_COMPUTE,
            target=sp(0),
            source=isa.At(isa.Space.IN, 0),
            size=1,
            dims=copy(size, 1),
        ),
        isa.Fill(isa.Tokens.WAIT_LOAD, target=sp(chip.scratchpad - 4)),
        *instructions,
        isa.Fill(isa.Tokens.SIGNAL_STORE, target=sp(chip.scratchpad - 4)),
        isa.Store(
            isa.Tokens.WAIT_COMPUTE,
            target=isa.At(isa.Space.OUT, 0),
            source=sp(0),
            size=1,
            dims=copy(size, 1),
        ),
    ]
    tensor = ("uint8", (size,))
    program = assembled(records, chip=chip, inputs=[tensor], outputs=[tensor])
    (made,), _ = simulate.run(program.to_bytes(), b"", [memory])
    return made
