"""Groups: ONNX operators that are lowered as a whole, whatever import made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np

from byoc.vendors.npu.isa import Act, Binary, Dtype
from byoc.vendors.npu.layers import Conv, Layer, Tensor
from byoc.vendors.npu.lower.builder import Builder
from byoc.vendors.npu.lower.values import Pending, Value

Whole = Callable[[Builder, Tensor, Mapping[str, Any], str], Value]
"""(builder, the operator's input in float32, its attributes, the result's name) -> the result."""


def lrn(builder: Builder, x: Tensor, attrs: Mapping[str, Any], name: str) -> Value:
    """LRN, x / (bias + alpha / size * sum of squares of neighbouring channels) ** beta.

    The sums are a convolution of the squares with a band of ones, which the matrix unit is fast at.
    """
    size, alpha, beta, bias = (
        attrs.get(key, default)
        for key, default in (("size", 1), ("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    )
    squares = builder.stored(builder.activated(x, Act.SQUARE, name), f"{name}.squares")
    band = _band(builder, x.shape[1], int(size), f"{name}.band")

    def build(out: Tensor, done: Pending) -> Iterable[Layer]:
        epilogue = done.epilogue(out.shape[1], None)
        yield Conv(squares, band, out, builder.composite, epilogue=epilogue)

    sums = Pending(build, x.shape, axis=1, mult=np.array([alpha / size]), bias=np.array([bias]))
    divisor = builder.activated(sums, Act.POW, f"{name}.divisor", -float(beta))
    return builder.joined(Binary.MUL, divisor, x, x.shape, name)


def _band(builder: Builder, channels: int, size: int, name: str) -> Tensor:
    """The weights of a 1x1 convolution that sums `size` neighbouring channels."""
    places = np.arange(channels)
    distance = places[None, :] - places[:, None]
    inside = np.abs(distance) <= size // 2
    data = inside.astype(np.float32).reshape(channels, channels, 1, 1)
    return Tensor(builder.name(name), data.shape, Dtype.F32, None, data)


GROUPS: Final[Mapping[str, Whole]] = {"onnx.LRN": lrn}
