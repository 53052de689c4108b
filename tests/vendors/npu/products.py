"""Layers of products with random data, placed, run by the numpy machine, and what they should give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels import gemm
from byoc.vendors.npu.kernels.config import GemmConfig
from byoc.vendors.npu.kernels.tiles import Scratch
from byoc.vendors.npu.layers import Composite, Conv, Epilogue, MatMul, Network, Quant, Tensor
from byoc.vendors.npu.order import ordered
from byoc.vendors.npu.places import View, aligned
from byoc.vendors.npu.pool import Pool
from byoc.vendors.npu.program import Name, Port, Program, digest
from tests.vendors.npu.machine import TYPES, Machine

NHWC = (0, 2, 3, 1)

ACTS = (
    (isa.Act.NONE, 0.0, 0.0),
    (isa.Act.RELU, 0.0, 0.0),
    (isa.Act.CLIP, 0.0, 6.0),
    (isa.Act.LEAKY, 0.1, 0.0),
)


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


class Maker:
    """Tensors with random data of one kind: float32, or 8 bits of both signednesses."""

    def __init__(self, seed: int, eight: bool) -> None:
        self.rng, self.eight = np.random.default_rng(seed), eight

    def tensor(self, name: str, shape: tuple[int, ...], *, constant: bool = False) -> Tensor:
        dtype, quant = isa.Dtype.F32, None
        if self.eight:
            dtype = isa.Dtype(self.rng.choice([isa.Dtype.S8, isa.Dtype.U8]))
            low = 0 if dtype is isa.Dtype.U8 else -128
            scale = float(np.float32(self.rng.uniform(0.02, 0.1)))
            quant = Quant(scale, int(self.rng.integers(low, low + 256)))
        tensor = Tensor(name, shape, dtype, quant)
        if not constant:
            return tensor
        return Tensor(name, shape, dtype, quant, self.values(tensor))

    def values(self, tensor: Tensor) -> Any:
        if tensor.quant is None:
            return self.rng.standard_normal(tensor.shape).astype(np.float32)
        stored = self.rng.integers(0, 256, tensor.shape).astype(np.uint8)
        return stored.view(TYPES[tensor.dtype])

    def epilogue(self, channels: int, like: Tensor, k: int, act: int, residual: bool) -> Epilogue:
        mult = bias = other = None
        if self.eight or act % 2:
            scale = 0.02 / k if self.eight else 1.0
            mult = (self.rng.uniform(0.5, 1.5, channels) * scale).astype(np.float32)
        if act:
            bias = self.rng.standard_normal(channels).astype(np.float32)
        if residual:
            other = self.tensor("other", like.shape)
        kind, p, q = ACTS[act]
        op = isa.Binary.ADD if residual else isa.Binary.NONE
        return Epilogue(mult, bias, op, other, kind, p, q)


def conv(
    maker: Maker,
    shape: tuple[int, int, int, int],
    outputs: int,
    kernel: int,
    stride: int = 1,
    *,
    residual: bool = False,
) -> Conv:
    """A square convolution with bias and RELU, padded so that stride 1 keeps the size."""
    images, channels, high, wide = shape
    pad = kernel // 2
    size = [(extent + 2 * pad - kernel) // stride + 1 for extent in (high, wide)]
    x, out = maker.tensor("x", shape), maker.tensor("out", (images, outputs, *size))
    weight = maker.tensor("weight", (outputs, channels, kernel, kernel), constant=True)
    epilogue = maker.epilogue(outputs, out, channels * kernel * kernel, 1, residual)
    return Conv(x, weight, out, 0, (stride, stride), (pad,) * 4, epilogue=epilogue)


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


def program(layer: gemm.Layer, config: GemmConfig, placed: Placed) -> tuple[bytes, bytes]:
    """The layer as a program of its own, and its constants."""
    pool = Pool()
    emitted = gemm.emit(layer, config, placed.views, placed.scratch, pool, placed.hw)
    ports = [
        Port(space, index, each.dtype, each.shape)
        for space, tensors in ((isa.Space.IN, placed.inputs), (isa.Space.OUT, placed.outputs))
        for index, each in enumerate(tensors)
    ]
    made = Program(
        placed.hw,
        tuple(ports),
        (*ordered(emitted, placed.hw), isa.Halt()),
        (Name("it"),),
        len(pool.data),
        digest(pool.data),
        placed.used[isa.Space.TMP],
        1 << 32,
        1 << 20,
    )
    return made.to_bytes(), pool.data


def _seen(machine: Machine, view: View) -> np.ndarray:
    return machine.elements(view.at, TYPES[view.dtype], view.shape, view.strides)


def alone(layer: gemm.Layer) -> Network:
    """A network of the layer."""
    return Network(tuple(operands(layer)), (layer.out,), (layer,), (Composite("it", ()),))
