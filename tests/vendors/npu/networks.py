"""Random small networks: every kind of layer, aliases and concatenations on any of them, results used anywhere."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from byoc.vendors.npu import layers as ly
from byoc.vendors.npu.isa import Act, Binary, Dtype, Window

QUANTS = tuple(ly.Quant(float(np.float32(s)), z) for s, z in ((0.05, 3), (0.031, -7)))


class Builder:
    """A network in the making; `draw` is hypothesis'."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 1 << 16)))
        self.layers: list[ly.Layer] = []
        self.inputs = [self.fresh((1, 3, 6, 5)), self.fresh((2, 4, 8))]
        self.made: list[ly.Tensor] = list(self.inputs)

    def fresh(self, shape: tuple[int, ...], like: ly.Tensor | None = None) -> ly.Tensor:
        dtype, quant = (Dtype.F32, None) if like is None else (like.dtype, like.quant)
        count = len(getattr(self, "made", ())) + len(getattr(self, "layers", ()))
        return ly.Tensor(f"t{count}", shape, dtype, quant)

    def floats(self, *shape: int) -> Any:
        return self.rng.standard_normal(shape).astype(np.float32)

    def constant(self, *shape: int) -> ly.Tensor:
        return ly.Tensor("constant", shape, Dtype.F32, None, self.floats(*shape))

    def add(self, layer: ly.Layer) -> None:
        self.layers.append(layer)
        self.made.append(layer.out)

    def pick(self, wanted: Callable[[ly.Tensor], bool]) -> ly.Tensor | None:
        found = [each for each in self.made if wanted(each)]
        return self.draw(st.sampled_from(found)) if found else None

    @property
    def index(self) -> int:
        return len(self.layers)

    def step(self) -> None:
        """One more layer, of a kind that finds its operands."""
        kinds = (conv, depthwise, pool, matmul, add, quantize, join, reshape, transpose, cut)
        kinds += (softmax, norm, resize, pad)
        self.draw(st.sampled_from(kinds))(self)

    def network(self) -> ly.Network:
        """Some of what was made, an input and a constant among it at times, are the outputs."""
        count = self.draw(st.integers(1, 3))
        outputs = [self.made[-1]]
        outputs += [self.draw(st.sampled_from(self.made)) for _ in range(count - 1)]
        if self.draw(st.integers(0, 9)) == 0:
            outputs.append(self.constant(2, 3))
        names = tuple(ly.Composite(type(each).__name__, ()) for each in self.layers)
        return ly.Network(tuple(self.inputs), tuple(outputs), tuple(self.layers), names)


@st.composite
def networks(draw: Any, most: int = 10) -> ly.Network:
    """Networks of up to `most` layers."""
    builder = Builder(draw)
    for _ in range(draw(st.integers(1, most))):
        builder.step()
    return builder.network()


def small(tensor: ly.Tensor) -> bool:
    return math.prod(tensor.shape) <= 2000


def image(tensor: ly.Tensor) -> bool:
    return len(tensor.shape) == 4 and tensor.quant is None and small(tensor)


def real(tensor: ly.Tensor) -> bool:
    return tensor.quant is None and small(tensor)


def conv(b: Builder) -> None:
    if (x := b.pick(image)) is None:
        return
    outputs, kernel = b.draw(st.integers(1, 9)), b.draw(st.sampled_from((1, 3)))
    pad, stride = b.draw(st.integers(kernel // 2, 1)), b.draw(st.integers(1, 2))
    channels, *plane = x.shape[1:]
    weight = b.constant(outputs, channels, kernel, kernel)
    if min(plane) + 2 * pad < kernel:
        return
    high, wide = ((n + 2 * pad - kernel) // stride + 1 for n in plane)
    out = b.fresh((x.shape[0], outputs, high, wide))
    other = b.pick(lambda each: each.shape == out.shape and each.quant is None)
    op = Binary.NONE if other is None else Binary.ADD
    epilogue = ly.Epilogue(None, b.floats(outputs), op, other, Act.RELU)
    b.add(
        ly.Conv(x, weight, out, b.index, (stride,) * 2, (pad,) * 4, (1, 1), 1, epilogue)  # type: ignore[arg-type]
    )


def depthwise(b: Builder) -> None:
    x = b.pick(lambda each: image(each) and each.shape[1] > 1 and min(each.shape[2:]) > 1)
    if x is not None:
        channels = x.shape[1]
        weight = b.constant(channels, 1, 3, 3)
        out = b.fresh(x.shape)
        b.add(ly.Conv(x, weight, out, b.index, (1, 1), (1, 1, 1, 1), (1, 1), channels))


def pool(b: Builder) -> None:
    if (x := b.pick(lambda each: image(each) and min(each.shape[2:]) > 1)) is None:
        return
    kind = b.draw(st.sampled_from((Window.MAX, Window.SUM)))
    if b.draw(st.booleans()):
        out = b.fresh((*x.shape[:2], 1, 1))
        b.add(ly.Pool(x, out, b.index, kind, (x.shape[2], x.shape[3])))
    else:
        out = b.fresh(x.shape)
        b.add(ly.Pool(x, out, b.index, kind, (3, 3), (1, 1), (1, 1, 1, 1)))


def matmul(b: Builder) -> None:
    if (x := b.pick(lambda each: real(each) and len(each.shape) >= 2)) is None:
        return
    *lead, rows, k = x.shape
    other = b.pick(lambda each: real(each) and each.shape[:-1] == (*lead, k) and len(lead) > 0)
    weight = other if other is not None else b.constant(k, b.draw(st.integers(1, 9)))
    b.add(ly.MatMul(x, weight, b.fresh((*lead, rows, weight.shape[-1])), b.index))


def add(b: Builder) -> None:
    if (x := b.pick(small)) is None:
        return
    way = b.draw(st.integers(0, 3))
    other = None
    if way == 0:
        other = b.pick(lambda each: each.shape == x.shape)
    elif way == 1 and x.shape:
        other = b.constant(*(b.draw(st.sampled_from((1, n))) for n in x.shape[-2:]))
    op = Binary.NONE if other is None else b.draw(st.sampled_from((Binary.ADD, Binary.MAX)))
    mult = bias = None
    axis = b.draw(st.integers(0, max(len(x.shape) - 1, 0)))
    if way == 2 and x.shape:
        mult, bias = b.floats(x.shape[axis]), b.floats(1)
    out = b.fresh(x.shape)
    b.add(
        ly.Map(
            x,
            out,
            b.index,
            other,
            mult,
            bias,
            axis,
            op,
            b.draw(st.sampled_from((Act.NONE, Act.RELU))),
        )
    )


def quantize(b: Builder) -> None:
    if (x := b.pick(small)) is not None:
        quant = b.draw(st.sampled_from((*QUANTS, None)))
        dtype = Dtype.F32 if quant is None else Dtype.S8
        b.add(ly.Map(x, ly.Tensor(f"q{b.index}", x.shape, dtype, quant), b.index))


def join(b: Builder) -> None:
    if (x := b.pick(lambda each: small(each) and len(each.shape) > 0)) is None:
        return
    axis = b.draw(st.integers(0, len(x.shape) - 1))
    rest = x.shape[:axis] + x.shape[axis + 1 :]

    def joins(each: ly.Tensor) -> bool:
        shape = each.shape
        return len(shape) == len(x.shape) and shape[:axis] + shape[axis + 1 :] == rest

    found = [each for each in b.made if joins(each)]
    parts = [x, *b.draw(st.lists(st.sampled_from(found), min_size=1, max_size=3))]
    length = sum(each.shape[axis] for each in parts)
    shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
    b.add(ly.Concat(tuple(parts), b.fresh(shape, b.draw(st.sampled_from(parts))), b.index, axis))


def reshape(b: Builder) -> None:
    if (x := b.pick(small)) is None:
        return
    numbers = [n for each in x.shape for n in factors(each)]
    cuts = sorted(b.draw(st.integers(0, len(numbers))) for _ in range(b.draw(st.integers(0, 3))))
    pairs = itertools.pairwise([0, *cuts, len(numbers)])
    shape = tuple(math.prod(numbers[start:stop]) for start, stop in pairs)
    b.add(ly.Alias(x, b.fresh(shape, x), b.index, "reshape"))


def factors(number: int) -> list[int]:
    """Prime factors."""
    for divisor in range(2, number + 1):
        if number % divisor == 0:
            return [divisor, *factors(number // divisor)]
    return []


def transpose(b: Builder) -> None:
    if (x := b.pick(small)) is not None:
        axes = tuple(b.draw(st.permutations(range(len(x.shape)))))
        out = b.fresh(tuple(x.shape[axis] for axis in axes), x)
        b.add(ly.Alias(x, out, b.index, "transpose", axes))


def cut(b: Builder) -> None:
    if (x := b.pick(small)) is not None:
        starts = tuple(b.draw(st.integers(0, n - 1)) for n in x.shape)
        counts = tuple(b.draw(st.integers(1, n - s)) for n, s in zip(x.shape, starts, strict=True))
        b.add(ly.Alias(x, b.fresh(counts, x), b.index, "slice", starts=starts))


def softmax(b: Builder) -> None:
    if (x := b.pick(lambda each: real(each) and len(each.shape) > 0)) is not None:
        b.add(ly.Softmax(x, b.fresh(x.shape), b.index, len(x.shape) - 1))


def norm(b: Builder) -> None:
    if (
        x := b.pick(lambda each: real(each) and len(each.shape) > 0 and each.shape[-1] > 2)
    ) is None:
        return
    length = x.shape[-1]
    b.add(ly.Norm(x, b.fresh(x.shape), b.index, b.floats(length), b.floats(length), 0.1))


def resize(b: Builder) -> None:
    if (x := b.pick(lambda each: small(each) and len(each.shape) == 4)) is not None:
        out = b.fresh((*x.shape[:2], x.shape[2] * 2, x.shape[3] * 3), x)
        b.add(ly.Resize(x, out, b.index, (2, 3)))


def pad(b: Builder) -> None:
    if (x := b.pick(lambda each: small(each) and 0 < len(each.shape) <= 4)) is None:
        return
    before, after = (tuple(b.draw(st.integers(0, 2)) for _ in x.shape) for _ in range(2))
    shape = tuple(n + a + z for n, a, z in zip(x.shape, before, after, strict=True))
    b.add(ly.Pad(x, b.fresh(shape, x), b.index, before, after, 0.5))
