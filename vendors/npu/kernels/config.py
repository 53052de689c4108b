"""Tile configurations: how a kernel cuts its layer, as explicit data that a search may choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from byoc.vendors.npu.layers import Tensor
from byoc.vendors.npu.places import View

Views = Mapping[Tensor, View]
"""Where each tensor of a layer that is no packed constant lies."""


@dataclass(frozen=True, slots=True)
class TileConfig:
    """What every family's configuration has.

    `slots`: how many tiles of a kind the scratchpad has room for at once; 2 is double buffering, 1 is none.
    """

    slots: int = 2


@dataclass(frozen=True, slots=True)
class GemmConfig(TileConfig):
    """How convolutions and products of matrices are cut.

    A tile of the output is `rows` x `columns` pixels (of a product of matrices: 1 x `columns` rows of a) by
    `channels` channels; its sum is made in passes of `depth` input channels (of a product: places of k). `order`
    says which operand stays while the other one passes. `slots` are those of results, `input_slots` and
    `weight_slots` those of the operands: with as many as there are tiles, each is loaded once. `folded` brings the
    rows of a kernel side by side, so that few input channels fill the matrix unit.
    """

    rows: int = 1
    columns: int = 1
    channels: int = 1
    depth: int = 1
    order: Literal["input", "weight"] = "weight"
    input_slots: int = 2
    weight_slots: int = 2
    folded: bool = False
