"""Layers of products with random data, placed, run by the numpy machine, and what they should give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels import gemm
from byoc.vendors.npu.kernels.config import GemmConfig
from byoc.vendors.npu.kernels.tiles import Scratch
from byoc.vendors.npu.layers import MatMul, Network, Tensor
from byoc.vendors.npu.places import View, aligned
from byoc.vendors.npu.pool import Pool
from tests.vendors.npu.machine import TYPES, Machine

NHWC = (0, 2, 3, 1)


@dataclass
class Placed:
    """A layer's tensors in memories: from 0 on in the scratchpad or workspace, or as in- and outputs."""

    hw: Hardware
    spaces: Mapping[Tensor, isa.Space]
    views: dict[Tensor, View] = field(default_factory=dict)
    used: dict[isa.Space, int] = field(default_factory=lambda: dict.fromkeys(isa.Space, 0))
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        for tensor, space in self.spaces.items():
            listed = {isa.Space.IN: self.inputs, isa.Space.OUT: self.outputs}.get(space)
            order = NHWC if len(tensor.shape) == 4 and listed is None else None
            index = 0
            if listed is not None:
                index = len(listed)
                listed.append(tensor)
            offset = 0 if listed is not None else self.used[space]
            view = View.dense(space, offset, tensor.shape, tensor.dtype, order=order, index=index)
            self.views[tensor] = view
            if listed is None:
                self.used[space] += aligned(view.elements * tensor.dtype.bytes)

    @property
    def scratch(self) -> Scratch:
        base = self.used[isa.Space.SP]
        return Scratch(base, self.hw.scratchpad - base)


def operands(layer: gemm.Layer) -> list[Tensor]:
    """The tensors that a product reads and that are no constants."""
    first = [layer.a, layer.b] if isinstance(layer, MatMul) else [layer.x]
    other = layer.epilogue.other
    every = [*first, *([] if other is None else [other])]
    return [each for each in every if each.data is None]


def valid(layer: gemm.Layer, placed: Placed) -> list[GemmConfig]:
    """The configurations that fit, the fastest first."""
    room, found = placed.scratch.size, []
    for config in gemm.space(layer, placed.hw, room):
        cost = gemm.estimate(layer, config, placed.hw, placed.views)
        if cost.valid and cost.scratchpad <= room:
            found.append((cost.cycles, config))
    return [config for _, config in sorted(found, key=lambda each: each[0])]


def run(
    layer: gemm.Layer, config: GemmConfig, placed: Placed, values: Mapping[Tensor, np.ndarray]
) -> np.ndarray:
    """What the numpy machine makes of the layer's instructions."""
    pool = Pool()
    program = list(gemm.emit(layer, config, placed.views, placed.scratch, pool, placed.hw))
    given = [np.ascontiguousarray(values[each]) for each in placed.inputs]
    taken = [np.zeros(each.shape, TYPES[each.dtype]) for each in placed.outputs]
    machine = Machine(
        placed.hw,
        constants=pool.data,
        tmp=placed.used[isa.Space.TMP],
        inputs=given,
        outputs=taken,
    )
    for tensor in operands(layer):
        _seen(machine, placed.views[tensor])[...] = values[tensor]
    machine.run(program)
    return np.array(_seen(machine, placed.views[layer.out]))


def _seen(machine: Machine, view: View) -> np.ndarray:
    return machine.elements(view.at, TYPES[view.dtype], view.shape, view.strides)


def alone(layer: gemm.Layer) -> Network:
    """A network of the layer."""
    from byoc.vendors.npu.layers import Composite

    return Network(tuple(operands(layer)), (layer.out,), (layer,), (Composite("it", ()),))
