"""Vectors: tiles of any number of dimensions as instructions of the vector unit, which has three."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.walk import joined
from byoc.vendors.npu.layers import Quant
from byoc.vendors.npu.places import View, positions

NOWHERE: Final = isa.At(isa.Space.NONE, 0)

SLOW: Final = frozenset(isa.Act) - {
    isa.Act.NONE,
    isa.Act.RELU,
    isa.Act.CLIP,
    isa.Act.LEAKY,
    isa.Act.SQUARE,
    isa.Act.ABS,
    isa.Act.NEG,
    isa.Act.HARDSIGMOID,
    isa.Act.HARDSWISH,
}
"""Functions that take `special` cycles."""

FEW: Final = 64
"""Instructions that a tile may be made of because of a vector that is not along the innermost dimension."""


@dataclass(frozen=True, slots=True)
class Values:
    """A tile and what its numbers mean. Where ACC holds it, strides are rows as isa.Operand counts them."""

    view: View
    quant: Quant | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """What is computed: isa.Vec's fields of the same names."""

    op: isa.Binary = isa.Binary.NONE
    act: isa.Act = isa.Act.NONE
    p: float = 0.0
    q: float = 0.0

    def pace(self, hw: Hardware) -> int:
        """Cycles that `lanes` elements take."""
        slow = self.op in (isa.Binary.DIV, isa.Binary.RDIV) or self.act in SLOW
        return hw.special if slow else 1


IDENTITY: Final = Function()


@dataclass(frozen=True, slots=True)
class Vector:
    """One element-wise operation on tiles of equal shape; mult and bias are float32, repeated by strides of 0."""

    dst: Values
    a: Values
    b: Values | None = None
    mult: View | None = None
    bias: View | None = None
    function: Function = IDENTITY

    @property
    def vectors(self) -> list[View]:
        """Mult and bias, as far as there are any."""
        return [each for each in (self.mult, self.bias) if each is not None]

    def joined(self) -> Vector:
        """The same with as few dimensions as there can be."""
        values = [each for each in (self.dst, self.a, self.b) if each is not None]
        views = joined([*(each.view for each in values), *self.vectors])
        rest = iter(views)
        made = [replace(each, view=next(rest)) for each in values]
        return Vector(
            made[0],
            made[1],
            made[2] if self.b is not None else None,
            next(rest) if self.mult is not None else None,
            next(rest) if self.bias is not None else None,
            self.function,
        )


@dataclass(frozen=True, slots=True)
class Axes:
    """The dimensions of an instruction (at most two, and the innermost), and those that it is repeated over."""

    loops: tuple[int, ...]
    plane: tuple[int, ...]
    inner: int
    each: bool

    def busy(self, shape: Sequence[int], hw: Hardware) -> int:
        """Cycles of the vector unit at full pace."""
        return math.prod(shape) // shape[self.inner] * -(-shape[self.inner] // hw.lanes)


def run(vector: Vector, hw: Hardware, composite: int) -> Iterator[isa.Vec]:
    """The instructions."""
    one = vector.joined()
    axes, shape = _axes(one, hw), one.dst.view.shape
    for index in positions([shape[axis] for axis in axes.loops]):
        yield _instruction(one, axes, dict(zip(axes.loops, index, strict=True)), composite)


def busy(vector: Vector, hw: Hardware) -> int:
    """Cycles of the vector unit."""
    one = vector.joined()
    return _axes(one, hw).busy(one.dst.view.shape, hw) * vector.function.pace(hw)


def _axes(one: Vector, hw: Hardware) -> Axes:
    """A vector of one value for each place of a dimension has this innermost, or its values taken one by one."""
    shape = one.dst.view.shape
    along = [axis for axis in range(len(shape)) if any(each.strides[axis] for each in one.vectors)]
    if not along:
        return _plain(shape, (), hw)
    (axis,) = along
    rest = _largest_last(shape, [other for other in range(len(shape)) if other != axis])
    each = Axes(rest[:-2], rest[-2:], axis, each=True)
    if not rest or shape[axis] > FEW:
        return each
    single = _plain(shape, along, hw)
    return single if single.busy(shape, hw) < each.busy(shape, hw) else each


def _plain(shape: Sequence[int], looped: Sequence[int], hw: Hardware) -> Axes:
    free = [axis for axis in range(len(shape)) if axis not in looped]
    inner = min(reversed(free), key=lambda axis: -(-shape[axis] // hw.lanes) / shape[axis])
    rest = _largest_last(shape, [axis for axis in free if axis != inner])
    return Axes((*looped, *rest[:-2]), rest[-2:], inner, each=False)


def _largest_last(shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(axes, key=lambda axis: shape[axis]))


def _instruction(one: Vector, axes: Axes, index: dict[int, int], composite: int) -> isa.Vec:
    walked = [*axes.plane, axes.inner]
    n2, n1, n0 = [1] * (3 - len(walked)) + [one.dst.view.shape[axis] for axis in walked]
    function = one.function
    return isa.Vec(
        composite=composite,
        dst=_operand(one.dst, walked, index),
        a=_operand(one.a, walked, index),
        b=isa.NOWHERE if one.b is None else _operand(one.b, walked, index),
        mult=NOWHERE if one.mult is None else _at(one.mult, index),
        bias=NOWHERE if one.bias is None else _at(one.bias, index),
        each=axes.each,
        op=function.op,
        act=function.act,
        p=function.p,
        q=function.q,
        shape=(n2, n1, n0),
    )


def _at(view: View, index: dict[int, int]) -> isa.At:
    offset = sum(place * view.strides[axis] for axis, place in index.items())
    return replace(view.at, base=view.offset + offset)


def _operand(values: Values, walked: Sequence[int], index: dict[int, int]) -> isa.Operand:
    view = values.view
    strides = (0,) * (3 - len(walked)) + tuple(view.strides[axis] for axis in walked)
    scale, zero = (1.0, 0) if values.quant is None else (values.quant.scale, values.quant.zero)
    return isa.Operand(_at(view, index), view.dtype, strides, scale, zero)  # type: ignore[arg-type]  # three
