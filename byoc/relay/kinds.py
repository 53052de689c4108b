"""Relay's kinds of operators, the attribute `TOpPattern`: what `has_attr({"TOpPattern": kind})` means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ELEMENTWISE: Final = """
abs acos acosh asin asinh atan atanh cast ceil clip cos cosh erf exp floor isfinite isinf isnan log log10 log2
logical_not negative nn.leaky_relu nn.relu ones_like round rsqrt sigmoid sign sin sinh sqrt tan tanh trunc
zeros_like
"""

_BROADCAST: Final = """
add bitwise_and bitwise_or bitwise_xor broadcast_to divide equal floor_divide floor_mod greater greater_equal
left_shift less less_equal logical_and logical_or logical_xor maximum minimum mod multiply nn.bias_add nn.prelu
not_equal power right_shift subtract where
"""

_INJECTIVE: Final = """
concatenate expand_dims gather layout_transform nn.batch_flatten nn.depth_to_space nn.pad nn.space_to_depth
nn.upsampling one_hot repeat reshape reverse squeeze stack strided_slice take tile transpose image.resize2d split
"""

_REDUCING: Final = "all any argmax argmin max mean min prod sum"

_FUSABLE: Final = """
nn.adaptive_avg_pool2d nn.avg_pool2d nn.batch_matmul nn.conv1d nn.conv2d nn.conv2d_transpose nn.conv3d nn.dense
nn.global_avg_pool2d nn.global_max_pool2d nn.matmul nn.max_pool2d
"""

KINDS: Final[Mapping[int, tuple[str, ...]]] = {
    0: tuple(_ELEMENTWISE.split()),
    1: tuple(_BROADCAST.split()),
    2: tuple(_INJECTIVE.split()),
    3: tuple(_REDUCING.split()),
    4: tuple(_FUSABLE.split()),
}
"""`kElemWise`, `kBroadcast`, `kInjective`, `kCommReduce`, `kOutEWiseFusable` -> operators."""
