"""Walks: views of one shape as few dimensions as all of them allow, and the tiles of these."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.kernels.config import TileConfig
from byoc.vendors.npu.kernels.cut import pieces
from byoc.vendors.npu.places import View, aligned

EVEN: Final = isa.LINE
"""A dimension that is cut within is cut at multiples of so many elements: tiles then share no lines."""


@dataclass(frozen=True, slots=True)
class FlatConfig(TileConfig):
    """How layers that work on single elements are cut: tiles of at most `elements`."""

    elements: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    """A tile: where it starts in each dimension, and how far it goes."""

    starts: tuple[int, ...]
    counts: tuple[int, ...]


def joined(views: Sequence[View]) -> list[View]:
    """The views with dimensions in the order in which the first has them in memory, outermost first.

    Neighbours become one where every view allows it, and dimensions of one element are left out. What a view
    repeats (stride 0) it goes on repeating. The shapes are equal before and after, with at least one dimension.
    """
    first = views[0]
    axes = [axis for axis in range(len(first.shape)) if first.shape[axis] > 1]
    axes.sort(key=lambda axis: -abs(first.strides[axis]))
    groups: list[tuple[int, tuple[int, ...]]] = []
    for axis in axes:
        count, strides = first.shape[axis], tuple(view.strides[axis] for view in views)
        outer = groups[-1] if groups else None
        if outer and all(a == count * b for a, b in zip(outer[1], strides, strict=True)):
            groups[-1] = (outer[0] * count, strides)
        else:
            groups.append((count, strides))
    groups = groups or [(1, tuple(view.dtype.bytes for view in views))]
    shape = tuple(count for count, _ in groups)
    return [
        replace(view, shape=shape, strides=tuple(strides[i] for _, strides in groups))
        for i, view in enumerate(views)
    ]


def tile_shape(shape: Sequence[int], elements: int) -> tuple[int, ...]:
    """The largest tile of at most `elements` that is whole in the inner dimensions, cut evenly in one."""
    counts, room = [], elements
    for axis in reversed(range(len(shape))):
        count = min(shape[axis], max(room, 1))
        if count < shape[axis]:
            count = -(-shape[axis] // -(-shape[axis] // count))
            if axis == len(shape) - 1 and room >= EVEN:
                count = min(-(-count // EVEN), room // EVEN) * EVEN
        counts.append(count)
        room //= count if count == shape[axis] else room + 1
    return tuple(reversed(counts))


def parts(shape: Sequence[int], counts: Sequence[int]) -> Iterator[Part]:
    """The tiles of `shape`, the last dimension's fastest."""
    if not shape:
        yield Part((), ())
        return
    for outer in parts(shape[:-1], counts[:-1]):
        for each in pieces(shape[-1], counts[-1]):
            yield Part((*outer.starts, each.start), (*outer.counts, len(each)))


def unique(view: View) -> View:
    """The view without what it repeats: one element where its stride is 0."""
    pairs = zip(view.shape, view.strides, strict=True)
    return replace(view, shape=tuple(1 if step == 0 else count for count, step in pairs))


def region(view: View, part: Part) -> Part:
    """What a tile needs of `unique(view)`."""
    starts = tuple(0 if t == 0 else s for s, t in zip(part.starts, view.strides, strict=True))
    counts = tuple(1 if t == 0 else n for n, t in zip(part.counts, view.strides, strict=True))
    return Part(starts, counts)


def slot(view: View, counts: Sequence[int]) -> int:
    """Bytes of a slot for tiles of `counts`: none where the view lies in the scratchpad."""
    if view.space is isa.Space.SP:
        return 0
    return aligned(
        math.prod(region(view, Part((0,) * len(counts), tuple(counts))).counts) * view.dtype.bytes
    )


def slots(view: View, counts: Sequence[int], most: int) -> int:
    """How many slots are of use: no more than there are different tiles."""
    different = 1
    for extent, count, stride in zip(view.shape, counts, view.strides, strict=True):
        different *= 1 if stride == 0 else -(-extent // count)
    return min(most, different)


def times(view: View, shape: Sequence[int], counts: Sequence[int]) -> float:
    """How often a tile of `view` is loaded: not again while the dimensions that it has no part in are walked."""
    times, repeated = 1.0, 1.0
    for extent, count, stride in zip(shape, counts, view.strides, strict=True):
        repeated *= extent / count
        if stride:
            times = repeated
    return times


def flat_space(elements: int, scratch: int) -> list[FlatConfig]:
    """Tiles of at most `elements`, by powers of two, of which at least one byte each must fit."""
    sizes = [1 << power for power in range(6, 31) if 1 << power < elements]
    fitting = [size for size in (*sizes, elements) if size <= scratch]
    return [FlatConfig(slots, size) for size in fitting for slots in (1, 2)]
