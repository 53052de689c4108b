"""Products on the numpy machine are what the reference says, under every kind of configuration."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byoc.vendors.npu import isa, simulate
from byoc.vendors.npu.hardware import Hardware, load
from byoc.vendors.npu.kernels import gemm
from byoc.vendors.npu.layers import Conv, Deconv, MatMul, Tensor
from tests.vendors.npu.products import Maker, Placed, alone, conv, operands, program, run, valid
from tests.vendors.npu.reference import evaluate

SMALL, MEDIUM = load("small"), load("medium")
FEW = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

INSIDE = (isa.Space.SP, isa.Space.TMP, isa.Space.IN)
OUTSIDE = (isa.Space.SP, isa.Space.TMP, isa.Space.OUT)


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
    layer = conv(maker, (1, 3, 32, 32), 64, 7, 2)
    for space in INSIDE:
        placed = Placed(SMALL, {layer.x: space, layer.out: isa.Space.TMP})
        config = valid(layer, placed)[0]
        assert config.folded
        (want,) = evaluate(alone(layer), [values := maker.values(layer.x)])
        have = run(layer, config, placed, {layer.x: values})
        np.testing.assert_allclose(have, want, rtol=1e-4, atol=2e-4)


@FEW
@given(
    seed=st.integers(0, 1 << 30),
    eight=st.booleans(),
    size=st.tuples(st.integers(1, 17), st.integers(1, 17)),
    channels=st.sampled_from([3, 8, 40]),
    outputs=st.sampled_from([5, 24]),
    kernel=st.sampled_from([1, 3]),
    stride=st.integers(1, 2),
    residual=st.booleans(),
)
def test_simulator_says_what_the_numpy_machine_says(
    seed: int,
    eight: bool,
    size: tuple[int, int],
    channels: int,
    outputs: int,
    kernel: int,
    stride: int,
    residual: bool,
) -> None:
    maker = Maker(seed, eight)
    layer = conv(maker, (1, channels, *size), outputs, kernel, stride, residual=residual)
    spaces = dict.fromkeys(operands(layer), isa.Space.IN) | {layer.out: isa.Space.OUT}
    placed = Placed(SMALL, spaces)
    config = random.Random(seed).choice(valid(layer, placed))
    values = {each: maker.values(each) for each in operands(layer)}
    want = run(layer, config, placed, values)
    given_ = [values[each] for each in placed.inputs]
    (have,), _ = simulate.run(*program(layer, config, placed), given_)
    if eight:
        np.testing.assert_array_equal(have, want)
    else:
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("slots", [2, 1])
@pytest.mark.parametrize("eight", [False, True])
@pytest.mark.parametrize(
    ("shape", "outputs", "kernel", "stride", "residual"),
    [
        ((1, 64, 56, 56), 64, 1, 1, False),
        ((1, 64, 28, 28), 256, 1, 1, True),
        ((1, 128, 28, 28), 128, 3, 1, False),
        ((1, 256, 28, 28), 512, 1, 2, False),
        ((1, 512, 7, 7), 512, 3, 1, False),
        ((1, 3, 112, 112), 64, 7, 2, False),
    ],
)
def test_estimates_are_close_to_the_simulator(
    shape: tuple[int, int, int, int],
    outputs: int,
    kernel: int,
    stride: int,
    residual: bool,
    eight: bool,
    slots: int,
) -> None:
    """And the layers of ResNet-50 come close to the matrix unit's peak."""
    layer = conv(Maker(1, eight), shape, outputs, kernel, stride, residual=residual)
    spaces = dict.fromkeys((*operands(layer), layer.out), isa.Space.TMP)
    placed = Placed(MEDIUM, spaces)
    config = next(each for each in valid(layer, placed) if each.slots == slots)
    cycles = simulate.check(*program(layer, config, placed)).cycles
    estimate = gemm.estimate(layer, config, MEDIUM, placed.views)
    assert estimate.cycles == pytest.approx(cycles, rel=0.05 if slots == 2 else 0.35)
    if slots == 2:
        peak = MEDIUM.peak("int8" if eight else "float32")
        assert estimate.macs / peak / cycles > (0.7 if shape[1] == 3 else 0.9)
