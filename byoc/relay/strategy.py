"""`relay.op.strategy.generic`: the question about a convolution that tables ask."""

from __future__ import annotations

from collections.abc import Sequence


def is_depthwise_conv2d(
    data_shape: Sequence[int],
    data_layout: str,
    kernel_shape: Sequence[int],
    kernel_layout: str,
    groups: int,
) -> bool:
    """Whether every channel is a group of its own."""
    channels = data_shape[data_layout.index("C")]
    return bool(channels == groups == kernel_shape[kernel_layout.index("O")])
