"""The C back end: golden pages, compiled without a warning, and equal to the simulator to the bit."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byoc.vendors.npu import isa, simulate
from byoc.vendors.npu.asm import Assembly, Part, parse
from byoc.vendors.npu.c_source import c_source
from byoc.vendors.npu.errors import ProgramError
from byoc.vendors.npu.isa import Act, At, Binary, Dtype, Operand, Reduce, Space, Window
from byoc.vendors.npu.order import ordered
from byoc.vendors.npu.program import Name, Port, Program, digest
from tests.vendors.npu.small import PROGRAMS, SMALL, flat, sp

GOLDEN = Path(__file__).with_name("golden")

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

STRICT = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic", "-ffp-contract=off"]

Array = np.ndarray[Any, Any]


def run_c(
    source: str, folder: Path, constants: bytes, tmp: int, inputs: list[Array], outputs: list[Array]
) -> None:
    """Compile `source` and call it; `outputs` are written."""
    (folder / "program.c").write_text(source, "utf-8")
    library = folder / "program.so"
    subprocess.run(
        ["gcc", *STRICT, "-shared", "-fPIC", "-o", library, folder / "program.c", "-lm"], check=True
    )
    pointers = [
        (ctypes.c_void_p * (len(s) + 1))(*(a.ctypes.data for a in s)) for s in (inputs, outputs)
    ]
    loaded = ctypes.CDLL(str(library))
    loaded.npu_program(constants, ctypes.create_string_buffer(tmp + 1), *pointers)


def compare(assembly: Assembly, constants: bytes, inputs: list[Array], folder: Path) -> None:
    program = assembly.program
    expected, _ = simulate.run(program.to_bytes(), constants, inputs)
    outputs = [np.empty_like(each) for each in expected]
    run_c(c_source(assembly), folder, constants, program.tmp, inputs, outputs)
    for output, wanted in zip(outputs, expected, strict=True):
        assert output.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("name", PROGRAMS)
def test_golden_sources(name: str) -> None:
    page = c_source(parse((GOLDEN / f"{name}.asm").read_text("utf-8")))
    golden = GOLDEN / f"{name}.c"
    if not golden.exists():
        golden.write_text(page, "utf-8")
        pytest.fail(f"{golden} was not there; look at what was written")
    assert page == golden.read_text("utf-8")


@pytest.mark.parametrize("name", PROGRAMS)
def test_sources_do_what_the_simulator_does(name: str, tmp_path: Path) -> None:
    made = PROGRAMS[name]()
    assembly = parse((GOLDEN / f"{name}.asm").read_text("utf-8"))
    compare(assembly, made.constants, list(made.inputs), tmp_path)


def assembled(instructions: list[isa.Instruction], ports: list[Port], constants: bytes) -> Assembly:
    records = (*ordered(instructions, SMALL), isa.Halt())
    limit = 1 << 20
    program = Program(
        SMALL,
        tuple(ports),
        records,
        (Name("all"),),
        len(constants),
        digest(constants),
        1024,
        limit,
        limit,
    )
    return Assembly(program, (), (Part(0, 0),))


def test_every_function_and_operation(tmp_path: Path) -> None:
    """All of Vec on 24 values: functions, operations, types, vectors, and values that are no numbers."""
    x = np.random.default_rng(0).uniform(-4, 4, 48).astype(np.float32)
    x[[3, 7, 11, 30, 40]] = [np.inf, -np.inf, np.nan, 0.0, -0.0]
    block = Operand(sp(0), strides=(0, 0, 4))
    other = Operand(sp(96), strides=(0, 0, 4))
    whole = Operand(sp(96), Dtype.S32, (0, 0, 4), 0.5, 0)
    forms: list[dict[str, Any]] = [
        *({"act": act, "p": 0.75, "q": 1.5} for act in Act),
        *({"op": op, "b": other} for op in Binary if op),
        *(
            {"op": op, "b": replace(other, dtype=Dtype.S8, scale=0.1, zero=5)}
            for op in Binary
            if op
        ),
        {"mult": sp(96), "bias": sp(0)},
        {"mult": sp(96), "bias": sp(0), "each": False},
        {"a": replace(block, dtype=Dtype.BF16)},
        {"a": replace(block, dtype=Dtype.U8, scale=0.3, zero=7)},
        {"a": whole, "mult": sp(0)},
        {"a": whole},
    ]
    slot = 128
    instructions: list[isa.Instruction] = [
        isa.Load(target=sp(0), source=At(Space.IN, 0), dims=flat(48))
    ]
    for number, given in enumerate(forms):
        kinds = (Dtype.F32, Dtype.BF16) if number % 2 else (Dtype.F32, Dtype.S8, Dtype.U8)
        for place, dtype in enumerate(kinds):
            quantised = {"scale": 0.25, "zero": 3} if dtype in (Dtype.S8, Dtype.U8) else {}
            made = 1024 + (3 * number + place) * slot
            to = Operand(sp(made), dtype, (0, 0, dtype.bytes), **quantised)
            instructions.append(isa.Vec(**{"dst": to, "a": block, "shape": (1, 1, 24), **given}))
    size = 3 * len(forms) * slot
    instructions.insert(1, isa.Fill(target=sp(1024), size=1, shape=(1, 1, size), strides=(0, 0, 1)))
    instructions += [
        isa.Red(dst=Operand(sp(0x10000)), src=block, op=op, factor=0.3, shape=(1, 1, 24))
        for op in Reduce
    ]
    instructions += [
        isa.Fill(target=sp(1024 + 96), size=2, value=0xFE34, shape=(1, 3, 2), strides=(0, 12, 4)),
        isa.Store(target=At(Space.OUT, 0), source=sp(1024), size=1, dims=flat(size, 1)),
        isa.Store(target=At(Space.OUT, 0, index=1), source=sp(0x10000), dims=flat(1)),
    ]
    ports = [
        Port(Space.IN, 0, Dtype.F32, (48,)),
        Port(Space.OUT, 0, Dtype.U8, (size,)),
        Port(Space.OUT, 1, Dtype.F32, (1,)),
    ]
    assembly = assembled(instructions, ports, b"")
    compare(assembly, b"", [x], tmp_path)


@pytest.mark.parametrize("types", [(Dtype.F32,) * 2, (Dtype.BF16,) * 2, (Dtype.S8, Dtype.U8)])
def test_every_product_and_window(types: tuple[Dtype, Dtype], tmp_path: Path) -> None:
    """Kept and overwritten sums over taps, blocks of columns and steps of the unit's depth."""
    x = np.random.default_rng(1).normal(0, 100, 2048).astype(np.float32)
    a_type, b_type = types
    small = a_type is Dtype.S8
    load = isa.Load(target=sp(0), source=At(Space.IN, 0), dims=flat(2048))
    instructions: list[isa.Instruction] = [load]
    if not small:  # bits of random floats may be no numbers as BF16
        sums = Operand(sp(0), a_type, (0, 0, a_type.bytes))
        instructions.append(
            isa.Vec(dst=sums, a=Operand(sp(0), strides=(0, 0, 4)), shape=(1, 1, 2048))
        )
    zeros = {"zero_a": -3, "zero_b": 11} if small else {}
    size = a_type.bytes
    pixels: dict[str, Any] = {
        "a": sp(0),
        "dtype_a": a_type,
        "dtype_b": b_type,
        "m1": 3,
        "m0": 4,
        "k2": 2,
        "k1": 3,
        "am1": 160 * size,
        "am0": 24 * size,
        "ak2": 100 * size,
        "ak1": 20 * size,
        "accn": 12,
        **zeros,
    }
    for number, keep in enumerate((False, True)):
        at = sp(number * 12 * size)
        instructions.append(
            isa.Mm(
                acc=At(Space.ACC, 0), b=at, bn=6 * 20 * 8 * size, n=13, k0=19, keep=keep, **pixels
            )
        )
        for place, op in enumerate(Window):
            acc = At(Space.ACC, 24 + place * 24)
            weights = {"b": at, "bk": 16 * size} if op is Window.MAC else {}
            given = {**pixels, "zero_b": 0} if not weights else pixels
            instructions.append(isa.Win(acc=acc, channels=13, op=op, keep=keep, **weights, **given))
    dtype = Dtype.S32 if small else Dtype.F32
    for place in range(4):
        instructions += [
            isa.Vec(
                dst=Operand(sp(0x8000 + place * 624), strides=(0, 52, 4)),
                a=Operand(At(Space.ACC, place * 24), dtype, (0, 1, 12)),
                shape=(1, 12, 13),
            ),
        ]
    instructions.append(isa.Store(target=At(Space.OUT, 0), source=sp(0x8000), dims=flat(624)))
    ports = [Port(Space.IN, 0, Dtype.F32, (2048,)), Port(Space.OUT, 0, Dtype.F32, (624,))]
    compare(assembled(instructions, ports, b""), b"", [x], tmp_path)


def test_a_part_becomes_c_alone() -> None:
    text = (
        (GOLDEN / "gemm.asm")
        .read_text("utf-8")
        .replace("\nhalt\n", '\n.composite 1 "other"\nfill [sp] = 0\nhalt\n')
    )
    assembly = parse(text)
    assert "npu_program_other" in c_source(assembly)
    alone = c_source(assembly, "relu", parts=[1])
    assert "static void relu_other" in alone
    assert "npu_gemm" not in alone


def test_what_c_cannot_say_is_refused() -> None:
    text = (GOLDEN / "gemm.asm").read_text("utf-8").replace("\nend\n", "\nhalt\nend\n")
    with pytest.raises(ProgramError, match="the loop has no end"):
        c_source(parse(text))


def test_nothing_of_a_model_ends_a_comment(tmp_path: Path) -> None:
    assembly = parse((GOLDEN / "move.asm").read_text("utf-8"))
    odd = Name("*/ #error \\", ("/* \n*/ #error", "a\\"))
    page = c_source(replace(assembly, program=replace(assembly.program, names=(odd,))))
    (tmp_path / "odd.c").write_text(page, "utf-8")
    subprocess.run(["gcc", *STRICT, "-c", "-o", tmp_path / "odd.o", tmp_path / "odd.c"], check=True)
