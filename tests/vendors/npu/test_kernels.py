"""Kernels of single layers on the numpy machine, held to the reference, wherever their tensors lie."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from byoc.vendors.npu import isa, kernels
from byoc.vendors.npu import layers as ly
from byoc.vendors.npu.hardware import Hardware, load
from byoc.vendors.npu.isa import Act, Binary, Dtype, Window
from byoc.vendors.npu.kernels.tiles import Scratch
from byoc.vendors.npu.places import View, aligned
from byoc.vendors.npu.planning.graph import operands
from byoc.vendors.npu.pool import Pool
from tests.vendors.npu.execution import values
from tests.vendors.npu.machine import Machine
from tests.vendors.npu.reference import STORED, evaluate

SMALL = load("small")
RNG = np.random.default_rng(7)

MANY = 120
"""Instructions of which a configuration has too many to be worth the time."""

PLACES = list(
    itertools.product(
        (isa.Space.SP, isa.Space.TMP, isa.Space.IN),
        (isa.Space.SP, isa.Space.TMP, isa.Space.OUT),
        (False, True),
    )
)
"""Where operands lie, where the result does, and whether those of the program's own are channel-last."""


def tensor(
    name: str, *shape: int, quant: ly.Quant | None = None, dtype: Dtype = Dtype.S8
) -> ly.Tensor:
    return ly.Tensor(name, shape, Dtype.F32 if quant is None else dtype, quant)


def floats(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


class Placed:
    """One layer's tensors in chosen spaces and orders, and a machine with the operands in place."""

    def __init__(self, layer: ly.Kernel, spaces: Sequence[isa.Space], last: bool) -> None:
        self.layer, self.pool = layer, Pool()
        self.given = [each for each in dict.fromkeys(operands(layer)) if each.data is None]
        self.arrays = {each: values(each, RNG) for each in self.given}
        self.views: dict[ly.Tensor, View] = {}
        self.top = {isa.Space.SP: 0, isa.Space.TMP: 0}
        self.inputs: list[Any] = []
        for each in self.given:
            self.views[each] = self.place(each, spaces[0], last)
        for each in operands(layer):
            if each.data is not None:
                offset = self.pool.add(each.data.tobytes())
                self.views[each] = View.dense(isa.Space.CONST, offset, each.shape, each.dtype)
        self.views[layer.out] = self.place(layer.out, spaces[1], last)

    def place(self, each: ly.Tensor, space: isa.Space, last: bool) -> View:
        rank = len(each.shape)
        order = (0, 2, 3, 1) if last and rank == 4 else tuple(range(rank))
        if space in self.top:
            offset = self.top[space]
            view = View.dense(space, offset, each.shape, each.dtype, order=order)
            self.top[space] = aligned(view.span[1])
            return view
        index = 0
        if space is isa.Space.IN:
            index = len(self.inputs)
            self.inputs.append(self.arrays[each])
        return View.dense(space, 0, each.shape, each.dtype, index=index)

    def run(self, config: Any, hw: Hardware) -> Any:
        cost = kernels.estimate(self.layer, config, hw, self.views)
        base = self.top[isa.Space.SP]
        scratch = Scratch(base, hw.scratchpad - base)
        if not cost.valid or cost.scratchpad > scratch.size:
            return None
        code = list(itertools.islice(self.emitted(config, scratch, hw), MANY))
        if len(code) == MANY:
            return None
        assert scratch.used <= cost.scratchpad
        out = np.zeros(self.layer.out.shape, STORED[self.layer.out.dtype])
        machine = Machine(
            hw,
            constants=self.pool.data,
            tmp=self.top[isa.Space.TMP],
            inputs=self.inputs,
            outputs=[out],
        )
        for each in self.given:
            self.seen(machine, each)[...] = self.arrays[each]
        machine.run(code)
        return self.seen(machine, self.layer.out)

    def emitted(self, config: Any, scratch: Scratch, hw: Hardware) -> Iterator[isa.Instruction]:
        return kernels.emit(self.layer, config, self.views, scratch, self.pool, hw)

    def seen(self, machine: Machine, each: ly.Tensor) -> Any:
        view, dtype = self.views[each], np.dtype(STORED[each.dtype])
        memory = machine.memories[view.space, view.index]
        return np.lib.stride_tricks.as_strided(
            memory[view.offset :].view()[: dtype.itemsize].view(dtype), view.shape, view.strides
        )


def check(layer: ly.Kernel, *, exact: bool = False, hw: Hardware = SMALL, most: int = 4) -> None:
    """Some placements, under configurations spread over the space; those of very many tiles are left out."""
    configs = list(kernels.space(layer, hw, hw.scratchpad))
    for place in RNG.choice(len(PLACES), 6, replace=False):
        *spaces, last = PLACES[place]
        placed = Placed(layer, spaces, last)
        wanted = evaluate(
            ly.Network(tuple(placed.given), (layer.out,), (layer,), ()),
            [placed.arrays[each] for each in placed.given],
        )[0]
        chosen = [RNG.integers(len(configs)) for _ in range(most)]
        results = [(configs[i], placed.run(configs[i], hw)) for i in {0, -1, *chosen}]
        for config, got in results:
            if got is None:
                continue
            where = f"{spaces} {last} {config}"
            if exact or layer.out.quant is not None:
                np.testing.assert_array_equal(got, wanted, err_msg=where)
            else:
                np.testing.assert_allclose(got, wanted, rtol=3e-5, atol=3e-5, err_msg=where)
        assert any(got is not None for _, got in results)


Q1, Q2, Q3 = (ly.Quant(float(np.float32(s)), z) for s, z in ((0.05, 3), (0.031, -7), (0.07, 120)))

MAPS = {
    "relu": lambda: ly.Map(tensor("a", 2, 5, 6, 7), tensor("o", 2, 5, 6, 7), 0, act=Act.RELU),
    "long": lambda: ly.Map(tensor("a", 3, 4099), tensor("o", 3, 4099), 0, act=Act.CLIP, q=1.0),
    "add": lambda: ly.Map(
        tensor("a", 2, 5, 6, 7), tensor("o", 2, 5, 6, 7), 0, tensor("b", 2, 5, 6, 7), op=Binary.ADD
    ),
    "channels": lambda: ly.Map(
        tensor("a", 2, 5, 6, 7), tensor("o", 2, 5, 6, 7), 0, tensor("b", 5, 1, 1), op=Binary.MUL
    ),
    "rows": lambda: ly.Map(
        tensor("a", 2, 3, 9, 8), tensor("o", 2, 3, 9, 8), 0, tensor("b", 2, 1, 1, 8), op=Binary.SUB
    ),
    "scalar": lambda: ly.Map(tensor("a"), tensor("o"), 0, tensor("b"), op=Binary.MAX),
    "one": lambda: ly.Map(
        tensor("a", 40, 30), tensor("o", 40, 30), 0, tensor("b", 1), op=Binary.RDIV, act=Act.ABS
    ),
    "scaled": lambda: ly.Map(
        tensor("a", 2, 70, 6, 7),
        tensor("o", 2, 70, 6, 7),
        0,
        mult=floats(70),
        bias=floats(70),
        axis=1,
    ),
    "mixed": lambda: ly.Map(
        tensor("a", 1, 3, 40, 41),
        tensor("o", 1, 3, 40, 41),
        0,
        mult=floats(3),
        bias=floats(1),
        axis=1,
    ),
    "plain": lambda: ly.Map(
        tensor("a", 3, 50), tensor("o", 3, 50), 0, mult=floats(1), bias=floats(1), act=Act.TANH
    ),
    "six": lambda: ly.Map(
        tensor("a", 2, 3, 2, 3, 2, 3),
        tensor("o", 2, 3, 2, 3, 2, 3),
        0,
        tensor("b", 3, 1, 3, 1, 3),
        op=Binary.ADD,
        act=Act.SIGMOID,
    ),
    "quantize": lambda: ly.Map(tensor("a", 2, 5, 6, 7), tensor("o", 2, 5, 6, 7, quant=Q1), 0),
    "dequantize": lambda: ly.Map(tensor("a", 2, 5, 6, 7, quant=Q2), tensor("o", 2, 5, 6, 7), 0),
    "bytes": lambda: ly.Map(
        tensor("a", 2, 5, 6, 7, quant=Q1),
        tensor("o", 2, 5, 6, 7, quant=Q3, dtype=Dtype.U8),
        0,
        tensor("b", 2, 5, 6, 7, quant=Q2),
        op=Binary.ADD,
        act=Act.RELU,
    ),
}


@pytest.mark.parametrize("name", MAPS)
def test_maps(name: str) -> None:
    check(MAPS[name]())


def test_a_constant_is_an_operand_of_a_map() -> None:
    b = ly.Tensor("b", (5, 1, 1), Dtype.F32, None, floats(5, 1, 1))
    check(ly.Map(tensor("a", 2, 5, 6, 7), tensor("o", 2, 5, 6, 7), 0, b, op=Binary.ADD))


def test_a_tensor_is_both_operands_of_a_map() -> None:
    a = tensor("a", 2, 5, 6, 7)
    check(ly.Map(a, tensor("o", 2, 5, 6, 7), 0, a, op=Binary.MUL))


@pytest.mark.parametrize("shape", [(), (7,), (2, 5, 6, 7), (3, 1, 33, 65), (2, 3, 2, 3, 2, 5)])
def test_copies(shape: tuple[int, ...]) -> None:
    check(ly.Copy(tensor("x", *shape), tensor("o", *shape), 0), exact=True)
    check(ly.Copy(tensor("x", *shape, quant=Q1), tensor("o", *shape, quant=Q1), 0), exact=True)


@pytest.mark.parametrize("quant", [None, Q1])
def test_resizing(quant: ly.Quant | None) -> None:
    for scale in ((2, 2), (1, 3), (4, 1)):
        out = tensor("o", 2, 5, 6 * scale[0], 7 * scale[1], quant=quant)
        check(ly.Resize(tensor("x", 2, 5, 6, 7, quant=quant), out, 0, scale), exact=True)


@pytest.mark.parametrize("quant", [None, Q1])
def test_padding(quant: ly.Quant | None) -> None:
    for before, after, value in (
        ((0, 0, 1, 2), (0, 0, 3, 0), 0.0),
        ((1, 2, 1, 0), (0, 1, 0, 2), -1.5),
        ((0, 3, 0, 0), (0, 0, 0, 0), float("-inf")),
    ):
        shape = [n + a + b for n, a, b in zip((2, 5, 6, 7), before, after, strict=True)]
        value = max(value, -9.0) if quant else value
        out = tensor("o", *shape, quant=quant)
        layer = ly.Pad(tensor("x", 2, 5, 6, 7, quant=quant), out, 0, before, after, value)
        check(layer, exact=True)


def pooled(kind: Window, window: int, stride: int, pad: int, include: bool, quant: Any) -> ly.Pool:
    high, wide = ((n + 2 * pad - window) // stride + 1 for n in (11, 9))
    return ly.Pool(
        tensor("x", 2, 21, 11, 9, quant=quant),
        tensor("o", 2, 21, high, wide, quant=quant),
        0,
        kind,
        (window, window),
        (stride, stride),
        (pad,) * 4,
        include,
    )


@pytest.mark.parametrize("quant", [None, Q1])
@pytest.mark.parametrize("kind", [Window.MAX, Window.SUM])
def test_pooling(kind: Window, quant: Any) -> None:
    for window, stride, pad in ((2, 2, 0), (3, 1, 1), (3, 2, 1), (5, 1, 2)):
        for include in (False, True) if kind is Window.SUM else (False,):
            check(pooled(kind, window, stride, pad, include, quant), most=4)


@pytest.mark.parametrize("quant", [None, Q1])
def test_global_pooling(quant: Any) -> None:
    x, out = tensor("x", 2, 21, 11, 9, quant=quant), tensor("o", 2, 21, 1, 1, quant=quant)
    check(ly.Pool(x, out, 0, Window.SUM, (11, 9)))
    check(ly.Pool(x, out, 0, Window.MAX, (11, 9)))


def depthwise(
    kernel: int, stride: int, pad: int, gap: int, many: int, eight: bool, residual: bool
) -> ly.Conv:
    channels = 21
    high, wide = ((n + 2 * pad - gap * (kernel - 1) - 1) // stride + 1 for n in (12, 9))
    outputs = channels * many
    quant = Q1 if eight else None
    data = floats(outputs, 1, kernel, kernel)
    weight = ly.Tensor("w", data.shape, Dtype.F32, None, data)
    mult = None
    if eight:
        data = RNG.integers(-128, 128, data.shape).astype(np.int8)
        weight = ly.Tensor("w", data.shape, Dtype.S8, ly.Quant(1.0, 2), data)
        mult = (RNG.uniform(0.5, 1.5, outputs) * 1e-3).astype(np.float32)
    out = tensor("o", 2, outputs, high, wide, quant=Q2 if eight else None)
    other = tensor("r", 2, outputs, high, wide, quant=Q3 if eight else None) if residual else None
    epilogue = ly.Epilogue(
        mult,
        floats(outputs),
        Binary.ADD if residual else Binary.NONE,
        other,
        Act.RELU,
    )
    x = tensor("x", 2, channels, 12, 9, quant=quant)
    return ly.Conv(x, weight, out, 0, (stride, stride), (pad,) * 4, (gap, gap), channels, epilogue)


@pytest.mark.parametrize("eight", [False, True])
@pytest.mark.parametrize("many", [1, 2])
def test_depthwise(many: int, eight: bool) -> None:
    for kernel, stride, pad, gap in (
        (3, 1, 1, 1),
        (3, 2, 1, 1),
        (5, 1, 2, 1),
        (3, 1, 2, 2),
        (2, 1, 0, 1),
    ):
        layer = depthwise(kernel, stride, pad, gap, many, eight, residual=kernel == 3)
        check(layer, most=5)


def test_windows_that_lie_in_the_padding() -> None:
    check(depthwise(2, 1, 3, 1, 1, False, False), most=5)


@pytest.mark.parametrize("shape", [(3, 40), (2, 3, 5, 33), (2, 3, 2, 4, 9), (7,)])
def test_rows(shape: tuple[int, ...]) -> None:
    last = len(shape) - 1
    check(ly.Softmax(tensor("x", *shape), tensor("o", *shape), 0, last))
    length = shape[-1]
    layer = ly.Norm(
        tensor("x", *shape), tensor("o", *shape), 0, floats(length), floats(length), 1e-5
    )
    check(layer)


def test_softmax_of_channels() -> None:
    check(ly.Softmax(tensor("x", 3, 100, 1, 1), tensor("o", 3, 100, 1, 1), 0, 1))
