"""Tiles: regions of views brought into the scratchpad, and results brought out of it.

A tile is a View in the scratchpad. What lies there already is used where it is; what lies in DRAM is loaded into
a slot of a ring. A ring remembers what its slots hold, so that nothing is loaded twice while it is there; otherwise
the slot that was used longest ago is overwritten: loads of the next tile run beside the use of this one.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.errors import MisfitError
from byoc.vendors.npu.layers import Quant
from byoc.vendors.npu.places import View, aligned, positions

Fetch = Generator[isa.Instruction, None, View]
"""Yields instructions and returns the tile: `tile = yield from fetch(...)`."""

_MOST_PADDING: Final = 0xFFFF
"""What the fields of a Dim hold."""


class Ring:
    """`slots` places of `size` bytes each from `base` on."""

    def __init__(self, base: int, size: int, slots: int) -> None:
        """Make an empty ring; `base` and `size` are multiples of a line."""
        self.size = size
        self._held: dict[int, Hashable] = {base + i * size: None for i in range(slots)}

    def find(self, key: Hashable) -> int | None:
        """The address of the slot that holds `key`, which is then the one used last; None if there is none."""
        for address, held in self._held.items():
            if held is not None and held == key:
                self._held[address] = self._held.pop(address)
                return address
        return None

    def take(self, key: Hashable = None) -> int:
        """The address of the slot that was used longest ago, which holds `key` from now on."""
        address = next(iter(self._held))
        del self._held[address]
        self._held[address] = key
        return address


@dataclass(slots=True)
class Scratch:
    """What of the scratchpad a kernel may use: `size` bytes from `base`, a multiple of a line; `used` of them."""

    base: int
    size: int
    used: int = 0

    def take(self, size: int) -> int:
        """The address of `size` more bytes. Raises MisfitError when there are not as many."""
        address = self.base + self.used
        if self.used + aligned(size) > self.size:
            raise MisfitError(self.used + aligned(size), self.size, "bytes of scratchpad")
        self.used += aligned(size)
        return address

    def ring(self, size: int, slots: int) -> Ring:
        """A ring of slots for at most `size` bytes each. Raises MisfitError when there is no room."""
        return Ring(self.take(aligned(size) * slots), aligned(size), slots)


def fetch(
    view: View,
    starts: Sequence[int],
    counts: Sequence[int],
    ring: Ring,
    composite: int,
    *,
    order: Sequence[int] | None = None,
    fill: int = 0,
    dense: int = 1,
) -> Fetch:
    """Bring `counts` elements from `starts` on into the scratchpad; return the tile, of shape `counts`.

    What lies beyond the view's edges becomes `fill` (the bits of an element). In a slot the elements stand without
    gaps in the `order` of axes (outermost first, as they are by default). What lies in the scratchpad is used where
    it is if nothing of it is padding and the `dense` innermost axes of `order` have no gaps between them; otherwise
    the vector unit copies it.
    """
    order = range(len(counts)) if order is None else order
    region = _Region.of(view, starts, counts)
    if region.inside and _without_gaps(region.inner, order, dense):
        return region.inner
    key = (view, tuple(starts), tuple(counts), tuple(order), fill)
    held = ring.find(key)
    address = ring.take(key) if held is None else held
    tile = View.dense(isa.Space.SP, address, counts, view.dtype, order=order)
    if math.prod(counts) * view.dtype.bytes > ring.size:
        raise ValueError(f"a tile of {tuple(counts)} in a slot of {ring.size} bytes")
    if held is None:
        yield from bring(view, starts, tile, composite, order=order, fill=fill)
    return tile


def bring(
    view: View,
    starts: Sequence[int],
    tile: View,
    composite: int,
    *,
    order: Sequence[int] | None = None,
    fill: int = 0,
) -> Iterator[isa.Instruction]:
    """Make `tile`, in the scratchpad, hold the elements of `view` from `starts` on: by loads, or by copies in it.

    A tile with padding must stand without gaps; `order` is that of its axes.
    """
    region = _Region.of(view, starts, tile.shape)
    if region.empty:
        yield _fill(tile, fill, composite)
    elif region.inner.space is isa.Space.SP:
        if region.padded:
            yield _fill(tile, fill, composite)
        yield from copy(region.inner, tile.slice(region.before, region.inner.shape), composite)
    else:
        order = range(len(tile.shape)) if order is None else order
        yield from _loads(region, tile, order, fill, composite)


def sink(
    view: View,
    starts: Sequence[int],
    counts: Sequence[int],
    ring: Ring,
    *,
    order: Sequence[int] | None = None,
) -> View:
    """Where to write a region of `view` before `store`: itself in the scratchpad, otherwise a slot of `ring`."""
    if view.space is isa.Space.SP:
        return view.slice(starts, counts)
    return View.dense(isa.Space.SP, ring.take(), counts, view.dtype, order=order)


def store(
    view: View,
    starts: Sequence[int],
    tile: View,
    composite: int,
    *,
    order: Sequence[int] | None = None,
) -> Iterator[isa.Store]:
    """Bring the `tile` that `sink` gave to its place; nothing is to do in the scratchpad."""
    if view.space is isa.Space.SP:
        return
    target = view.slice(starts, tile.shape)
    order = range(len(tile.shape)) if order is None else order
    plain = [_Axis(tile.shape[i], target.strides[i], tile.strides[i]) for i in order]
    for dims, dram, sp in _transfers(plain):
        yield isa.Store(
            composite=composite,
            target=replace(target.at, base=target.offset + dram),
            source=isa.At(isa.Space.SP, tile.offset + sp),
            size=view.dtype.bytes,
            dims=dims,
        )


def operand(view: View, quant: Quant | None = None) -> isa.Operand:
    """A tile of up to three dimensions as the vector unit reads or writes it."""
    strides = (0,) * (3 - len(view.strides)) + view.strides
    scale, zero = (1.0, 0) if quant is None else (quant.scale, quant.zero)
    return isa.Operand(view.at, view.dtype, strides, scale, zero)  # type: ignore[arg-type]  # three


def shape3(shape: Sequence[int]) -> tuple[int, int, int]:
    """`shape` with ones in front: a vector instruction's."""
    n2, n1, n0 = (1,) * (3 - len(shape)) + tuple(shape)
    return n2, n1, n0


def zero_bits(dtype: isa.Dtype, quant: Quant | None) -> int:
    """The bits of an element that means 0."""
    return 0 if quant is None else quant.zero & 0xFF


@dataclass(frozen=True, slots=True)
class _Axis:
    """One dimension of a transfer, outermost first in a list of them."""

    count: int
    dram: int
    sp: int
    before: int = 0
    after: int = 0

    @property
    def dim(self) -> isa.Dim:
        return isa.Dim(self.count, self.dram, self.sp, self.before, self.after)


@dataclass(frozen=True, slots=True)
class _Region:
    """A part of a view: what lies inside it, and how many elements of padding are before and after, by axis."""

    inner: View
    before: tuple[int, ...]
    after: tuple[int, ...]
    empty: bool

    @classmethod
    def of(cls, view: View, starts: Sequence[int], counts: Sequence[int]) -> _Region:
        pairs = list(zip(starts, counts, view.shape, strict=True))
        first = [min(max(start, 0), extent) for start, _, extent in pairs]
        stop = [max(min(s + n, extent), f) for (s, n, extent), f in zip(pairs, first, strict=True)]
        inside = [b - a for a, b in zip(first, stop, strict=True)]
        before = tuple(min(f - s, n) for (s, n, _), f in zip(pairs, first, strict=True))
        after = tuple(n - b - i for (_, n, _), b, i in zip(pairs, before, inside, strict=True))
        empty = 0 in inside
        inner = view if empty else view.slice(first, inside)
        return cls(inner, before, after, empty)

    @property
    def padded(self) -> bool:
        return any(self.before) or any(self.after)

    @property
    def inside(self) -> bool:
        return self.inner.space is isa.Space.SP and not self.padded


def _without_gaps(view: View, order: Sequence[int], dense: int) -> bool:
    step = view.dtype.bytes
    for axis in reversed(order[len(order) - dense :]):
        if view.shape[axis] != 1 and view.strides[axis] != step:
            return False
        step *= view.shape[axis]
    return True


def _fill(tile: View, fill: int, composite: int) -> isa.Fill:
    size = tile.dtype.bytes
    shape = (1, 1, math.prod(tile.shape))
    return isa.Fill(
        composite=composite,
        target=tile.at,
        size=size,
        value=fill,
        shape=shape,
        strides=(0, 0, size),
    )


def copy(source: View, target: View, composite: int) -> Iterator[isa.Vec]:
    """Elements of the scratchpad to other places of it, unaltered, by the vector unit.

    The longest dimension is the innermost: it fills the lanes best, and strides cost nothing.
    """
    axes = sorted(range(len(source.shape)), key=lambda axis: -abs(target.strides[axis]))
    plain = [_Axis(source.shape[i], source.strides[i], target.strides[i]) for i in axes]
    dims = sorted(_merged(plain), key=lambda axis: axis.count)
    outer, inner = dims[:-3], dims[-3:]
    inner = [_Axis(1, 0, 0)] * (3 - len(inner)) + inner
    n2, n1, n0 = (axis.count for axis in inner)
    for index in positions([axis.count for axis in outer]):
        a, dst = source.offset, target.offset
        for i, axis in zip(index, outer, strict=True):
            a, dst = a + i * axis.dram, dst + i * axis.sp
        s2, s1, s0 = (axis.dram for axis in inner)
        t2, t1, t0 = (axis.sp for axis in inner)
        yield isa.Vec(
            composite=composite,
            dst=isa.Operand(isa.At(isa.Space.SP, dst), target.dtype, (t2, t1, t0)),
            a=isa.Operand(isa.At(isa.Space.SP, a), source.dtype, (s2, s1, s0)),
            shape=(n2, n1, n0),
        )


def _loads(
    region: _Region, tile: View, order: Sequence[int], fill: int, composite: int
) -> Iterator[isa.Load]:
    inner = region.inner
    axes = [
        _Axis(inner.shape[i], inner.strides[i], tile.strides[i], region.before[i], region.after[i])
        for i in order
    ]
    for dims, dram, sp in _transfers(axes):
        yield isa.Load(
            composite=composite,
            target=isa.At(isa.Space.SP, tile.offset + sp),
            source=replace(inner.at, base=inner.offset + dram),
            size=tile.dtype.bytes,
            dims=dims,
            fill=fill,
        )


def _transfers(
    axes: Sequence[_Axis],
) -> Iterator[tuple[tuple[isa.Dim, isa.Dim, isa.Dim, isa.Dim], int, int]]:
    """Transfers of four dimensions each, and how far they start from the first element in DRAM and scratchpad."""
    dims = _merged(axes)
    outer, inner = dims[:-4], dims[-4:]
    if any(axis.before or axis.after for axis in outer):
        raise ValueError(f"padding in {len(dims)} dimensions of a transfer")
    d3, d2, d1, d0 = [_Axis(1, 0, 0)] * (4 - len(inner)) + inner
    for index in positions([axis.count for axis in outer]):
        dram = sum(i * axis.dram for i, axis in zip(index, outer, strict=True))
        sp = sum(i * axis.sp for i, axis in zip(index, outer, strict=True))
        yield (d3.dim, d2.dim, d1.dim, d0.dim), dram, sp


def _merged(axes: Sequence[_Axis]) -> list[_Axis]:
    """The axes without those of one element, neighbours made one where both sides allow it."""
    dims: list[_Axis] = []
    for axis in axes:
        padded = axis.before or axis.after
        if axis.count == 1 and not padded:
            continue
        outer = dims[-1] if dims else None
        if (
            outer
            and not padded
            and outer.dram == axis.count * axis.dram
            and outer.sp == axis.count * axis.sp
            and max(outer.before, outer.after) * axis.count <= _MOST_PADDING
        ):
            width = axis.count
            dims[-1] = _Axis(
                outer.count * width, axis.dram, axis.sp, outer.before * width, outer.after * width
            )
        else:
            dims.append(axis)
    return dims
