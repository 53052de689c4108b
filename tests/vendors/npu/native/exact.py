"""isa.py's arithmetic, element by element and bit for bit, in numpy scalars: slow, and plain.

What is no number is left to tests of its own: UndefinedError.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware

f32, f64 = np.float32, np.float64


class UndefinedError(ArithmeticError):
    """A value on the way was no number."""


FORMATS = {
    isa.Dtype.F32: np.dtype("<f4"),
    isa.Dtype.BF16: np.dtype("<u2"),
    isa.Dtype.S8: np.dtype("i1"),
    isa.Dtype.U8: np.dtype("u1"),
    isa.Dtype.S32: np.dtype("<i4"),
}


def _sigmoid(t: float) -> float:
    return 1 / (1 + math.exp(-t)) if t > -700 else 0.0


def _clip(t: Any, least: Any, most: Any) -> Any:
    return min(max(t, least), most)


PLAIN: dict[isa.Act, Callable[[Any, Any, Any], Any]] = {
    isa.Act.NONE: lambda t, p, q: t,
    isa.Act.RELU: lambda t, p, q: max(t, f32(0)),
    isa.Act.CLIP: lambda t, p, q: _clip(t, p, q),
    isa.Act.LEAKY: lambda t, p, q: t if t >= 0 else p * t,
    isa.Act.HARDSIGMOID: lambda t, p, q: _clip(p * t + q, f32(0), f32(1)),
    isa.Act.HARDSWISH: lambda t, p, q: t * _clip(t / f32(6) + f32(0.5), f32(0), f32(1)),
    isa.Act.SQUARE: lambda t, p, q: t * t,
    isa.Act.RECIP: lambda t, p, q: f32(1) / t,
    isa.Act.ABS: lambda t, p, q: abs(t),
    isa.Act.NEG: lambda t, p, q: -t,
}
"""Functions that are computed as wide as their operand."""

PRECISE: dict[isa.Act, Callable[[float, float], float]] = {
    isa.Act.SIGMOID: lambda t, p: _sigmoid(t),
    isa.Act.TANH: lambda t, p: math.tanh(t),
    isa.Act.GELU: lambda t, p: t * (1 + math.erf(t * math.sqrt(0.5))) / 2,
    isa.Act.GELU_TANH: lambda t, p: (
        t * (1 + math.tanh(math.sqrt(2 / math.pi) * (t + 0.044715 * t**3))) / 2
    ),
    isa.Act.SILU: lambda t, p: t * _sigmoid(t),
    isa.Act.EXP: lambda t, p: math.exp(t),
    isa.Act.SQRT: lambda t, p: math.sqrt(t + p),
    isa.Act.RSQRT: lambda t, p: 1 / math.sqrt(t + p),
    isa.Act.ERF: lambda t, p: math.erf(t),
    isa.Act.POW: lambda t, p: math.pow(t, p),
    isa.Act.LOG: lambda t, p: math.log(t),
}
"""Functions that are computed in float64."""

BINARY: dict[isa.Binary, Callable[[Any, Any], Any]] = {
    isa.Binary.ADD: lambda t, b: t + b,
    isa.Binary.SUB: lambda t, b: t - b,
    isa.Binary.RSUB: lambda t, b: b - t,
    isa.Binary.MUL: lambda t, b: t * b,
    isa.Binary.DIV: lambda t, b: t / b,
    isa.Binary.RDIV: lambda t, b: b / t,
    isa.Binary.MAX: max,
    isa.Binary.MIN: min,
}


class Exact:
    """A scratchpad of a few bytes and the accumulators."""

    def __init__(self, hardware: Hardware, memory: np.ndarray) -> None:
        self.hardware = hardware
        self.sp = memory.copy()
        self.acc = np.full((hardware.accumulators, hardware.columns), 0xFFFFFFFF, np.uint32)

    def run(self, *instructions: isa.Instruction) -> np.ndarray:
        """Do the instructions; the scratchpad."""
        for each in instructions:
            with np.errstate(all="ignore"):
                getattr(self, type(each).__name__.lower())(each)
        return self.sp

    def read(self, place: int, dtype: isa.Dtype) -> Any:
        """The stored element, BF16 as float32."""
        raw = self.sp[place : place + dtype.bytes].copy().view(FORMATS[dtype])[0]
        return _bf16(raw) if dtype is isa.Dtype.BF16 else raw

    def write(self, place: int, value: Any) -> None:
        bits = np.array([value]).view(np.uint8)
        self.sp[place : place + len(bits)] = bits

    def place(self, operand: isa.Operand, i2: int, i1: int, i0: int) -> tuple[int, int]:
        """Byte of SP and 0, or row and lane of ACC."""
        s2, s1, s0 = operand.strides
        if operand.at.space is isa.Space.SP:
            return operand.at.base + i2 * s2 + i1 * s1 + i0 * s0, 0
        block, lane = divmod(i0, self.hardware.columns)
        return operand.at.base + i2 * s2 + i1 * s1 + block * s0, lane

    def stored(self, operand: isa.Operand, index: tuple[int, int, int]) -> Any:
        place, lane = self.place(operand, *index)
        if operand.at.space is isa.Space.SP:
            return self.read(place, operand.dtype)
        return self.acc[place, lane : lane + 1].view(FORMATS[operand.dtype])[0]

    def wide(self, operand: isa.Operand, index: tuple[int, int, int]) -> Any:
        """An element in float64 where it is S32, in float32 otherwise."""
        if operand.dtype is isa.Dtype.S32:
            stored = int(self.stored(operand, index))
            return f64(stored - operand.zero) * f64(f32(operand.scale))
        return self.real(operand, index)

    def real(self, operand: isa.Operand, index: tuple[int, int, int]) -> Any:
        """An element in float32."""
        if operand.dtype is isa.Dtype.S32:
            return f32(self.wide(operand, index))
        raw = self.stored(operand, index)
        if operand.dtype in (isa.Dtype.S8, isa.Dtype.U8):
            return f32(int(raw) - operand.zero) * f32(operand.scale)
        return f32(raw)

    def put(self, operand: isa.Operand, index: tuple[int, int, int], value: Any) -> None:
        place, lane = self.place(operand, *index)
        if operand.at.space is isa.Space.ACC:
            self.acc[place, lane] = np.array([value], f32).view(np.uint32)[0]
        elif operand.dtype is isa.Dtype.F32:
            self.write(place, f32(value))
        elif operand.dtype is isa.Dtype.BF16:
            self.write(place, to_bf16(value))
        else:
            kind = FORMATS[operand.dtype]
            whole = np.rint(value / f32(operand.scale))
            bounds = np.iinfo(kind)
            whole = min(max(float(whole) + operand.zero, bounds.min), bounds.max)
            self.write(place, kind.type(int(whole)))

    def vec(self, each: isa.Vec) -> None:
        for index in itertools.product(*map(range, each.shape)):
            mult, bias = (self.vector(at, each, index[2]) for at in (each.mult, each.bias))
            t = self.wide(each.a, index)
            if mult is not None:
                t = t * mult
            if bias is not None:
                t = t + bias
            if each.op is not isa.Binary.NONE:
                read = self.wide if each.a.dtype is isa.Dtype.S32 else self.real
                b = read(each.b, index)
                if np.isnan(t) or np.isnan(b):
                    raise UndefinedError
                t = BINARY[each.op](t, b)
            t = activated(each, t)
            if np.isnan(t):
                raise UndefinedError
            self.put(each.dst, index, t)

    def vector(self, at: isa.At, each: isa.Vec, i0: int) -> Any:
        if at.space is isa.Space.NONE:
            return None
        return self.read(at.base + (4 * i0 if each.each else 0), isa.Dtype.F32)

    def red(self, each: isa.Red) -> None:
        n2, n1, n0 = each.shape
        for i2, i1 in itertools.product(range(n2), range(n1)):
            row = [float(self.wide(each.src, (i2, i1, i0))) for i0 in range(n0)]
            if each.op is isa.Reduce.MAX:
                made = max(row)
            else:
                made = 0.0
                for value in row:
                    made += value * value if each.op is isa.Reduce.SQUARES else value
            self.put(each.dst, (i2, i1, 0), f32(float(f32(each.factor)) * made))

    def factor(self, place: int, dtype: isa.Dtype, zero: int) -> Any:
        """What is multiplied: float32, or an int less its zero."""
        raw = self.read(place, dtype)
        return f32(raw) if dtype in (isa.Dtype.F32, isa.Dtype.BF16) else int(raw) - zero

    def pixel(self, each: isa.Mm | isa.Win, m: int, tap: int, i0: int) -> Any:
        i1, i0m = divmod(m, each.m0)
        k2, k1 = divmod(tap, each.k1)
        place = each.a.base + i1 * each.am1 + i0m * each.am0 + k2 * each.ak2 + k1 * each.ak1
        return self.factor(place + i0 * each.dtype_a.bytes, each.dtype_a, each.zero_a)

    def mm(self, each: isa.Mm) -> None:
        columns = self.hardware.columns
        depth = self.hardware.rows * {
            isa.Dtype.F32: self.hardware.rate_float32,
            isa.Dtype.BF16: self.hardware.rate_bfloat16,
        }.get(each.dtype_a, self.hardware.rate_int8)
        for m, n in itertools.product(range(each.m1 * each.m0), range(each.n)):
            block, lane = divmod(n, columns)
            row = each.acc.base + block * each.accn + m
            total = self.old(row, lane, each)
            for tap in range(each.k2 * each.k1):
                for start in range(0, each.k0, depth):
                    step = type(total)(0)
                    for k in range(start, min(start + depth, each.k0)):
                        weight = (tap * each.k0 + k) * columns + lane
                        place = each.b.base + block * each.bn + weight * each.dtype_b.bytes
                        b = self.factor(place, each.dtype_b, each.zero_b)
                        step = step + self.pixel(each, m, tap, k) * b
                    total = total + step
            self.accumulate(row, lane, total)

    def win(self, each: isa.Win) -> None:
        for m, channel in itertools.product(range(each.m1 * each.m0), range(each.channels)):
            block, lane = divmod(channel, self.hardware.columns)
            row = each.acc.base + block * each.accn + m
            total = self.old(row, lane, each)
            for tap in range(each.k2 * each.k1):
                value = self.pixel(each, m, tap, channel)
                if each.op is isa.Window.MAX:
                    total = value if tap == 0 and not each.keep else max(total, value)
                    continue
                if each.op is isa.Window.MAC:
                    place = each.b.base + tap * each.bk + channel * each.dtype_b.bytes
                    value = value * self.factor(place, each.dtype_b, each.zero_b)
                total = total + value
            self.accumulate(row, lane, total)

    def old(self, row: int, lane: int, each: isa.Mm | isa.Win) -> Any:
        floats = each.dtype_a in (isa.Dtype.F32, isa.Dtype.BF16)
        if not each.keep:
            return f32(0) if floats else 0
        bits = self.acc[row, lane : lane + 1]
        return bits.view(f32)[0] if floats else int(bits.view(np.int32)[0])

    def accumulate(self, row: int, lane: int, total: Any) -> None:
        if isinstance(total, int):
            self.acc[row, lane] = total % 2**32
        else:
            self.acc[row, lane] = np.array([total], f32).view(np.uint32)[0]

    def fill(self, each: isa.Fill) -> None:
        bits = np.frombuffer(each.value.to_bytes(4, "little"), np.uint8)[: each.size]
        for index in itertools.product(*map(range, each.shape)):
            place = each.target.base + sum(
                i * stride for i, stride in zip(index, each.strides, strict=True)
            )
            self.sp[place : place + each.size] = bits


def activated(each: isa.Vec, t: Any) -> Any:
    """act(t), as wide as t."""
    if each.act in PLAIN:
        return PLAIN[each.act](t, f32(each.p), f32(each.q))
    try:
        return type(t)(PRECISE[each.act](float(t), float(f32(each.p))))
    except OverflowError:
        return type(t)(np.inf)


def _bf16(raw: Any) -> Any:
    return np.array([int(raw) << 16], np.uint32).view(f32)[0]


def to_bf16(value: Any) -> Any:
    """The nearest, ties to even, as bits."""
    bits = int(np.array([value], f32).view(np.uint32)[0])
    return np.uint16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
