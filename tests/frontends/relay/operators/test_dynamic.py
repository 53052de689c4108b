"""Operators that read as operands what others have as attributes."""

import numpy as np
import pytest

from tests.frontends.relay.operators.harness import Array, agree, random, refused

X = random(2, 3, 4)
IMAGE = random(1, 2, 4, 4)


def numbers(*values: float, dtype: str = "int64") -> Array:
    return np.array(values, dtype)


@pytest.mark.parametrize(
    ("body", "constants", "wanted"),
    [
        ("dyn.reshape(%x, %a)", {"a": numbers(0, -1)}, X.reshape(2, 12)),
        ("dyn.squeeze(%x, %a)", {"a": numbers(0)}, X[:, None]),
        ("dyn.expand_dims(%x, 1, num_newaxis=2)", {}, X[:, None, None]),
        ("dyn.tile(%x, %a)", {"a": numbers(2, 1, 1)}, np.tile(X, (2, 1, 1))),
        ("dyn.broadcast_to(%x, %a)", {"a": numbers(2, 2, 3, 4)}, np.broadcast_to(X, (2, 2, 3, 4))),
        (
            "dyn.strided_slice(%x, %a, %b, %c)",
            {"a": numbers(0, 1), "b": numbers(2, 3), "c": numbers(1, 2)},
            X[:, 1:3:2],
        ),
        (
            "dyn.nn.pad(%x, %a, 2f)",
            {"a": np.array([[0, 0], [1, 0], [0, 2]], np.int64)},
            np.pad(X, [(0, 0), (1, 0), (0, 2)], constant_values=2),
        ),
        (
            'dyn.topk(%x, 2, axis=-1, ret_type="values", dtype="int32")',
            {},
            -np.sort(-X, -1)[..., :2],
        ),
    ],
)
def test_operands_are_attributes(body: str, constants: dict[str, Array], wanted: Array) -> None:
    x = X[None] if "squeeze" in body else X
    agree(body, wanted if "squeeze" not in body else X, x=x, constants=constants)


def test_tensors_of_one_value() -> None:
    shape = {"a": numbers(2, 3)}
    agree('dyn.zeros(%a, dtype="int32")', np.zeros((2, 3), np.int32), constants=shape)
    agree('dyn.ones(%a, dtype="float32")', np.ones((2, 3), np.float32), constants=shape)
    agree('dyn.full(4, %a, dtype="int32")', np.full((2, 3), 4, np.int32), constants=shape)
    places = np.array([2, 0], np.int32)
    hot = np.eye(3, dtype=np.float32)[places]
    agree('dyn.one_hot(%i, 1f, 0f, 3, axis=-1, dtype="float32")', hot, i=places)


def test_images() -> None:
    wide = IMAGE.repeat(2, 2).repeat(2, 3)
    agree("dyn.nn.upsampling(%x, 2f, 2f)", wide, x=IMAGE)
    given = 'method="nearest_neighbor", coordinate_transformation_mode="asymmetric", rounding_method="floor"'
    constants = {"s": numbers(8, 8), "r": numbers(0, 0, 0, 0, dtype="float32")}
    agree(f"dyn.image.resize2d(%x, %s, %r, {given})", wide, x=IMAGE, constants=constants)


@pytest.mark.parametrize("axis", [0, 1])
def test_sequence_mask(axis: int) -> None:
    lengths = np.array([1, 3, 0] if axis == 0 else [2, 0], np.int32)
    places = np.arange(X.shape[axis]).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    ends = lengths.reshape((1, -1, 1) if axis == 0 else (-1, 1, 1))
    wanted = np.where(places < ends, X, np.float32(-1))
    agree(f"sequence_mask(%x, %l, mask_value=-1f, axis={axis})", wanted, x=X, l=lengths)


def test_old_names_and_annotations() -> None:
    whole = IMAGE.mean((2, 3), keepdims=True)
    agree("contrib.adaptive_avg_pool2d(%x, output_size=[1])", whole, x=IMAGE)
    agree(
        "contrib.adaptive_max_pool2d(%x, output_size=[1, 1])",
        IMAGE.max((2, 3), keepdims=True),
        x=IMAGE,
    )
    agree("on_device(%x, virtual_device=meta[VirtualDevice][0], constrain_result=True)", X, x=X)
    agree("device_copy(%x, src_virtual_device=None, dst_virtual_device=None)", X, x=X)


def test_what_the_model_computes_is_refused() -> None:
    refused("dyn.reshape(%x, %a)", "its newshape is computed by the model", x=X, a=numbers(-1))
    refused("dyn.topk(%x, %a)", "its k is computed by the model", x=X, a=np.int32(1))
