"""GEMM: convolution, its transpose and products of matrices, as the compiler calls them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels import multiply
from byoc.vendors.npu.kernels.config import GemmConfig, Views
from byoc.vendors.npu.kernels.conv import conv, deconv
from byoc.vendors.npu.kernels.cost import Estimate
from byoc.vendors.npu.kernels.cut import Cut
from byoc.vendors.npu.kernels.gemm_cost import cost
from byoc.vendors.npu.kernels.gemm_space import space as space
from byoc.vendors.npu.kernels.matmul import matmul
from byoc.vendors.npu.kernels.product import Product
from byoc.vendors.npu.kernels.tiles import Scratch
from byoc.vendors.npu.layers import Conv, Deconv, MatMul

if TYPE_CHECKING:
    from byoc.vendors.npu.pool import Pool

Layer = Conv | Deconv | MatMul


def estimate(layer: Layer, config: GemmConfig, hw: Hardware, views: Views) -> Estimate:
    """What `layer` takes under `config` where its tensors lie as `views` say, in closed form."""
    return cost(Cut(_product(layer, views, hw), config, hw))


def emit(
    layer: Layer, config: GemmConfig, views: Views, scratch: Scratch, pool: Pool, hw: Hardware
) -> Iterator[isa.Instruction]:
    """The instructions of `layer`, unrolled and without tokens. Raises MisfitError."""
    return multiply.emit(Cut(_product(layer, views, hw), config, hw), scratch, pool)


def _product(layer: Layer, views: Views, hw: Hardware) -> Product:
    tensors = {layer.out, layer.a if isinstance(layer, MatMul) else layer.x}
    if isinstance(layer, MatMul) and layer.b.data is None:
        tensors.add(layer.b)
    if layer.epilogue.other is not None:
        tensors.add(layer.epilogue.other)
    return _made(layer, frozenset((tensor, views[tensor]) for tensor in tensors), hw)


@lru_cache(maxsize=4)
def _made(layer: Layer, views: frozenset[tuple[object, object]], hw: Hardware) -> Product:
    """The product of a layer; the many configurations of one share it."""
    there: Views = dict(views)  # type: ignore[arg-type]  # pairs of tensor and view
    if isinstance(layer, Conv):
        return conv(layer, there, hw)
    if isinstance(layer, Deconv):
        return deconv(layer, there, hw)
    return matmul(layer, there, hw)
