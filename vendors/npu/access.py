"""What instructions touch: the bytes that must lie within their space, and the lines for which queues compete.

Spans go from an operand's first to its last byte, holes included, as the machine claims them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware

SHARED: Final = frozenset({isa.Space.SP, isa.Space.TMP, isa.Space.OUT})
"""Where instructions of different queues can meet, one of them writing."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes (ACC: rows) `first` to `last` of a space, both included; `index` is an input's or output's."""

    space: isa.Space
    index: int
    first: int
    last: int
    writes: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """Lines `first_line` to `last_line` of a space of `SHARED`, both included."""

    space: isa.Space
    index: int
    first_line: int
    last_line: int
    writes: bool


def claims(instruction: isa.Instruction, hardware: Hardware) -> list[Claim]:
    """The lines that tokens must order. Addresses must be resolved: registers are not looked at."""
    line = isa.LINE
    return [
        Claim(each.space, each.index, each.first // line, each.last // line, each.writes)
        for each in spans(instruction, hardware)
        if each.space in SHARED
    ]


def spans(instruction: isa.Instruction, hardware: Hardware) -> list[Span]:
    """What each operand touches, in the order of the instruction's fields."""
    return list(_SPANS[type(instruction)](instruction, hardware))


def _reach(at: isa.At, steps: Iterable[tuple[int, int]], size: int, writes: bool) -> Span:
    """The span of elements of `size` at `at` with these (count, stride) pairs."""
    first = last = at.base
    for count, stride in steps:
        if stride < 0:
            first += (count - 1) * stride
        else:
            last += (count - 1) * stride
    return Span(at.space, at.index, first, last + size - 1, writes)


def _load(each: isa.Load, hardware: Hardware) -> Iterator[Span]:
    written = [(dim.before + dim.count + dim.after, dim.sp) for dim in each.dims]
    yield _reach(each.target, written, each.size, True)
    yield _reach(each.source, [(dim.count, dim.dram) for dim in each.dims], each.size, False)


def _store(each: isa.Store, hardware: Hardware) -> Iterator[Span]:
    yield _reach(each.target, [(dim.count, dim.dram) for dim in each.dims], each.size, True)
    yield _reach(each.source, [(dim.count, dim.sp) for dim in each.dims], each.size, False)


def _mm(each: isa.Mm, hardware: Hardware) -> Iterator[Span]:
    columns = hardware.columns
    blocks = -(-each.n // columns)
    yield _reach(each.acc, ((blocks, each.accn),), each.m1 * each.m0, True)
    yield _pixels(each, each.k0)
    block = each.k2 * each.k1 * each.k0 * columns * each.dtype_b.bytes
    yield _reach(each.b, ((blocks, each.bn),), block, False)


def _win(each: isa.Win, hardware: Hardware) -> Iterator[Span]:
    blocks = -(-each.channels // hardware.columns)
    yield _reach(each.acc, ((blocks, each.accn),), each.m1 * each.m0, True)
    yield _pixels(each, each.channels)
    if each.op is isa.Window.MAC:
        tap = each.channels * each.dtype_b.bytes
        yield _reach(each.b, ((each.k2 * each.k1, each.bk),), tap, False)


def _pixels(each: isa.Mm | isa.Win, adjacent: int) -> Span:
    """What `a` touches: `adjacent` elements for each pixel and tap."""
    steps = (
        (each.m1, each.am1),
        (each.m0, each.am0),
        (each.k2, each.ak2),
        (each.k1, each.ak1),
    )
    return _reach(each.a, steps, adjacent * each.dtype_a.bytes, False)


def _operand(
    operand: isa.Operand, shape: tuple[int, int, int], hardware: Hardware, writes: bool
) -> Span:
    n2, n1, n0 = shape
    size = operand.dtype.bytes
    if operand.at.space is isa.Space.ACC:
        n0, size = -(-n0 // hardware.columns), 1
    s2, s1, s0 = operand.strides
    return _reach(operand.at, ((n2, s2), (n1, s1), (n0, s0)), size, writes)


def _vec(each: isa.Vec, hardware: Hardware) -> Iterator[Span]:
    yield _operand(each.dst, each.shape, hardware, True)
    yield _operand(each.a, each.shape, hardware, False)
    if each.op is not isa.Binary.NONE:
        yield _operand(each.b, each.shape, hardware, False)
    vector = 4 * each.shape[2] if each.each else 4
    for at in (each.mult, each.bias):
        if at.space is not isa.Space.NONE:
            yield Span(at.space, at.index, at.base, at.base + vector - 1, False)


def _red(each: isa.Red, hardware: Hardware) -> Iterator[Span]:
    n2, n1, _ = each.shape
    yield _operand(each.dst, (n2, n1, 1), hardware, True)
    yield _operand(each.src, each.shape, hardware, False)


def _fill(each: isa.Fill, hardware: Hardware) -> Iterator[Span]:
    yield _reach(each.target, zip(each.shape, each.strides, strict=True), each.size, True)


_SPANS: Final[Mapping[type[Any], Callable[[Any, Hardware], Iterator[Span]]]] = {
    isa.Load: _load,
    isa.Store: _store,
    isa.Mm: _mm,
    isa.Win: _win,
    isa.Vec: _vec,
    isa.Red: _red,
    isa.Fill: _fill,
}
