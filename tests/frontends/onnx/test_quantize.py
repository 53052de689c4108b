"""Quantisation stays as the model has it."""

from __future__ import annotations

import numpy as np
import pytest

from byoc.frontends import import_model
from tests.frontends.models import add_weight, agrees, ops, parse

RANDOM = np.random.default_rng(1)


def weights(model, **arrays):
    for name, array in arrays.items():
        add_weight(model, name, array)
    return model


def test_a_weight_stays_int8():
    proto = weights(
        parse(
            "g (float[2,3] x) => (float[2,4] y) { w = DequantizeLinear<axis = 1>(q, s, z) y = MatMul(x, w) }"
        ),
        q=RANDOM.integers(-127, 127, (3, 4)).astype("int8"),
        s=np.abs(RANDOM.standard_normal(4)).astype("float32"),
        z=np.zeros(4, "int8"),
    )
    model = agrees(proto, {"x": RANDOM.standard_normal((2, 3)).astype("float32")}, rtol=1e-4)
    assert ops(model) == ["dequantize", "matmul"]


def test_each_consumer_gets_its_own_dequantize():
    proto = weights(
        parse(
            """g (float[4] x) => (float[4] z) {
                q = QuantizeLinear(x, s, p)
                d = DequantizeLinear(q, s, p)
                a = Relu(d)
                b = Exp(d)
                z = Add(a, b)
            }"""
        ),
        s=np.float32(0.1),
        p=np.int8(3),
    )
    model = agrees(proto, {"x": RANDOM.standard_normal(4).astype("float32")})
    assert ops(model) == ["quantize", "dequantize", "nn.relu", "dequantize", "exp", "add"]
    assert [
        names for binding, names in model.origins["main"].items() if binding.startswith("d")
    ] == [("d",)] * 2


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
def test_rounding_and_saturation_are_those_of_onnxruntime(dtype):
    limits = np.iinfo(dtype)
    halves = np.arange(-9, 9, dtype="float32") / 2
    edges = np.array(
        [limits.min - 5, limits.max + 5, limits.min, limits.max, 1e30, -1e30], "float32"
    )
    proto = weights(
        parse(
            f"""g (float[N] x) => ({dtype}[N] q, float[N] y) {{
                q = QuantizeLinear(x, s, p)
                y = DequantizeLinear(q, s, p)
            }}""",
            opset=21,
        ),
        s=np.float32(1.0),
        p=np.array(0 if limits.min else 3, dtype),
    )
    agrees(proto, {"x": np.concatenate([halves, edges])})


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_per_axis(axis):
    size = (3, 4, 5)[axis]
    proto = weights(
        parse(
            f"""g (float[3,4,5] x) => (int8[3,4,5] q, float[3,4,5] y) {{
                q = QuantizeLinear<axis = {axis}>(x, s, p)
                y = DequantizeLinear<axis = {axis}>(q, s, p)
            }}"""
        ),
        s=np.linspace(0.1, 0.5, size, dtype="float32"),
        p=np.arange(size, dtype="int8"),
    )
    model = agrees(proto, {"x": 9 * RANDOM.standard_normal((3, 4, 5)).astype("float32")})
    assert ops(model) == ["quantize", "dequantize"]


def test_int32_biases():
    proto = weights(
        parse("g (float[4] x) => (float[4] y) { b = DequantizeLinear(q, s) y = Add(x, b) }"),
        q=np.array([2**20, -5, 0, 7], "int32"),
        s=np.float32(0.01),
    )
    assert ops(agrees(proto, {"x": np.zeros(4, "float32")})) == ["dequantize", "add"]


def test_blocks_run_on_the_host():
    proto = weights(
        parse(
            """g (float[2,4] x) => (float[2,4] y) {
                d = DequantizeLinear<axis = 0, block_size = 2>(q, s)
                y = MatMul(x, d)
            }""",
            opset=21,
        ),
        q=RANDOM.integers(-9, 9, (4, 4)).astype("int8"),
        s=np.abs(RANDOM.standard_normal((2, 4))).astype("float32"),
    )
    model = agrees(proto, {"x": RANDOM.standard_normal((2, 4)).astype("float32")})
    assert ops(model) == ["host", "matmul"]


def test_a_dequantize_that_is_an_output():
    proto = weights(
        parse(
            "g (int8[4] q) => (float[4] y, float[4] z) { y = DequantizeLinear(q, s) z = Relu(y) }"
        ),
        s=np.float32(0.5),
    )
    agrees(proto, {"q": np.array([-128, -1, 0, 127], "int8")})
    assert ops(import_model(proto)).count("dequantize") == 2


@pytest.mark.parametrize("scales", [(), (8,)])
def test_a_quantised_bias_is_dequantized_in_the_layers_shape(scales):
    size = scales or ()
    proto = weights(
        parse(
            """g (float[1,3,8,8] x) => (float[1,8,6,6] y) {
                w = DequantizeLinear<axis = 0>(qw, sw, zw)
                b = DequantizeLinear<axis = 0>(qb, sb)
                y = Conv(x, w, b)
            }"""
        ),
        qw=RANDOM.integers(-127, 127, (8, 3, 3, 3)).astype("int8"),
        sw=np.abs(RANDOM.standard_normal(size)).astype("float32"),
        zw=np.zeros(size, "int8"),
        qb=RANDOM.integers(-999, 999, 8).astype("int32"),
        sb=np.abs(RANDOM.standard_normal(size)).astype("float32"),
    )
    x = RANDOM.standard_normal((1, 3, 8, 8)).astype("float32")
    model = agrees(proto, {"x": x}, rtol=1e-4)
    assert ops(model) == ["dequantize", "nn.conv2d", "dequantize", "add"]
    assert list(model.origins["main"].values()) == [("w",), ("y",), ("b",), ("y",)]
    (group,) = model.groups["main"]
    assert group.inputs["B"] not in group.bindings
    assert group.inputs["B"] in model.origins["main"]
