"""Networks of bfloat16, compiled and run on the simulator: a float64 evaluation rounded at every tensor, nearly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byoc.vendors.npu import layers as ly
from byoc.vendors.npu import simulate
from byoc.vendors.npu.compiler import Compiled, Options, compiled, composites
from byoc.vendors.npu.hardware import load
from byoc.vendors.npu.isa import Act, Binary, Dtype, Window
from tests.vendors.npu.networks import networks
from tests.vendors.npu.reference import Evaluation

Array = Any
NARROW = np.dtype(ml_dtypes.bfloat16)
UNIT = 2.0**-7
"""Between two neighbours, of the smaller one."""

SMALL = load("small")
RNG = np.random.default_rng(3)


def rounded(array: Array) -> Array:
    return array.astype(NARROW).astype(np.float32)


def narrow(tensor: ly.Tensor) -> ly.Tensor:
    data = None if tensor.data is None else tensor.data.astype(NARROW)
    return replace(tensor, dtype=Dtype.BF16, data=data)


def wide(tensor: ly.Tensor) -> ly.Tensor:
    """As float32, of the numbers that a narrow one has."""
    return replace(tensor, data=None if tensor.data is None else rounded(tensor.data))


def changed(network: ly.Network, change: Callable[[ly.Tensor], ly.Tensor]) -> ly.Network:
    """`network` with `change` of each tensor of float32."""
    known: dict[ly.Tensor, ly.Tensor] = {}

    def of(held: Any) -> Any:
        if isinstance(held, ly.Tensor):
            if held not in known:
                known[held] = change(held) if held.dtype is Dtype.F32 else held
            return known[held]
        if isinstance(held, tuple):
            return tuple(map(of, held))
        return replace(held, other=of(held.other)) if isinstance(held, ly.Epilogue) else held

    layers = [
        replace(each, **{field.name: of(getattr(each, field.name)) for field in fields(each)})
        for each in network.layers
    ]
    inputs, outputs = of(network.inputs), of(network.outputs)
    return ly.Network(inputs, outputs, tuple(layers), network.composites)


class Rounded(Evaluation):
    """Every float is stored as bfloat16."""

    def _keep(self, tensor: ly.Tensor, array: Array) -> None:
        super()._keep(tensor, rounded(array) if tensor.dtype is Dtype.F32 else array)


def compare(network: ly.Network, units: float, **options: Any) -> Compiled:
    """The simulator's outputs are within `units` of the evaluation's largest, those of 8 bits within one step."""
    made = compiled(changed(network, narrow), SMALL, Options(**options))
    inputs = [RNG.standard_normal(each.shape).astype(NARROW) for each in network.inputs]
    got, _ = simulate.run(made.program.to_bytes(), made.constants, inputs)
    wanted = Rounded(changed(network, wide), [each.astype(np.float32) for each in inputs]).outputs
    for tensor, one, other in zip(network.outputs, got, wanted, strict=True):
        assert one.dtype == (NARROW if tensor.quant is None else other.dtype)
        largest = np.abs(other).max(initial=0)
        within = units * UNIT * largest if tensor.quant is None else 1
        error = np.abs(one.astype(np.float64) - other).max(initial=0)
        assert error <= within, (tensor.name, error, largest)
    return made


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(networks(), st.booleans())
def test_networks_compute_the_evaluation(network: ly.Network, keep: bool) -> None:
    compare(network, 2, keep=keep)


def tensor(name: str, *shape: int) -> ly.Tensor:
    return ly.Tensor(name, shape, Dtype.F32)


def floats(*shape: int) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


def constant(*shape: int) -> ly.Tensor:
    return ly.Tensor("constant", shape, Dtype.F32, None, floats(*shape))


X, OUT = tensor("x", 2, 12, 9, 7), tensor("out", 2, 20, 9, 7)
PADDING = (1, 1, 1, 1)
FINISH = ly.Epilogue(floats(20), floats(20), Binary.ADD, tensor("other", *OUT.shape), Act.RELU)
A, B, C = tensor("a", 3, 17, 30), tensor("b", 3, 30, 11), tensor("c", 3, 17, 11)
SAME = tensor("same", *X.shape)
LAYERS: dict[str, ly.Layer] = {
    "conv": ly.Conv(X, constant(20, 12, 3, 3), OUT, 0, (1, 1), PADDING, epilogue=FINISH),
    "strided": ly.Conv(X, constant(8, 12, 3, 3), tensor("out", 2, 8, 4, 3), 0, (2, 2)),
    "groups": ly.Conv(X, constant(20, 3, 3, 3), OUT, 0, (1, 1), PADDING, (1, 1), 4),
    "depthwise": ly.Conv(X, constant(12, 1, 3, 3), SAME, 0, (1, 1), PADDING, (1, 1), 12),
    "deconv": ly.Deconv(X, constant(12, 5, 2, 3), tensor("out", 2, 5, 18, 21), 0, (2, 3)),
    "matmul": ly.MatMul(A, B, C, 0),
    "matmul by constant": ly.MatMul(A, constant(30, 11), C, 0),
    "largest": ly.Pool(X, SAME, 0, Window.MAX, (3, 3), (1, 1), PADDING),
    "average": ly.Pool(X, SAME, 0, Window.SUM, (3, 3), (1, 1), PADDING),
    "global": ly.Pool(X, tensor("out", 2, 12, 1, 1), 0, Window.SUM, (9, 7)),
    "map": ly.Map(X, SAME, 0, constant(12, 1, 1), floats(7), floats(7), 3, Binary.MUL, Act.GELU),
    "softmax": ly.Softmax(A, tensor("out", *A.shape), 0, 2),
    "norm": ly.Norm(A, tensor("out", *A.shape), 0, floats(30), floats(30), 1e-5),
    "pad": ly.Pad(X, tensor("out", 2, 12, 12, 8), 0, (0, 0, 1, 0), (0, 0, 2, 1), 0.3),
    "resize": ly.Resize(X, tensor("out", 2, 12, 18, 21), 0, (2, 3)),
    "concat": ly.Concat((X, OUT), tensor("both", 2, 32, 9, 7), 0, 1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_compute_the_evaluation(name: str) -> None:
    layer = LAYERS[name]
    given = [layer.epilogue.other] if name == "conv" else []  # type: ignore[union-attr]
    held = [getattr(layer, field.name) for field in fields(layer) if field.name in ("x", "a", "b")]
    inputs = [*held, *given, *getattr(layer, "xs", ())]
    inputs = [each for each in inputs if each is not None and each.data is None]
    network = ly.Network(tuple(inputs), (layer.out,), (layer,), (ly.Composite(name, ()),))
    compare(network, 2 if name == "softmax" else 1)


def test_products_take_the_rate_of_bfloat16() -> None:
    x, out = tensor("x", 1, 64, 14, 14), tensor("out", 1, 64, 14, 14)
    layer = ly.Conv(x, constant(64, 64, 3, 3), out, 0, (1, 1), PADDING)
    network = ly.Network((x,), (out,), (layer,), (ly.Composite("conv", ()),))
    made, floats32 = compare(network, 1), compiled(network, SMALL, Options())
    assert 2 * len(made.constants) == len(floats32.constants)
    assert made.report.cycles < 0.7 * floats32.report.cycles
    (mine,), (other,) = composites(made), composites(floats32)
    assert (mine["dtype"], other["dtype"]) == ("bfloat16", "float32")
    assert mine["roofline_cycles"] < 0.7 * other["roofline_cycles"]
    assert "convolution of bfloat16 1x64x14x14 with bfloat16 64x64x3x3" in made.listing


def test_float32_becomes_bfloat16_and_is_float32_again() -> None:
    """Casts are maps; a product of bfloat16 may be stored, and added to, as float32."""
    x, between = tensor("x", 1, 12, 9, 7), narrow(tensor("between", 1, 12, 9, 7))
    other, out = tensor("other", 1, 20, 9, 7), tensor("out", 1, 20, 9, 7)
    weight, finish = constant(20, 12, 3, 3), ly.Epilogue(op=Binary.ADD, other=other)
    cast = ly.Map(x, between, 0)
    conv = ly.Conv(between, narrow(weight), out, 1, (1, 1), PADDING, epilogue=finish)
    names = (ly.Composite("cast", ()), ly.Composite("conv", ()))
    made = compiled(ly.Network((x, other), (out,), (cast, conv), names), SMALL, Options())
    inputs = [floats(*each.shape) for each in (x, other)]
    (got,), _ = simulate.run(made.program.to_bytes(), made.constants, inputs)
    twin = replace(conv, x=x, weight=wide(weight))
    network = ly.Network((x, other), (out,), (twin,), ())
    (wanted,) = Evaluation(network, [rounded(inputs[0]), inputs[1]]).outputs
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=2e-5)
