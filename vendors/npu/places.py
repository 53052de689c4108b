"""Places: where a tensor's elements stand, as a view with strides of one of the machine's memories."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from byoc.vendors.npu import isa


@dataclass(frozen=True, slots=True)
class View:
    """A tensor of `shape` in `space`: its first element at byte `offset`, `strides` bytes between neighbours.

    `shape` is in the tensor's own order (NCHW), whatever the order in memory. `index` is that of an input or output
    and 0 elsewhere. Strides may be 0 (repeated elements) or negative.
    """

    space: isa.Space
    index: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: isa.Dtype

    @classmethod
    def dense(
        cls,
        space: isa.Space,
        offset: int,
        shape: Sequence[int],
        dtype: isa.Dtype,
        *,
        order: Sequence[int] | None = None,
        index: int = 0,
    ) -> View:
        """The elements without gaps. `order`: the axes as memory has them, outermost first; else as they are."""
        strides = [0] * len(shape)
        step = dtype.bytes
        for axis in reversed(range(len(shape)) if order is None else order):
            strides[axis] = step
            step *= max(shape[axis], 1)
        return cls(space, index, offset, tuple(shape), tuple(strides), dtype)

    @property
    def elements(self) -> int:
        """How many elements the shape counts."""
        return math.prod(self.shape)

    @property
    def at(self) -> isa.At:
        """The address of the first element."""
        return isa.At(self.space, self.offset, index=self.index)

    @property
    def span(self) -> tuple[int, int]:
        """The first byte of any element and the first one after all of them, holes included."""
        steps = [
            (count - 1) * stride for count, stride in zip(self.shape, self.strides, strict=True)
        ]
        low = self.offset + sum(min(step, 0) for step in steps)
        return low, self.offset + sum(max(step, 0) for step in steps) + self.dtype.bytes

    @property
    def lines(self) -> range:
        """The lines that an instruction which touches all of it claims."""
        low, high = self.span
        return range(low // isa.LINE, -(-high // isa.LINE))

    def merged(self) -> tuple[tuple[int, int], ...]:
        """Count and stride of each dimension, outermost first, without those of one and neighbours made one."""
        dims: list[tuple[int, int]] = []
        for count, stride in zip(self.shape, self.strides, strict=True):
            if count == 1:
                continue
            if dims and dims[-1][1] == count * stride:
                dims[-1] = (dims[-1][0] * count, stride)
            else:
                dims.append((count, stride))
        return tuple(dims)

    def permute(self, axes: Sequence[int]) -> View:
        """As numpy's transpose."""
        shape = tuple(self.shape[axis] for axis in axes)
        return replace(self, shape=shape, strides=tuple(self.strides[axis] for axis in axes))

    def slice(
        self, starts: Sequence[int], shape: Sequence[int], steps: Sequence[int] | None = None
    ) -> View:
        """`shape` elements from `starts` on, every `steps`-th. Raises ValueError beyond the tensor's edge."""
        steps = (1,) * len(self.shape) if steps is None else steps
        ends = [s + (n - 1) * step for s, n, step in zip(starts, shape, steps, strict=True)]
        for start, end, extent in zip(starts, ends, self.shape, strict=True):
            if not (0 <= start < extent and 0 <= end < extent):
                raise ValueError(f"elements {start} to {end} of a dimension of {extent}")
        offset = self.offset + sum(s * t for s, t in zip(starts, self.strides, strict=True))
        strides = tuple(t * step for t, step in zip(self.strides, steps, strict=True))
        return replace(self, offset=offset, shape=tuple(shape), strides=strides)

    def broadcast(self, shape: Sequence[int]) -> View:
        """As numpy's broadcast_to: new axes in front and axes of 1 repeat what is there."""
        new = len(shape) - len(self.shape)
        pairs = zip(self.shape, self.strides, shape[new:], strict=True)
        strides = tuple(0 if have == 1 and want != 1 else step for have, step, want in pairs)
        return replace(self, shape=tuple(shape), strides=(0,) * new + strides)

    def reshape(self, shape: Sequence[int]) -> View | None:
        """The same elements in another shape, as numpy's rule has it, or None where only a copy would do."""
        if math.prod(shape) != self.elements:
            raise ValueError(f"{self.shape} has not as many elements as {tuple(shape)}")
        if self.elements == 1:
            return replace(self, shape=tuple(shape), strides=(self.dtype.bytes,) * len(shape))
        strides = self._reshaped(shape)
        return None if strides is None else replace(self, shape=tuple(shape), strides=strides)

    def _reshaped(self, shape: Sequence[int]) -> tuple[int, ...] | None:
        """Cut the merged dimensions, innermost first, into those of `shape`; none may span two of them."""
        runs = list(self.merged())
        count, stride = runs.pop()
        strides = [0] * len(shape)
        for axis in reversed(range(len(shape))):
            if count == 1 and shape[axis] != 1 and runs:
                count, stride = runs.pop()
            if count % shape[axis]:
                return None
            strides[axis] = stride
            stride *= shape[axis]
            count //= shape[axis]
        return tuple(strides)


def positions(shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every index of `shape`, the last fastest."""
    if not shape:
        yield ()
        return
    for first in range(shape[0]):
        for rest in positions(shape[1:]):
            yield (first, *rest)


def aligned(size: int) -> int:
    """`size` bytes rounded up to whole lines."""
    return -(-size // isa.LINE) * isa.LINE
