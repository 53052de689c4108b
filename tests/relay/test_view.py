"""What checks see: Relay's names, operand order, attributes, types."""

from __future__ import annotations

import numpy as np
import pytest

from byoc.relay.dataflow_pattern import is_constant, is_op, wildcard
from byoc.relay.expr import Call, Constant, TensorType, Var
from tests.relay.build import INPUTS, found, seen

QNN_CONV = (
    'd = dequantize(p, S, Z, out_dtype="float32"); k = dequantize(K, S, Z, out_dtype="float32"); '
    'l = dequantize(B, S, O, out_dtype="float32"); c = nn.conv2d(d, k); a = add(c, l); '
    'r = nn.relu(a); o = quantize(r, S, Z, out_dtype="int8") -> o'
)


def test_a_convolution_has_relays_attributes() -> None:
    call = seen("c = nn.conv2d(i, w) -> c", is_op("nn.conv2d")(wildcard(), wildcard()))
    assert isinstance(call, Call)
    assert call.op.name == "nn.conv2d"
    assert isinstance(call.args[0], Var)
    assert isinstance(call.args[1], Constant)
    assert call.args[1].data.numpy().shape == (8, 4, 3, 3)
    assert (call.attrs.channels, call.attrs.kernel_size) == (8, (3, 3))
    assert (call.attrs.out_dtype, call.attrs.out_layout, call.attrs.groups) == ("", "", 1)
    assert call.attrs.groups.value == call.attrs.get_int("groups") == 1
    assert call.checked_type == TensorType((1, 8, 6, 6), "float32")


def test_a_bias_is_a_vector_and_has_an_axis() -> None:
    pattern = is_op("nn.bias_add")(is_op("nn.conv2d")(wildcard(), wildcard()), wildcard())
    call = seen("c = nn.conv2d(i, w); a = add(b, c) -> a", pattern)
    assert call.op.name == "nn.bias_add"
    assert call.attrs.axis == 1
    assert call.args[0].op.name == "nn.conv2d"
    assert call.args[1].checked_type.shape == (8,)
    assert np.array_equal(call.args[1].data.numpy(), INPUTS["b"].reshape(-1))


def test_the_weight_of_a_dense_layer_is_units_by_inputs() -> None:
    call = seen("c = matmul(x, m) -> c", is_op("nn.dense")(wildcard(), is_constant()))
    assert (call.op.name, call.attrs.units, call.attrs.out_dtype) == ("nn.dense", 6, "")
    assert call.args[1].checked_type.shape == (6, 4)
    assert np.array_equal(call.args[1].data.numpy(), INPUTS["m"].T)


def test_a_transposed_weight_is_taken_with_the_dense_layer() -> None:
    text = "t = permute_dims(y); c = matmul(x, t) -> c"
    call = seen(text, is_op("nn.dense")(wildcard(), wildcard()))
    assert [each.name_hint for each in call.args] == ["x", "y"]


def test_stacks_are_multiplied_by_batch_matmul() -> None:
    text = "t = permute_dims(s, axes=[0, 2, 1]); c = matmul(s, t) -> c"
    call = seen(text, is_op("nn.batch_matmul")(wildcard(), wildcard()))
    assert [len(each.checked_type.shape) for each in call.args] == [3, 3]
    assert (call.attrs.transpose_a, call.attrs.transpose_b) == (False, False)


def test_a_quantised_convolution_is_relays_integer_operators() -> None:
    given = [is_constant() for _ in range(5)]
    product = is_op("nn.bias_add")(is_op("qnn.conv2d")(wildcard(), *given), is_constant())
    ends = is_op("qnn.requantize")(is_op("nn.relu")(product), *[wildcard() for _ in range(4)])
    call = seen(QNN_CONV, ends)
    assert (call.op.name, call.attrs.out_dtype, call.checked_type.dtype) == (
        "qnn.requantize",
        "int8",
        "int8",
    )
    relu, scale, _, out_scale, out_zero = call.args
    assert (relu.op.name, relu.checked_type.dtype) == ("nn.relu", "int32")
    assert float(scale.data.numpy()) == pytest.approx(0.25)
    assert (float(out_scale.data.numpy()), int(out_zero.data.numpy())) == (0.5, 3)
    bias = relu.args[0]
    assert bias.op.name == "nn.bias_add"
    assert (bias.args[1].checked_type.dtype, bias.args[1].checked_type.shape) == ("int32", (8,))
    conv = bias.args[0]
    assert (conv.op.name, conv.attrs.out_dtype) == ("qnn.conv2d", "int32")
    assert [each.checked_type.dtype for each in conv.args] == [
        "int8",
        "int8",
        "int8",
        "int8",
        "float32",
        "float32",
    ]


def test_pooling_of_integers_is_one_operator() -> None:
    text = (
        'd = dequantize(p, S, Z, out_dtype="float32"); c = nn.max_pool2d(d, pool_size=[2, 2]); '
        'o = quantize(c, S, Z, out_dtype="int8") -> o'
    )
    call = seen(text, is_op("nn.max_pool2d")(wildcard()))
    assert (call.op.name, call.attrs.pool_size) == ("nn.max_pool2d", (2, 2))
    assert (call.args[0].checked_type.dtype, call.checked_type.dtype) == ("int8", "int8")


def test_an_unknown_attribute_says_what_there_is() -> None:
    call = seen("c = nn.softmax(x) -> c", is_op("nn.softmax")(wildcard()))
    with pytest.raises(AttributeError, match=r"nn.softmax has no attribute 'axes' .it has axis."):
        _ = call.attrs.axes


@pytest.mark.parametrize(
    ("text", "pattern", "name", "attrs"),
    [
        ("c = clip(x, 0, 6) -> c", is_op("clip")(wildcard()), "clip", {"a_min": 0, "a_max": 6}),
        (
            "c = permute_dims(x) -> c",
            is_op("transpose")(wildcard()),
            "transpose",
            {"axes": None},
        ),
        (
            "c = reshape(i, (1, 256)) -> c",
            is_op("reshape")(wildcard()),
            "reshape",
            {"newshape": (1, 256)},
        ),
        (
            "c = reshape(i, (1, 256)) -> c",
            is_op("nn.batch_flatten")(wildcard()),
            "nn.batch_flatten",
            {},
        ),
        (
            "c = mean(i, axis=[2, 3], keepdims=True) -> c",
            is_op("nn.global_avg_pool2d")(wildcard()),
            "nn.global_avg_pool2d",
            {"layout": "NCHW"},
        ),
        (
            "c = astype(x, dtype='float16') -> c",
            is_op("cast")(wildcard()),
            "cast",
            {"dtype": "float16"},
        ),
        ("c = concat((x, y)) -> c", is_op("concatenate")(wildcard()), "concatenate", {"axis": 0}),
        (
            "c = nn.leakyrelu(x, alpha=0.5) -> c",
            is_op("nn.leaky_relu")(wildcard()),
            "nn.leaky_relu",
            {},
        ),
    ],
)
def test_names_and_attributes(
    text: str, pattern: object, name: str, attrs: dict[str, object]
) -> None:
    call = seen(text, pattern)
    assert call.op.name == name
    assert {key: call.attrs[key] for key in attrs} == attrs


def test_an_average_of_integers_stands_between_casts() -> None:
    text = (
        'd = dequantize(p, S, Z, out_dtype="float32"); c = mean(d, axis=[2, 3], keepdims=True); '
        'o = quantize(c, S, Z, out_dtype="int8") -> o'
    )
    wide = is_op("cast")(wildcard())
    pooled = is_op("nn.avg_pool2d")(wide) | is_op("nn.global_avg_pool2d")(wide)
    call = seen(text, is_op("cast")(pooled))
    pool = call.args[0]
    assert (call.op.name, call.attrs.dtype) == ("cast", "int8")
    assert (pool.op.name, pool.checked_type.dtype) == ("nn.global_avg_pool2d", "int32")
    assert (pool.args[0].op.name, pool.args[0].attrs.dtype) == ("cast", "int32")
    assert pool.args[0].args[0].checked_type.dtype == "int8"


@pytest.mark.parametrize(
    ("text", "name", "attrs"),
    [
        (
            "c = image.resize2d(i, size=(16, 24), method='linear', "
            "coordinate_transformation_mode='align_corners') -> c",
            "nn.upsampling",
            {"scale_h": 2.0, "scale_w": 3.0, "method": "bilinear", "align_corners": True},
        ),
        (
            "r = reshape(i, (1, 2, 2, 1, 8, 8)); p = permute_dims(r, axes=[0, 3, 4, 1, 5, 2]); "
            "c = reshape(p, (1, 1, 16, 16)) -> c",
            "nn.depth_to_space",
            {"block_size": 2, "mode": "DCR", "layout": "NCHW"},
        ),
        (
            "r = reshape(i, (1, 1, 2, 2, 8, 8)); p = permute_dims(r, axes=[0, 1, 4, 2, 5, 3]); "
            "c = reshape(p, (1, 1, 16, 16)) -> c",
            "nn.depth_to_space",
            {"block_size": 2, "mode": "CRD"},
        ),
        (
            "r = reshape(i, (1, 4, 4, 2, 4, 2)); p = permute_dims(r, axes=[0, 3, 5, 1, 2, 4]); "
            "c = reshape(p, (1, 16, 4, 4)) -> c",
            "nn.space_to_depth",
            {"block_size": 2, "layout": "NCHW"},
        ),
    ],
)
def test_operators_that_relax_has_not(text: str, name: str, attrs: dict[str, object]) -> None:
    call = seen(text, is_op(name)(wildcard()))
    assert call.op.name == name
    assert {key: call.attrs[key] for key in attrs} == attrs
    assert [each.name_hint for each in call.args] == ["i"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("c = image.resize2d(i, size=(4, 4)) -> c", "nn.upsampling"),
        ("c = image.resize2d(i, size=(16, 16)) -> c", "nn.upsampling"),  # half pixels
        (
            "r = reshape(i, (1, 2, 2, 1, 8, 8)); p = permute_dims(r, axes=[0, 3, 4, 2, 5, 1]); "
            "c = reshape(p, (1, 1, 16, 16)) -> c",
            "nn.depth_to_space",
        ),
    ],
)
def test_what_only_looks_alike(text: str, name: str) -> None:
    assert found(text, [("row", is_op(name)(wildcard()))]) == []
