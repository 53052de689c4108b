"""Small valid programs with one of everything, for the fuzzer to start from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.isa import Act, Binary, Dim, Dtype, Operand, Reduce, Space, Window
from byoc.vendors.npu.order import ordered
from byoc.vendors.npu.program import Program
from tests.vendors.npu.native.build import acc, assembled, copy, dims, sp

CONSTANTS: Final = bytes((i * 7 + (i >> 4)) & 255 for i in range(512))
"""What mutate.cc gives every program."""

TINY: Final = Hardware(
    rows=4, columns=8, rate_float32=1, rate_bfloat16=2, rate_int8=4, lanes=8, special=2,
    scratchpad=4096, banks=4, accumulators=64, queue=4, load_bandwidth=16, store_bandwidth=16,
    bandwidth=24, load_latency=5, store_latency=3, burst=16, matrix_latency=4, vector_latency=2,
    clock=1000,
)  # fmt: skip
ODD: Final = replace(TINY, rows=3, columns=11, lanes=5)

IN, OUT = isa.At(Space.IN, 0), isa.At(Space.OUT, 0)
CONST = isa.At(Space.CONST, 0)


def seeds() -> Iterator[Program]:
    """All of them; none needs more than a few hundred cycles."""
    for chip in (TINY, ODD):
        for body in (products(), vectors(), windows(), transfers()):
            yield finished(ordered(body, chip), chip)
    yield finished(loops(), TINY)


def finished(records: list[isa.Record] | list[isa.Instruction], chip: Hardware) -> Program:
    """With an input, two outputs, constants and some workspace."""
    return assembled(
        records,
        chip=chip,
        inputs=[("float32", (8, 8))],
        outputs=[("float32", (8, 8)), ("int8", (16, 4))],
        constants=CONSTANTS,
        tmp=1024,
        cycles=20_000,
        steps=2_000,
    )


def products() -> list[isa.Instruction]:
    """Mm of every dtype, kept and not, drained with scales."""
    made: list[isa.Instruction] = [
        isa.Load(target=sp(0), source=IN, dims=copy(64)),
        isa.Load(composite=1, target=sp(512), source=CONST, dims=copy(128)),
        isa.Mm(acc=acc(0), accn=6, a=sp(0), b=sp(512), bn=128, m1=2, m0=3, n=10, k2=1, k1=2, k0=2,
               am1=32, am0=8, ak1=16),
        isa.Mm(acc=acc(0), accn=6, a=sp(0), b=sp(512), bn=128, m1=2, m0=3, n=5, k0=5, am0=8,
               keep=True),
        isa.Vec(composite=1, dst=Operand(sp(1024), strides=(0, 40, 4)),
                a=Operand(acc(0), strides=(0, 1, 6)), mult=sp(512), bias=sp(576), act=Act.RELU,
                shape=(1, 6, 10)),
        isa.Mm(composite=1, acc=acc(20), a=sp(0), b=sp(512), dtype_a=Dtype.BF16, m0=4, n=7,
               dtype_b=Dtype.BF16, k0=9, am0=18),
        isa.Mm(composite=1, acc=acc(30), a=sp(3), b=sp(512), dtype_a=Dtype.U8, m0=5, n=8, k0=17,
               dtype_b=Dtype.S8, zero_a=128, zero_b=-3, am0=2),
        isa.Vec(composite=2, dst=Operand(sp(2048), Dtype.S8, (0, 8, 1), 0.5, 3),
                a=Operand(acc(30), Dtype.S32, (0, 1, 1), 0.01), mult=sp(512), each=False,
                act=Act.CLIP, p=-3.0, q=6.0, shape=(1, 5, 8)),
        isa.Store(composite=2, target=OUT, source=sp(1024), dims=copy(60)),
        isa.Store(composite=2, target=replace(OUT, index=1), source=sp(2048), size=1,
                  dims=copy(40, 1)),
    ]  # fmt: skip
    return made


def vectors() -> list[isa.Instruction]:
    """Vec of every function and operation, Red and Fill."""
    made: list[isa.Instruction] = [isa.Load(target=sp(0), source=IN, dims=copy(64))]
    kinds = (Dtype.F32, Dtype.BF16, Dtype.S8, Dtype.U8)
    for act in Act:
        kind, op = kinds[act % 4], Binary(act % len(Binary))
        strides = (16 * kind.bytes, 8 * kind.bytes, kind.bytes)
        made.append(isa.Vec(
            composite=act % 3, dst=Operand(sp(1024), kind, strides, 0.25, act % 2 if act % 4 > 1 else 0),
            a=Operand(sp(0), strides=(64, 32, 4)),
            b=Operand(sp(64), kinds[(act + 1) % 4], (8, 4, 2)) if op else isa.NOWHERE,
            mult=sp(128) if act % 2 else isa.At(Space.NONE, 0), bias=sp(160), each=bool(act % 3),
            op=op, act=act, p=0.5, q=2.0, shape=(2, 2, 7)))  # fmt: skip
    made += [
        isa.Red(composite=2, dst=Operand(sp(2048 + 16 * kind), strides=(8, 4, 0)),
                src=Operand(sp(0), strides=(64, 32, 4)), op=kind, factor=0.5, shape=(2, 2, 8))
        for kind in Reduce
    ]  # fmt: skip
    made += [
        isa.Fill(target=sp(2100), size=2, value=0x1234, shape=(2, 2, 3), strides=(64, 16, 4)),
        isa.Store(composite=2, target=OUT, source=sp(2048), dims=copy(32)),
    ]
    return made


def windows() -> list[isa.Instruction]:
    """Win of every operation, of floats and of 8 bits."""
    made: list[isa.Instruction] = [
        isa.Load(target=sp(0), source=IN, dims=copy(64)),
        isa.Load(target=sp(512), source=CONST, dims=copy(64)),
    ]
    for op in Window:
        for row, kind in enumerate((Dtype.F32, Dtype.BF16, Dtype.U8)):
            size = kind.bytes
            weighs = op is Window.MAC
            made.append(isa.Win(
                composite=op, acc=acc(12 * row), accn=6, a=sp(0), b=sp(512) if weighs else isa.At(Space.NONE, 0),
                bk=9 * size, dtype_a=kind, dtype_b=kind, zero_a=7 if size == 1 else 0, m1=2, m0=3,
                k2=1, k1=2, channels=9, am1=8 * size, am0=2 * size, ak1=4 * size, op=op,
                keep=bool(op % 2)))  # fmt: skip
        made.append(isa.Vec(composite=2, dst=Operand(sp(1024), strides=(0, 36, 4)),
                            a=Operand(acc(24), Dtype.S32, (0, 1, 6)), shape=(1, 6, 9)))  # fmt: skip
    return [*made, isa.Store(composite=2, target=OUT, source=sp(1024), dims=copy(54))]


def transfers() -> list[isa.Instruction]:
    """Padding, transposition, all sizes, through the workspace and back."""
    padded = (Dim(1, 0, 0), Dim(2, 128, 320, 1, 0), Dim(4, 32, 40, 0, 1), Dim(8, 4, 4, 1, 1))
    return [
        isa.Load(target=sp(0), source=IN, dims=padded, fill=0x7F800000),
        isa.Load(target=sp(1536), source=CONST, size=1, dims=dims(Dim(5, 9, 1), Dim(7, 1, 5))),
        isa.Load(target=sp(2048), source=isa.At(Space.CONST, 511), size=1,
                 dims=dims(Dim(3, 0, 16), Dim(16, -1, 1)), fill=0x80),
        isa.Store(composite=1, target=isa.At(Space.TMP, 64), source=sp(0), dims=copy(100)),
        isa.Store(composite=1, target=isa.At(Space.TMP, 512), source=sp(1536), size=2,
                  dims=dims(Dim(2, 64, 2), Dim(8, 4, 4))),
        isa.Load(composite=2, target=sp(0), source=isa.At(Space.TMP, 64), dims=copy(64)),
        isa.Store(composite=2, target=OUT, source=sp(0), dims=dims(Dim(8, 4, 32), Dim(8, 32, 4))),
        isa.Load(composite=2, target=sp(3072), source=OUT, dims=copy(16)),
    ]  # fmt: skip


def loops() -> list[isa.Record]:
    """Registers that move addresses in nested loops, each turn with tokens."""
    return [
        isa.Set(1, 0),
        isa.Loop(3),
        isa.Load(isa.Tokens.SIGNAL_COMPUTE, target=sp(0, reg=1), source=isa.At(Space.IN, 0, 2),
                 dims=copy(16)),
        isa.Fill(isa.Tokens.WAIT_LOAD, target=sp(2048)),
        isa.Loop(2),
        isa.Mm(composite=1, acc=acc(0, reg=3), a=sp(0, reg=1), b=sp(0, reg=1), n=2, k0=2),
        isa.Add(3, 1),
        isa.End(),
        isa.Vec(isa.Tokens.SIGNAL_STORE, 1, dst=Operand(sp(1024, reg=1), strides=(0, 4, 4)),
                a=Operand(acc(0), strides=(0, 1, 1)), shape=(1, 2, 2)),
        isa.Store(isa.Tokens.WAIT_COMPUTE, 2, isa.At(Space.OUT, 0, 2), sp(1024, reg=1), dims=copy(2)),
        isa.Add(1, 64),
        isa.Add(2, 64),
        isa.End(),
    ]  # fmt: skip
