"""Products on the numpy machine are what the reference says, under every kind of configuration."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byoc.vendors.npu import isa
from byoc.vendors.npu.hardware import Hardware, load
from byoc.vendors.npu.isa import Act, Binary, Dtype
from byoc.vendors.npu.kernels import gemm
from byoc.vendors.npu.layers import Conv, Deconv, Epilogue, MatMul, Quant, Tensor
from tests.vendors.npu.products import Placed, alone, operands, run, valid
from tests.vendors.npu.reference import evaluate

SMALL = load("small")
FEW = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

ACTS = ((Act.NONE, 0.0, 0.0), (Act.RELU, 0.0, 0.0), (Act.CLIP, 0.0, 6.0), (Act.LEAKY, 0.1, 0.0))
INSIDE = (isa.Space.SP, isa.Space.TMP, isa.Space.IN)
OUTSIDE = (isa.Space.SP, isa.Space.TMP, isa.Space.OUT)


class Maker:
    """Tensors with random data of one kind: float32, or 8 bits of both signednesses."""

    def __init__(self, seed: int, eight: bool) -> None:
        self.rng, self.eight = np.random.default_rng(seed), eight

    def tensor(self, name: str, shape: tuple[int, ...], *, constant: bool = False) -> Tensor:
        dtype, quant = Dtype.F32, None
        if self.eight:
            dtype = Dtype(self.rng.choice([Dtype.S8, Dtype.U8]))
            low = 0 if dtype is Dtype.U8 else -128
            quant = Quant(
                float(np.float32(self.rng.uniform(0.02, 0.1))),
                int(self.rng.integers(low, low + 256)),
            )
        tensor = Tensor(name, shape, dtype, quant)
        if not constant:
            return tensor
        return Tensor(name, shape, dtype, quant, self.values(tensor))

    def values(self, tensor: Tensor) -> Any:
        if tensor.quant is None:
            return self.rng.standard_normal(tensor.shape).astype(np.float32)
        return (
            self.rng.integers(0, 256, tensor.shape)
            .astype(np.uint8)
            .view(np.int8 if tensor.dtype is Dtype.S8 else np.uint8)
        )

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
        return Epilogue(mult, bias, Binary.ADD if residual else Binary.NONE, other, kind, p, q)


def check(layer: gemm.Layer, maker: Maker, places: random.Random, hw: Hardware = SMALL) -> None:
    spaces: dict[Tensor, isa.Space] = {each: places.choice(INSIDE) for each in operands(layer)}
    spaces[layer.out] = places.choice(OUTSIDE)
    placed = Placed(hw, spaces)
    configs = valid(layer, placed)
    assert configs, "no configuration fits"
    values = {each: maker.values(each) for each in operands(layer)}
    network = alone(layer)
    (want,) = evaluate(network, [values[each] for each in network.inputs])
    for config in [configs[0], *places.sample(configs, min(3, len(configs)))]:
        have = run(layer, config, placed, values)
        if layer.out.quant is None:
            np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-4, err_msg=str(config))
        else:
            np.testing.assert_array_equal(have, want, err_msg=str(config))


@FEW
@given(
    seed=st.integers(0, 1 << 30),
    eight=st.booleans(),
    images=st.integers(1, 2),
    size=st.tuples(st.integers(1, 17), st.integers(1, 17)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(*[st.integers(0, 3)] * 4),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    groups=st.sampled_from([1, 1, 1, 2, 3, 8]),
    channels=st.sampled_from([1, 3, 4, 8, 9, 16, 40]),
    outputs=st.sampled_from([1, 2, 5, 8, 24, 33]),
    act=st.integers(0, 3),
    residual=st.booleans(),
)
def test_conv(
    seed: int,
    eight: bool,
    images: int,
    size: tuple[int, int],
    kernel: tuple[int, int],
    strides: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
    groups: int,
    channels: int,
    outputs: int,
    act: int,
    residual: bool,
) -> None:
    maker = Maker(seed, eight)
    shape = [
        (size[i] + padding[i] + padding[i + 2] - dilation[i] * (kernel[i] - 1) - 1) // strides[i]
        + 1
        for i in range(2)
    ]
    if min(shape) < 1:
        return
    x = maker.tensor("x", (images, channels * groups, *size))
    weight = maker.tensor("weight", (outputs * groups, channels, *kernel), constant=True)
    out = maker.tensor("out", (images, outputs * groups, *shape))
    k = channels * math.prod(kernel)
    epilogue = maker.epilogue(outputs * groups, out, k, act, residual)
    layer = Conv(x, weight, out, 0, strides, padding, dilation, groups, epilogue)
    check(layer, maker, random.Random(seed))


@FEW
@given(
    seed=st.integers(0, 1 << 30),
    eight=st.booleans(),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    channels=st.sampled_from([1, 3, 8, 40]),
    outputs=st.sampled_from([1, 5, 8, 24]),
    act=st.integers(0, 3),
    residual=st.booleans(),
)
def test_deconv(
    seed: int,
    eight: bool,
    size: tuple[int, int],
    strides: tuple[int, int],
    channels: int,
    outputs: int,
    act: int,
    residual: bool,
) -> None:
    maker = Maker(seed, eight)
    x = maker.tensor("x", (1, channels, *size))
    weight = maker.tensor("weight", (channels, outputs, *strides), constant=True)
    out = maker.tensor("out", (1, outputs, size[0] * strides[0], size[1] * strides[1]))
    epilogue = maker.epilogue(outputs, out, channels, act, residual)
    check(Deconv(x, weight, out, 0, strides, epilogue), maker, random.Random(seed))


@FEW
@given(
    seed=st.integers(0, 1 << 30),
    eight=st.booleans(),
    leading=st.sampled_from([(), (2,), (2, 3)]),
    m=st.integers(1, 40),
    k=st.sampled_from([1, 7, 32, 130]),
    n=st.sampled_from([1, 5, 8, 33, 100]),
    shared=st.booleans(),
    constant=st.booleans(),
    act=st.integers(0, 3),
    residual=st.booleans(),
)
def test_matmul(
    seed: int,
    eight: bool,
    leading: tuple[int, ...],
    m: int,
    k: int,
    n: int,
    shared: bool,
    constant: bool,
    act: int,
    residual: bool,
) -> None:
    maker = Maker(seed, eight)
    a = maker.tensor("a", (*leading, m, k))
    b = maker.tensor("b", (k, n) if shared else (*leading, k, n), constant=constant)
    out = maker.tensor("out", (*leading, m, n))
    epilogue = maker.epilogue(n, out, k, act, residual)
    check(MatMul(a, b, out, 0, epilogue), maker, random.Random(seed))


@pytest.mark.parametrize("eight", [False, True])
def test_first_layer_is_folded_where_that_pays(eight: bool) -> None:
    maker = Maker(1, eight)
    x, out = maker.tensor("x", (1, 3, 32, 32)), maker.tensor("out", (1, 64, 16, 16))
    weight = maker.tensor("weight", (64, 3, 7, 7), constant=True)
    epilogue = maker.epilogue(64, out, 147, 1, False)
    layer = Conv(x, weight, out, 0, (2, 2), (3, 3, 3, 3), epilogue=epilogue)
    for space in INSIDE:
        placed = Placed(SMALL, {x: space, out: isa.Space.TMP})
        configs = valid(layer, placed)
        assert configs[0].folded
        (want,) = evaluate(alone(layer), [values := maker.values(x)])
        np.testing.assert_allclose(run(layer, configs[0], placed, {x: values}), want, atol=2e-4)
