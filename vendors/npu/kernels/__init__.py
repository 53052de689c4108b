"""Kernels: a family of layers each, from layer and views to unrolled instructions without tokens.

`space` lists a layer's configurations, `estimate` tells what one costs, `emit` makes the instructions. A
configuration's type says which family made it: a depthwise convolution is offered to two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from byoc.vendors.npu import isa
from byoc.vendors.npu import layers as ly
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels import copy, depthwise, gemm, norm, pad, softmax
from byoc.vendors.npu.kernels import map as maps
from byoc.vendors.npu.kernels import pool as pooling
from byoc.vendors.npu.kernels.config import GemmConfig, TileConfig, Views
from byoc.vendors.npu.kernels.cost import Estimate
from byoc.vendors.npu.kernels.tiles import Scratch

if TYPE_CHECKING:
    from byoc.vendors.npu.pool import Pool

_FAMILIES: Final[Mapping[type[Any], ModuleType]] = {
    ly.Conv: gemm,
    ly.Deconv: gemm,
    ly.MatMul: gemm,
    ly.Map: maps,
    ly.Pool: pooling,
    ly.Softmax: softmax,
    ly.Norm: norm,
    ly.Copy: copy,
    ly.Resize: copy,
    ly.Pad: pad,
}


def space(layer: ly.Kernel, hw: Hardware, scratch: int) -> Sequence[TileConfig]:
    """The configurations of `layer` worth an estimate with `scratch` bytes of scratchpad; not all of them fit."""
    found = list(_FAMILIES[type(layer)].space(layer, hw, scratch))
    if isinstance(layer, ly.Conv) and depthwise.fits(layer):
        found += depthwise.space(layer, hw, scratch)
    return found


def estimate(layer: ly.Kernel, config: TileConfig, hw: Hardware, views: Views) -> Estimate:
    """What `layer` takes under `config` where its tensors lie as `views` say, in closed form."""
    record: Estimate = _family(layer, config).estimate(layer, config, hw, views)
    return record


def emit(
    layer: ly.Kernel,
    config: TileConfig,
    views: Views,
    scratch: Scratch,
    pool: Pool,
    hw: Hardware,
) -> Iterator[isa.Instruction]:
    """The instructions of `layer`, unrolled and without tokens. Raises MisfitError if `scratch` is too small."""
    made: Iterator[isa.Instruction] = _family(layer, config).emit(
        layer, config, views, scratch, pool, hw
    )
    return made


def _family(layer: ly.Kernel, config: TileConfig) -> ModuleType:
    if isinstance(layer, ly.Conv) and not isinstance(config, GemmConfig):
        return depthwise
    return _FAMILIES[type(layer)]
