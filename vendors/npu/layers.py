"""Layers: what a segment becomes before anything is placed: `Network`, tensors by identity, layers that make them.

Shapes and axes are those of the model (an image is N C H W); where and in which layout a tensor lies is the
planner's. Every number has one meaning: a tensor with a `Quant` means `(stored - zero) * scale`, and a layer works
on what its inputs mean, in float32. Products and sums of 8-bit tensors are exact (int32) up to the epilogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from byoc.vendors.npu.isa import Act, Binary, Dtype, Window

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Quant:
    """What stored 8-bit numbers mean: `(stored - zero) * scale`. `scale` is a float32, above 0."""

    scale: float
    zero: int


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """An input, output, constant or intermediate result, compared by identity.

    `shape` is in the model's order, () for a scalar. `quant` is given if and only if `dtype` is S8 or U8; weights
    that are quantised by channel are S8 or U8 with scale 1 and zero 0, and their scales stand in the epilogue's
    `mult`. `data` is a constant's: a contiguous array of `shape`, of float32, ml_dtypes' bfloat16, int8 or uint8
    as `dtype` says.
    """

    name: str
    shape: tuple[int, ...]
    dtype: Dtype
    quant: Quant | None = None
    data: npt.NDArray[np.generic] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Epilogue:
    """What is done to every sum of products before it is stored: as isa.Vec.

    t = sum * mult[c] + bias[c]; t = t OP other; t = act(t); then `out`'s dtype and quant. c is the output channel
    (the last dimension of a MatMul's result). `mult` and `bias` are float32, one value for each channel, None for
    1 and 0. Where the products are of 8 bits, the sum is of `stored - zero`, and
    t = sum * scale * mult[c] + bias[c], all in float64 until the result is stored; `mult` is never None then, as
    both have the operands' scales. `other`, with `op` other than NONE, has the shape of `out` and any dtype. p and
    q are act's.
    """

    mult: Values | None = None
    bias: Values | None = None
    op: Binary = Binary.NONE
    other: Tensor | None = None
    act: Act = Act.NONE
    p: float = 0.0
    q: float = 0.0
    scale: float = 1.0


PLAIN = Epilogue()


@dataclass(frozen=True, slots=True, eq=False)
class Conv:
    """Convolution: x (N, C, H, W), weight (O, C / groups, KH, KW) constant, out (N, O, OH, OW).

    `strides` and `dilation` are (down, right), `padding` (top, left, bottom, right), not negative. What is padded
    means 0. The output's height is (H + top + bottom - dilation (KH - 1) - 1) // stride + 1. One of a single
    dimension has H = KH = 1; depthwise has groups = C. `groups` divides C and O.
    """

    x: Tensor
    weight: Tensor
    out: Tensor
    composite: int
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    epilogue: Epilogue = PLAIN


@dataclass(frozen=True, slots=True, eq=False)
class Deconv:
    """Transposed convolution without overlap: x (N, C, H, W), weight (C, O, KH, KW) constant.

    The kernel is as large as `strides`: out (N, O, H KH, W KW), out[n, o, i KH + a, j KW + b] being the sum over c
    of x[n, c, i, j] * weight[c, o, a, b].
    """

    x: Tensor
    weight: Tensor
    out: Tensor
    composite: int
    strides: tuple[int, int] = (1, 1)
    epilogue: Epilogue = PLAIN


@dataclass(frozen=True, slots=True, eq=False)
class MatMul:
    """Products of matrices: a (..., M, K), b (..., K, N) with the same leading dimensions, or b (K, N) for all.

    `b` is constant or not; a has at least two dimensions. out (..., M, N).
    """

    a: Tensor
    b: Tensor
    out: Tensor
    composite: int
    epilogue: Epilogue = PLAIN


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Pooling of x (N, C, H, W): the largest value (MAX) or the average (SUM) of each window.

    `window` and `strides` are (down, right), `padding` (top, left, bottom, right). Padding is never the largest; it
    counts as zeros in an average with `include_pad`, otherwise not at all: each sum is divided by how many elements
    of its window lie in the image. Every window has at least one. Global pooling has the plane as its window. Of
    8-bit values, MAX compares what is stored (in and out have the same dtype and quant); averages are exact sums,
    scaled and rounded once.
    """

    x: Tensor
    out: Tensor
    composite: int
    kind: Window
    window: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    include_pad: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """Element by element, as isa.Vec: t = a; t = t * mult + bias; t = t OP b; out = act(t).

    `mult` and `bias` are float32: one value, or one for each place along dimension `axis` of a. a has the shape of
    `out`; `b`, given where `op` is not NONE, broadcasts to it as in numpy. Any may be constant.
    """

    a: Tensor
    out: Tensor
    composite: int
    b: Tensor | None = None
    mult: Values | None = None
    bias: Values | None = None
    axis: int = 0
    op: Binary = Binary.NONE
    act: Act = Act.NONE
    p: float = 0.0
    q: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Softmax:
    """Softmax over dimension `axis` (not negative), all later dimensions being 1. Float32 in and out."""

    x: Tensor
    out: Tensor
    composite: int
    axis: int


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """Layer normalisation over the last dimension: (x - mean) / sqrt(variance + epsilon) * gamma + beta.

    gamma and beta are float32, one value for each place of the last dimension.
    """

    x: Tensor
    out: Tensor
    composite: int
    gamma: Values
    beta: Values
    epsilon: float


@dataclass(frozen=True, slots=True, eq=False)
class Alias:
    """The elements of x in other places: a view of x where strides allow it, otherwise a copy.

    `kind` "reshape" (row-major order is kept), "transpose" (out's dimension i is x's `axes[i]`), or "slice" (out's
    element i stands at `starts + i` of x). The stored numbers are kept: in and out have the same dtype, and the
    same quant unless `out` gives them another meaning.
    """

    x: Tensor
    out: Tensor
    composite: int
    kind: str
    axes: tuple[int, ...] = ()
    starts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Concat:
    """xs one after the other along `axis` (not negative). Their dtypes and quants may differ from out's."""

    xs: tuple[Tensor, ...]
    out: Tensor
    composite: int
    axis: int


@dataclass(frozen=True, slots=True, eq=False)
class Resize:
    """Nearest neighbour: element (i, j) of a plane becomes a block of `scale` (down, right) elements."""

    x: Tensor
    out: Tensor
    composite: int
    scale: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Pad:
    """`before` and `after` elements that mean `value` around each dimension of x, not negative; dtype as in x."""

    x: Tensor
    out: Tensor
    composite: int
    before: tuple[int, ...]
    after: tuple[int, ...]
    value: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """x, stored elsewhere: the same shape, dtype and quant.

    Lowering makes none; the planner does, for an Alias or a part of a Concat that cannot be a view.
    """

    x: Tensor
    out: Tensor
    composite: int


Layer = Conv | Deconv | MatMul | Pool | Map | Softmax | Norm | Alias | Concat | Resize | Pad


Kernel = Conv | Deconv | MatMul | Pool | Map | Softmax | Norm | Resize | Pad | Copy
"""What the planner leaves, each with a kernel."""


@dataclass(frozen=True, slots=True)
class Composite:
    """What cycles are told for: the pattern's name (an op's where it is single), and its source nodes."""

    name: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A segment: `layers` in an order in which they can run.

    `inputs` are the segment's parameters, `outputs` its results, in order; an output may be an input, a constant or
    another output as well. `composites` are what the layers' `composite` counts in; one may have no layer, and its
    layers follow one another.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    layers: tuple[Layer, ...]
    composites: tuple[Composite, ...]
