"""A second opinion on the machine: numpy does what isa.py says, in program order, without time or tokens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware

TYPES = {
    isa.Dtype.F32: np.dtype("<f4"),
    isa.Dtype.S8: np.dtype("i1"),
    isa.Dtype.U8: np.dtype("u1"),
    isa.Dtype.S32: np.dtype("<i4"),
    isa.Dtype.BF16: np.dtype("<u2"),
}

f32 = np.float32
erf = np.vectorize(math.erf, otypes=[np.float64])

ACTS: dict[isa.Act, Callable[..., np.ndarray]] = {
    isa.Act.NONE: lambda t, p, q: t,
    isa.Act.RELU: lambda t, p, q: np.maximum(t, f32(0)),
    isa.Act.CLIP: lambda t, p, q: np.minimum(np.maximum(t, f32(p)), f32(q)),
    isa.Act.LEAKY: lambda t, p, q: np.where(t >= 0, t, f32(p) * t),
    isa.Act.SIGMOID: lambda t, p, q: 1 / (1 + np.exp(-t)),
    isa.Act.TANH: lambda t, p, q: np.tanh(t),
    isa.Act.HARDSIGMOID: lambda t, p, q: np.clip(f32(p) * t + f32(q), 0, 1),
    isa.Act.HARDSWISH: lambda t, p, q: t * np.clip(t / f32(6) + f32(0.5), 0, 1),
    isa.Act.GELU: lambda t, p, q: t * (1 + erf(t.astype(np.float64) / math.sqrt(2))) / 2,
    isa.Act.GELU_TANH: lambda t, p, q: (
        t * (1 + np.tanh(math.sqrt(2 / math.pi) * (t + 0.044715 * t.astype(np.float64) ** 3))) / 2
    ),
    isa.Act.SILU: lambda t, p, q: t / (1 + np.exp(-t)),
    isa.Act.EXP: lambda t, p, q: np.exp(t),
    isa.Act.SQRT: lambda t, p, q: np.sqrt(t + f32(p)),
    isa.Act.RSQRT: lambda t, p, q: 1 / np.sqrt(t + f32(p)),
    isa.Act.SQUARE: lambda t, p, q: t * t,
    isa.Act.ERF: lambda t, p, q: erf(t),
    isa.Act.RECIP: lambda t, p, q: 1 / t,
    isa.Act.ABS: lambda t, p, q: np.abs(t),
    isa.Act.NEG: lambda t, p, q: -t,
    isa.Act.POW: lambda t, p, q: t ** f32(p),
    isa.Act.LOG: lambda t, p, q: np.log(t),
}

BINARIES: dict[isa.Binary, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    isa.Binary.ADD: lambda t, b: t + b,
    isa.Binary.SUB: lambda t, b: t - b,
    isa.Binary.RSUB: lambda t, b: b - t,
    isa.Binary.MUL: lambda t, b: t * b,
    isa.Binary.DIV: lambda t, b: t / b,
    isa.Binary.RDIV: lambda t, b: b / t,
    isa.Binary.MAX: np.maximum,
    isa.Binary.MIN: np.minimum,
}


class Machine:
    """Memories, and instructions done to them. Whatever reaches beyond a memory raises."""

    def __init__(
        self,
        hardware: Hardware,
        *,
        constants: bytes = b"",
        tmp: int = 0,
        inputs: Iterable[np.ndarray] = (),
        outputs: Iterable[np.ndarray] = (),
    ) -> None:
        self.hardware = hardware
        # What was never written is as bad as can be: NaN in float32, odd numbers in 8 bits.
        self.sp = np.full(hardware.scratchpad, 0xFF, np.uint8)
        self.acc = np.full((hardware.accumulators, hardware.columns), 0xFFFFFFFF, np.uint32)
        self.memories = {
            (isa.Space.SP, 0): self.sp,
            (isa.Space.CONST, 0): np.frombuffer(constants, np.uint8),
            (isa.Space.TMP, 0): np.full(tmp, 0xFF, np.uint8),
        }
        for space, arrays in ((isa.Space.IN, inputs), (isa.Space.OUT, outputs)):
            for index, array in enumerate(arrays):
                self.memories[space, index] = array.reshape(-1).view(np.uint8)

    def run(self, instructions: Iterable[isa.Instruction]) -> None:
        """Do the instructions one after the other."""
        for each in instructions:
            with np.errstate(all="ignore"):
                getattr(self, type(each).__name__.lower())(each)

    def elements(
        self, at: isa.At, dtype: np.dtype, counts: tuple[int, ...], strides: tuple[int, ...]
    ) -> np.ndarray:
        """A view of a memory; ValueError where it would reach beyond it or is not aligned."""
        memory = self.memories[at.space, at.index]
        steps = [(count - 1) * stride for count, stride in zip(counts, strides, strict=True)]
        first = at.base + sum(step for step in steps if step < 0)
        last = at.base + sum(step for step in steps if step > 0) + dtype.itemsize
        if first < 0 or last > len(memory):
            raise ValueError(f"bytes {first} to {last} of {len(memory)} of {at.space!r}")
        if any(number % dtype.itemsize for number in (at.base, *strides)):
            raise ValueError(f"{at} with strides {strides} is not aligned")
        return np.lib.stride_tricks.as_strided(
            memory[at.base :].view()[: dtype.itemsize].view(dtype), counts, strides
        )

    def load(self, each: isa.Load) -> None:
        dtype = np.dtype(f"<u{each.size}")
        outer = tuple(dim.before + dim.count + dim.after for dim in each.dims)
        target = self.elements(each.target, dtype, outer, tuple(dim.sp for dim in each.dims))
        counts, strides = zip(*((dim.count, dim.dram) for dim in each.dims), strict=True)
        source = self.elements(each.source, dtype, counts, strides)
        target[...] = each.fill
        target[tuple(slice(dim.before, dim.before + dim.count) for dim in each.dims)] = source

    def store(self, each: isa.Store) -> None:
        dtype = np.dtype(f"<u{each.size}")
        counts = tuple(dim.count for dim in each.dims)
        source = self.elements(each.source, dtype, counts, tuple(dim.sp for dim in each.dims))
        target = self.elements(each.target, dtype, counts, tuple(dim.dram for dim in each.dims))
        target[...] = source

    def fill(self, each: isa.Fill) -> None:
        dtype = np.dtype(f"<u{each.size}")
        self.elements(each.target, dtype, each.shape, each.strides)[...] = each.value

    def pixels(self, each: isa.Mm | isa.Win, count: int) -> np.ndarray:
        """(m1 m0, k2 k1, count): what `a` holds for each pixel and tap."""
        dtype = TYPES[each.dtype_a]
        a = self.elements(
            each.a,
            dtype,
            (each.m1, each.m0, each.k2, each.k1, count),
            (each.am1, each.am0, each.ak2, each.ak1, dtype.itemsize),
        )
        return a.reshape(each.m1 * each.m0, each.k2 * each.k1, count)

    def mm(self, each: isa.Mm) -> None:
        columns = self.hardware.columns
        blocks, k = -(-each.n // columns), each.k2 * each.k1 * each.k0
        a = _value(
            self.pixels(each, each.k0).reshape(each.m1 * each.m0, k), each.dtype_a, each.zero_a
        )
        size = TYPES[each.dtype_b].itemsize
        strides = (each.bn, columns * size, size)
        b = self.elements(each.b, TYPES[each.dtype_b], (blocks, k, columns), strides)
        for block in range(blocks):
            width = min(columns, each.n - block * columns)
            part = _value(b[block, :, :width], each.dtype_b, each.zero_b)
            self.accumulate(each.acc.base + block * each.accn, a @ part, each.keep)

    def accumulate(self, row: int, sums: np.ndarray, keep: bool) -> None:
        """`sums` (rows, lanes) into accumulators from `row` on."""
        if row < 0 or row + len(sums) > len(self.acc):
            raise ValueError(f"accumulators {row} to {row + len(sums)} of {len(self.acc)}")
        there = self.acc[row : row + len(sums), : sums.shape[1]]
        if np.issubdtype(sums.dtype, np.integer):
            there[...] = (
                (there.view(np.int32) + sums if keep else sums).astype(np.int32).view(np.uint32)
            )
        else:
            old = np.ascontiguousarray(there).view(f32)
            there[...] = (old + sums if keep else sums).astype(f32).view(np.uint32)

    def win(self, each: isa.Win) -> None:
        columns = self.hardware.columns
        a = _value(self.pixels(each, each.channels), each.dtype_a, each.zero_a)
        if each.op is isa.Window.MAC:
            dtype = TYPES[each.dtype_b]
            shape, strides = (each.k2 * each.k1, each.channels), (each.bk, dtype.itemsize)
            a = a * _value(self.elements(each.b, dtype, shape, strides), each.dtype_b, each.zero_b)
        made = a.max(1) if each.op is isa.Window.MAX else a.sum(1)
        for block in range(-(-each.channels // columns)):
            part = made[:, block * columns : (block + 1) * columns]
            row = each.acc.base + block * each.accn
            if each.keep and each.op is isa.Window.MAX:
                kind = np.int32 if np.issubdtype(part.dtype, np.integer) else f32
                old = np.ascontiguousarray(self.acc[row : row + len(part), : part.shape[1]]).view(
                    kind
                )
                self.accumulate(row, np.maximum(old, part), False)
            else:
                self.accumulate(row, part, each.keep)

    def stored(self, operand: isa.Operand, shape: tuple[int, int, int]) -> np.ndarray:
        """An operand's stored elements; those of accumulators are a copy."""
        dtype = TYPES[operand.dtype]
        if operand.at.space is not isa.Space.ACC:
            return self.elements(operand.at, dtype, shape, operand.strides)
        i2, i1, i0 = np.ogrid[tuple(slice(extent) for extent in shape)]
        s2, s1, s0 = operand.strides
        columns = self.hardware.columns
        rows = operand.at.base + i2 * s2 + i1 * s1 + i0 // columns * s0
        return self.acc[rows, i0 % columns].view(dtype)

    def red(self, each: isa.Red) -> None:
        src = _wide(self.stored(each.src, each.shape), each.src).astype(np.float64)
        made = {
            isa.Reduce.SUM: lambda: src.sum(2),
            isa.Reduce.MAX: lambda: src.max(2),
            isa.Reduce.SQUARES: lambda: (src * src).sum(2),
        }[each.op]()
        target = self.stored(each.dst, (*each.shape[:2], 1))
        target[..., 0] = (made * each.factor).astype(f32)

    def vec(self, each: isa.Vec) -> None:
        mult = self.vector(each.mult, each)
        read = _wide if each.a.dtype is isa.Dtype.S32 else _real
        t = read(self.stored(each.a, each.shape), each.a)
        t = t if mult is None else t * mult
        bias = self.vector(each.bias, each)
        t = t if bias is None else t + bias
        if each.op is not isa.Binary.NONE:
            t = BINARIES[each.op](t, read(self.stored(each.b, each.shape), each.b))
        t = ACTS[each.act](t, each.p, each.q).astype(t.dtype)
        made = _narrow(t, each.dst)
        if each.dst.at.space is isa.Space.ACC:
            raise NotImplementedError("results in accumulators")
        self.stored(each.dst, each.shape)[...] = made

    def vector(self, at: isa.At, each: isa.Vec) -> np.ndarray | None:
        if at.space is isa.Space.NONE:
            return None
        count = each.shape[2] if each.each else 1
        return self.elements(at, TYPES[isa.Dtype.F32], (count,), (4,))


def _value(stored: np.ndarray, dtype: isa.Dtype, zero: int) -> np.ndarray:
    """What the matrix unit multiplies: float32, or 8-bit numbers less their zero as int32."""
    if dtype is isa.Dtype.BF16:
        return (stored.astype(np.uint32) << 16).view(f32)
    return stored if dtype is isa.Dtype.F32 else stored.astype(np.int32) - zero


def _wide(stored: np.ndarray, operand: isa.Operand) -> np.ndarray:
    """What the vector unit reads where it computes in float64."""
    if operand.dtype is isa.Dtype.S32:
        return (stored.astype(np.int64) - operand.zero) * np.float64(f32(operand.scale))
    return _real(stored, operand)


def _real(stored: np.ndarray, operand: isa.Operand) -> np.ndarray:
    """What the vector unit reads, in float32."""
    if operand.dtype is isa.Dtype.F32:
        return stored
    if operand.dtype is isa.Dtype.BF16:
        return (stored.astype(np.uint32) << 16).view(f32)
    if operand.dtype is isa.Dtype.S32:
        return _wide(stored, operand).astype(f32)
    return (stored.astype(np.int64) - operand.zero).astype(f32) * f32(operand.scale)


def _narrow(t: np.ndarray, operand: isa.Operand) -> np.ndarray:
    """What the vector unit writes of float32 or float64 values."""
    if operand.dtype is isa.Dtype.F32:
        return t.astype(f32)
    if operand.dtype is isa.Dtype.BF16:
        bits = t.astype(f32).view(np.uint32).astype(np.uint64)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    info = np.iinfo(TYPES[operand.dtype])
    whole = np.rint(t / f32(operand.scale)).astype(np.float64) + operand.zero
    return np.clip(whole, info.min, info.max).astype(TYPES[operand.dtype])
