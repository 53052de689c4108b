"""Small programs written by hand, one a family of composites, with what they compute: numpy says it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byoc.vendors.npu import hardware, isa
from byoc.vendors.npu.asm import Buffer
from byoc.vendors.npu.isa import Act, At, Binary, Dim, Dtype, Operand, Reduce, Space, Window
from byoc.vendors.npu.listing import Section
from byoc.vendors.npu.order import ordered
from byoc.vendors.npu.program import Name, Port, Program, digest

SMALL = hardware.load("small")
ONE = Dim(1, 0, 0)
Array = np.ndarray[Any, Any]

DTYPES = {"float32": Dtype.F32, "int8": Dtype.S8, "uint8": Dtype.U8}


@dataclass(frozen=True)
class Small:
    """A program's sections and constants, its inputs, and what it should make of them."""

    sections: tuple[Section, ...]
    names: tuple[Name, ...]
    constants: bytes
    inputs: tuple[Array, ...]
    expected: tuple[Array, ...]
    tolerance: float = 0.0

    def program(self) -> Program:
        """The program without records and limits."""
        ports = [
            Port(space, index, DTYPES[each.dtype.name], each.shape)
            for space, given in ((Space.IN, self.inputs), (Space.OUT, self.expected))
            for index, each in enumerate(given)
        ]
        return Program(
            SMALL,
            tuple(ports),
            (isa.Halt(),),
            self.names,
            len(self.constants),
            digest(self.constants),
            0,
            1 << 20,
            1 << 20,
        )


def sp(base: int) -> At:
    return At(Space.SP, base)


def acc(row: int) -> At:
    return At(Space.ACC, row)


def const(base: int) -> At:
    return At(Space.CONST, base)


def source(base: int, index: int = 0) -> At:
    return At(Space.IN, base, index=index)


def target(base: int) -> At:
    return At(Space.OUT, base)


def dims(*given: Dim) -> tuple[Dim, Dim, Dim, Dim]:
    return (*(ONE,) * (4 - len(given)), *given)  # type: ignore[return-value]  # four


def flat(count: int, size: int = 4) -> tuple[Dim, Dim, Dim, Dim]:
    return dims(Dim(count, size, size))


def values(*shape: int, seed: int = 0) -> Array:
    made: Array = np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)
    return made


def small(
    family: str,
    title: str,
    instructions: Iterator[isa.Instruction],
    constants: bytes,
    inputs: Sequence[Array],
    expected: Array,
    tolerance: float = 0.0,
) -> Small:
    made = tuple(ordered(instructions, SMALL))
    buffers = [Buffer(f"x{i}", Space.IN, 0, each.nbytes, i) for i, each in enumerate(inputs)]
    buffers.append(Buffer("y", Space.OUT, 0, expected.nbytes))
    section = Section(0, family, title, made, {"slots": 2}, tuple(buffers), {"y": "the result"})
    name = Name(f"npu.{family}", (f"/model/{family}",))
    return Small((section,), (name,), constants, tuple(inputs), (expected,), tolerance)


def gemm() -> Small:
    a, b, bias = values(64, 32), values(32, 16, seed=1), values(16, seed=2)
    packed = b.reshape(32, 2, 8).transpose(1, 0, 2)

    def emitted() -> Iterator[isa.Instruction]:
        yield isa.Load(target=sp(0x8000), source=const(0), dims=flat(512))
        yield isa.Load(target=sp(0x9000), source=const(2048), dims=flat(16))
        for tile in range(8):
            rows, sums, out = tile % 2 * 0x400, tile % 2 * 512, 0x4000 + tile % 2 * 0x200
            yield isa.Load(target=sp(rows), source=source(tile * 1024), dims=flat(256))
            yield isa.Mm(
                acc=acc(sums), accn=8, a=sp(rows), b=sp(0x8000), bn=1024, m0=8, am0=128, n=16, k0=32
            )
            yield isa.Vec(
                dst=Operand(sp(out), strides=(0, 64, 4)),
                a=Operand(acc(sums), strides=(0, 1, 8)),
                bias=sp(0x9000),
                act=Act.RELU,
                shape=(1, 8, 16),
            )
            yield isa.Store(target=target(tile * 512), source=sp(out), dims=flat(128))

    expected = np.maximum(a.astype(np.float64) @ b + bias, 0).astype(np.float32)
    constants = packed.tobytes() + bias.tobytes()
    return small(
        "gemm", "matmul 64x32 by 32x16, bias, relu", emitted(), constants, [a], expected, 1e-5
    )


def conv() -> Small:
    """3x3 with padding, of 8-bit values, two rows of the image a tile."""
    rng = np.random.default_rng(3)
    x = rng.integers(0, 256, (1, 4, 6, 6), dtype=np.uint8)
    w = rng.integers(-128, 128, (8, 4, 3, 3), dtype=np.int8)
    bias = rng.integers(-999, 999, 8).astype(np.float32) / 8
    padded = np.full((4, 8, 8), 117, np.int64)
    padded[:, 1:-1, 1:-1] = x[0]
    windows = np.lib.stride_tricks.sliding_window_view(padded - 117, (3, 3), axis=(1, 2))
    sums = np.einsum("cijhw,ochw->oij", windows, w.astype(np.int64))
    real = (sums * 0.25).astype(np.float32) + bias[:, None, None]
    expected = np.clip(np.rint(real / np.float32(4)) - 3, -128, 127).astype(np.int8)[None]
    packed = w.transpose(2, 3, 1, 0).tobytes().ljust(320, b"\0")
    title = "conv 1x4x6x6, 3x3, padding 1, uint8 to int8"
    return small("gemm", title, _convolved(), packed + bias.tobytes(), [x], expected)


def _convolved() -> Iterator[isa.Instruction]:
    yield isa.Load(target=sp(0x8000), source=const(0), size=1, dims=flat(288, 1))
    yield isa.Load(target=sp(0x9000), source=const(320), dims=flat(8))
    for tile in range(3):
        rows, sums, out = tile % 2 * 0x400, tile % 2 * 512, 0x4000 + tile % 2 * 0x200
        first, last = max(tile * 2 - 1, 0), min(tile * 2 + 3, 6)
        down = Dim(last - first, 6, 32, first - tile * 2 + 1, tile * 2 + 3 - last)
        image = dims(down, Dim(6, 1, 4, 1, 1), Dim(4, 36, 1))
        stored = dims(Dim(8, 36, 1), Dim(12, 1, 8))
        yield isa.Load(target=sp(rows), source=source(first * 6), size=1, dims=image, fill=117)
        yield isa.Mm(
            acc=acc(sums), a=sp(rows), b=sp(0x8000), dtype_a=Dtype.U8, dtype_b=Dtype.S8, zero_a=117,
            m1=2, m0=6, am1=32, am0=4, n=8, k2=3, k1=3, k0=4, ak2=32, ak1=4,
        )  # fmt: skip
        yield isa.Vec(
            dst=Operand(sp(out), Dtype.S8, (48, 8, 1), 4.0, -3),
            a=Operand(acc(sums), Dtype.S32, (6, 1, 1), 0.25),
            bias=sp(0x9000),
            shape=(2, 6, 8),
        )
        yield isa.Store(target=target(tile * 12), source=sp(out), size=1, dims=stored)


def pool() -> Small:
    x = values(1, 8, 6, 6, seed=4)

    def emitted() -> Iterator[isa.Instruction]:
        for tile in range(3):
            rows, out = tile % 2 * 0x400, 0x4000 + tile % 2 * 0x200
            yield isa.Load(
                target=sp(rows),
                source=source(tile * 48),
                dims=dims(Dim(2, 24, 192), Dim(6, 4, 32), Dim(8, 144, 4)),
            )
            yield isa.Win(
                acc=acc(tile % 2 * 512),
                a=sp(rows),
                m1=1,
                m0=3,
                am1=384,
                am0=64,
                k2=2,
                k1=2,
                ak2=192,
                ak1=32,
                channels=8,
                op=Window.MAX,
            )
            yield isa.Vec(
                dst=Operand(sp(out), strides=(0, 4, 12)),
                a=Operand(acc(tile % 2 * 512), strides=(0, 1, 1)),
                shape=(1, 3, 8),
            )
            yield isa.Store(
                target=target(tile * 12), source=sp(out), dims=dims(Dim(8, 36, 12), Dim(3, 4, 4))
            )

    expected = x.reshape(1, 8, 3, 2, 3, 2).max(axis=(3, 5))
    return small("pool", "maxpool 1x8x6x6, 2x2, stride 2", emitted(), b"", [x], expected)


def elementwise() -> Small:
    rng = np.random.default_rng(5)
    x, y = (rng.integers(-128, 128, (4, 128), dtype=np.int8) for _ in range(2))

    def emitted() -> Iterator[isa.Instruction]:
        for tile in range(4):
            slot = tile % 2 * 128
            for index in range(2):
                yield isa.Load(
                    target=sp(index * 0x400 + slot),
                    source=source(tile * 128, index),
                    size=1,
                    dims=flat(128, 1),
                )
            yield isa.Vec(
                dst=Operand(sp(0x800 + slot), Dtype.S8, (0, 0, 1), 0.0625, 5),
                a=Operand(sp(slot), Dtype.S8, (0, 0, 1), 0.03125, 3),
                b=Operand(sp(0x400 + slot), Dtype.S8, (0, 0, 1), 0.125, -7),
                op=Binary.ADD,
                act=Act.CLIP,
                p=-6.0,
                q=6.0,
                shape=(1, 1, 128),
            )
            yield isa.Store(
                target=target(tile * 128), source=sp(0x800 + slot), size=1, dims=flat(128, 1)
            )

    real = (x.astype(np.float32) - 3) / 32 + (y.astype(np.float32) + 7) / 8
    expected = np.clip(np.rint(np.clip(real, -6, 6) * 16) + 5, -128, 127).astype(np.int8)
    return small("elementwise", "add and clip of 4x128 int8", emitted(), b"", [x, y], expected)


def softmax() -> Small:
    x = values(6, 24, seed=6) * np.float32(8)

    def emitted() -> Iterator[isa.Instruction]:
        for tile in range(3):
            slot, row = tile % 2 * 0x200, 0x2000
            block, one = Operand(sp(slot), strides=(0, 96, 4)), Operand(sp(row), strides=(0, 4, 0))
            yield isa.Load(target=sp(slot), source=source(tile * 192), dims=flat(48))
            yield isa.Red(dst=one, src=block, op=Reduce.MAX, shape=(1, 2, 24))
            yield isa.Vec(dst=block, a=block, b=one, op=Binary.SUB, act=Act.EXP, shape=(1, 2, 24))
            yield isa.Red(dst=one, src=block, op=Reduce.SUM, shape=(1, 2, 24))
            yield isa.Vec(dst=block, a=block, b=one, op=Binary.DIV, shape=(1, 2, 24))
            yield isa.Store(target=target(tile * 192), source=sp(slot), dims=flat(48))

    powers = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    expected = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return small("softmax", "softmax of 6x24 over the rows", emitted(), b"", [x], expected, 1e-6)


def norm() -> Small:
    x, gamma, beta = values(4, 32, seed=7), values(32, seed=8), values(32, seed=9)

    def emitted() -> Iterator[isa.Instruction]:
        yield isa.Load(target=sp(0x4000), source=const(0), dims=flat(32))
        yield isa.Load(target=sp(0x4080), source=const(128), dims=flat(32))
        for tile in range(4):
            slot, shape = tile % 2 * 0x200, (1, 1, 32)
            block, one = Operand(sp(slot), strides=(0, 0, 4)), Operand(sp(0x2000))
            yield isa.Load(target=sp(slot), source=source(tile * 128), dims=flat(32))
            yield isa.Red(dst=one, src=block, factor=1 / 32, shape=shape)
            yield isa.Vec(dst=block, a=block, b=one, op=Binary.SUB, shape=shape)
            yield isa.Red(dst=one, src=block, op=Reduce.SQUARES, factor=1 / 32, shape=shape)
            yield isa.Vec(dst=one, a=one, act=Act.RSQRT, p=2.0**-16, shape=(1, 1, 1))
            yield isa.Vec(dst=block, a=block, b=one, op=Binary.MUL, shape=shape)
            yield isa.Vec(dst=block, a=block, mult=sp(0x4000), bias=sp(0x4080), shape=shape)
            yield isa.Store(target=target(tile * 128), source=sp(slot), dims=flat(32))

    wide = x.astype(np.float64)
    scaled = (wide - wide.mean(axis=1, keepdims=True)) / np.sqrt(
        wide.var(axis=1, keepdims=True) + 2.0**-16
    )
    expected = (scaled * gamma + beta).astype(np.float32)
    constants = gamma.tobytes() + beta.tobytes()
    return small("norm", "layer norm of 4x32", emitted(), constants, [x], expected, 1e-5)


def move() -> Small:
    x = values(12, 10, seed=10)

    def emitted() -> Iterator[isa.Instruction]:
        yield isa.Load(
            target=sp(0),
            source=source(0),
            dims=dims(Dim(10, 4, 64, 1, 1), Dim(12, 40, 4, 2, 2)),
            fill=0,
        )
        yield isa.Fill(target=sp(0), shape=(1, 1, 16), strides=(0, 0, 4), value=-0x800000)
        yield isa.Store(target=target(0), source=sp(0), dims=flat(192))

    expected = np.pad(x.T, ((1, 1), (2, 2)))
    expected[0] = -np.inf
    return small(
        "move", "transposed 12x10, padded, the first row overwritten", emitted(), b"", [x], expected
    )


PROGRAMS: dict[str, Callable[[], Small]] = {
    each.__name__: each for each in (gemm, conv, pool, elementwise, softmax, norm, move)
}
