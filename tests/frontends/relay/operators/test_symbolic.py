"""Operators over a dimension that no one has bound."""

import numpy as np
import pytest

from byoc.frontends.relay.module import convert_text
from byoc.testing.run import run_model
from tests.frontends.relay.operators.harness import Array, random

X = random(2, 3, 4, 4)
W = random(5, 3, 3, 3, seed=1)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("nn.relu(%x)", np.maximum(X, 0)),
        ("nn.batch_flatten(%x)", X.reshape(2, 48)),
        ("reshape(%x, newshape=[0, -1])", X.reshape(2, 48)),
        ("reshape(%x, newshape=[-1, 16])", X.reshape(6, 16)),
        ("nn.softmax(%x, axis=1)", np.exp(X) / np.exp(X).sum(1, keepdims=True)),
        ("argmax(%x, axis=[1])", X.argmax(1).astype(np.int32)),
        ("argmax(%x, axis=[1], select_last_index=True)", X.argmax(1).astype(np.int32)),
        ("argmax(%x, axis=[2, 3])", X.reshape(2, 3, 16).argmax(-1).astype(np.int32)),
        ('topk(%x, k=2, ret_type="values", dtype="int32")', -np.sort(-X, -1)[..., :2]),
        ("mean(%x, axis=[1])", X.mean(1)),
        ("nn.global_avg_pool2d(%x)", X.mean((2, 3), keepdims=True)),
        ("nn.adaptive_avg_pool2d(%x)", X),
        ("nn.adaptive_max_pool2d(%x)", X),
        (
            "nn.max_pool2d(%x, pool_size=[2, 2], strides=[2, 2])",
            X.reshape(2, 3, 2, 2, 2, 2).max((3, 5)),
        ),
        ("strided_slice(%x, begin=[0, 1], end=[9, 3], strides=[1], axes=None)", X[:, 1:]),
        ("transpose(%x, axes=[0, 2, 3, 1])", X.transpose(0, 2, 3, 1)),
        ("nn.bias_add(%x, nn.relu(ones(shape=[3])))", X + 1),
        ("sum(%x, axis=[0], exclude=True)", X.sum((1, 2, 3))),
        ("%0 = (%x, %x); concatenate(%0, axis=1)", np.concatenate([X, X], 1)),
    ],
)
def test_a_batch_of_any_size(body: str, wanted: Array) -> None:
    text = f"def @main(%x: Tensor[(?, 3, 4, 4), float32]) {{\n{body}\n}}"
    model = convert_text(text, {}, {}, {}, "m")
    (found,) = run_model(model, {"x": X})
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_a_convolution_of_any_batch() -> None:
    text = (
        "def @main(%x: Tensor[(?, 3, 4, 4), float32], %w: Tensor[(5, 3, 3, 3), float32]) {\n"
        "nn.conv2d(%x, %w, padding=[1, 1, 1, 1], channels=5, kernel_size=[3, 3])\n}"
    )
    (found,) = run_model(convert_text(text, {}, {}, {}, "m"), {"x": X, "w": W})
    bound = convert_text(text, {}, {"x": X.shape}, {}, "m")
    np.testing.assert_allclose(found, run_model(bound, {"x": X, "w": W})[0], rtol=1e-5)
