"""Work: what each composite of a network has to do at least, and the roofline that follows from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from byoc.vendors.npu import layers as ly
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.isa import Dtype

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NAMES = {
    Dtype.F32: "float32",
    Dtype.BF16: "bfloat16",
    Dtype.S8: "int8",
    Dtype.U8: "int8",
    Dtype.S32: "int32",
}


@dataclass(slots=True)
class Work:
    """A composite's multiply-accumulates by dtype, and the bytes of its tensors, each moved once.

    What stays between the layers of a composite is not counted; constants are.
    """

    macs: dict[str, int] = field(default_factory=dict)
    bytes: int = 0

    def roofline(self, hardware: Hardware) -> int:
        """The cycles that this takes at least: at the peak rate, or at DRAM's bandwidth, whichever is more."""
        products = sum(-(-macs // hardware.peak(dtype)) for dtype, macs in self.macs.items())
        return max(products, -(-self.bytes // hardware.bandwidth))

    @property
    def dtype(self) -> str:
        """The dtype of most of its products, "" for a composite without any."""
        return max(self.macs, key=lambda each: self.macs[each], default="")


def work(network: ly.Network) -> list[Work]:
    """The work of each composite of `network`, in order."""
    found = [Work() for _ in network.composites]
    own: list[list[ly.Layer]] = [[] for _ in network.composites]
    for layer in network.layers:
        own[layer.composite].append(layer)
    readers: dict[ly.Tensor, set[int]] = {each: {-1} for each in network.outputs}
    for layer in network.layers:
        for tensor in reads(layer):
            readers.setdefault(tensor, set()).add(layer.composite)
    for index, (each, layers) in enumerate(zip(found, own, strict=True)):
        wanted = {layer.out for layer in layers if readers.get(layer.out, set()) - {index}}
        each.bytes = sum(map(size, _moved(layers, wanted)))
        each.bytes += sum(_vectors(layer) for layer in layers)
        for layer in layers:
            for dtype, macs in products(layer):
                each.macs[dtype] = each.macs.get(dtype, 0) + macs
    return found


def reads(layer: ly.Layer) -> Iterator[ly.Tensor]:
    """The tensors that `layer` reads, weights included."""
    match layer:
        case ly.Concat():
            yield from layer.xs
        case ly.MatMul():
            yield from (layer.a, layer.b)
        case ly.Conv() | ly.Deconv():
            yield from (layer.x, layer.weight)
        case ly.Map():
            yield layer.a
            if layer.b is not None:
                yield layer.b
        case _:
            yield layer.x
    if isinstance(layer, ly.Conv | ly.Deconv | ly.MatMul) and layer.epilogue.other is not None:
        yield layer.epilogue.other


def products(layer: ly.Layer) -> Iterator[tuple[str, int]]:
    """The multiply-accumulates of `layer`, with the dtype of its operands."""
    places = math.prod(layer.out.shape)
    match layer:
        case ly.Conv():
            yield NAMES[layer.x.dtype], places * math.prod(layer.weight.shape[1:])
        case ly.Deconv():
            yield NAMES[layer.x.dtype], places * layer.x.shape[1]
        case ly.MatMul():
            yield NAMES[layer.a.dtype], places * layer.a.shape[-1]


def size(tensor: ly.Tensor) -> int:
    """Bytes of a tensor's elements."""
    return math.prod(tensor.shape) * tensor.dtype.bytes


def _moved(layers: Iterable[ly.Layer], wanted: set[ly.Tensor]) -> Iterator[ly.Tensor]:
    """What `layers`, without those that move nothing, read from outside and leave for others."""
    busy = [layer for layer in layers if not isinstance(layer, ly.Alias | ly.Concat)]
    passing = [layer for layer in layers if isinstance(layer, ly.Alias | ly.Concat)]
    made = {layer.out for layer in (*busy, *passing)}
    if not busy:
        return
    yield from dict.fromkeys(each for layer in busy for each in reads(layer) if each not in made)
    # What a layer makes is moved as itself, or as the view of it that is wanted.
    shown = {each for layer in passing if layer.out in wanted for each in reads(layer)}
    yield from (layer.out for layer in busy if layer.out in wanted or layer.out in shown)


def _vectors(layer: ly.Layer) -> int:
    """Bytes of the values by channel that a layer brings with it."""
    given: tuple[npt.NDArray[np.float32] | None, ...] = ()
    match layer:
        case ly.Conv() | ly.Deconv() | ly.MatMul():
            given = (layer.epilogue.mult, layer.epilogue.bias)
        case ly.Map():
            given = (layer.mult, layer.bias)
        case ly.Norm():
            given = (layer.gamma, layer.beta)
    return sum(4 * each.size for each in given if each is not None)
