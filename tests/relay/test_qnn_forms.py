"""Relay's quantised operators in QDQ clusters: what each matches, and what its check sees."""

from __future__ import annotations

import pytest

from byoc.relay.dataflow_pattern import DFPattern, is_op, is_tuple, wildcard
from byoc.relay.expr import Tuple
from byoc.relay.forms import UNARY
from byoc.relay.integers import RULES
from tests.relay.build import found, seen

DATA = 'd = dequantize(p, S, Z, out_dtype="float32"); '
ENDS = 'o = quantize(c, S, Z, out_dtype="int8") -> o'


def requantized(pattern: DFPattern) -> DFPattern:
    return is_op("qnn.requantize")(pattern, *[wildcard() for _ in range(4)])


@pytest.mark.parametrize("name", UNARY)
def test_unary_operators(name: str) -> None:
    text = DATA + f"c = {name}(d); " + ENDS
    call = seen(text, is_op(f"qnn.{name}")(*[wildcard() for _ in range(5)]))
    assert call.op.name == f"qnn.{name}"
    assert [each.checked_type.dtype for each in call.args] == [
        "int8",
        "float32",
        "int8",
        "float32",
        "int8",
    ]
    # Where FakeQuantizationToInteger has no rule, Relay keeps the float operator between its ends.
    alone = found(text, [("row", is_op(name)(wildcard()))])
    assert alone == ([] if name in RULES else ["row(c)"])


def test_softmax_and_average_have_attributes() -> None:
    call = seen(DATA + "c = nn.softmax(d, axis=1); " + ENDS, is_op("qnn.softmax")(None))
    assert (call.attrs.axis, call.args[0].checked_type.dtype) == (1, "int8")
    text = DATA + "c = nn.avg_pool2d(d, pool_size=[2, 2], strides=[2, 2]); " + ENDS
    call = seen(text, is_op("qnn.avg_pool2d")(None))
    assert (call.attrs.pool_size, call.attrs.layout) == ((2, 2), "NCHW")


def test_hardswish_is_five_operators() -> None:
    text = (
        DATA + "a = add(d, 3.0); b = clip(a, 0, 6); m = multiply(d, b); c = divide(m, 6.0); " + ENDS
    )
    pattern = is_op("qnn.hardswish")(*[wildcard() for _ in range(5)])
    assert found(text, [("row", pattern)]) == ["row(d a b m c o)"]
    assert [each.checked_type.dtype for each in seen(text, pattern).args][:2] == ["int8", "float32"]


CONCAT = DATA + 'e = dequantize(p, S, Z, out_dtype="float32"); c = concat((d, e), axis=1); ' + ENDS


@pytest.mark.parametrize(
    "data", [is_tuple(None), is_tuple([wildcard(), wildcard()]), wildcard()], ids=str
)
def test_concatenation_has_tuples_of_scales(data: DFPattern) -> None:
    pattern = is_op("qnn.concatenate")(data, wildcard(), wildcard(), wildcard(), wildcard())
    assert found(CONCAT, [("row", pattern)]) == ["row(d e c o)"]
    call = seen(CONCAT, pattern)
    tensors, scales, zeros, scale, zero = call.args
    assert all(isinstance(each, Tuple) for each in (tensors, scales, zeros))
    assert [each.checked_type.dtype for each in tensors.fields] == ["int8", "int8"]
    assert [float(each.data.numpy()) for each in (*scales.fields, scale)] == [0.5, 0.5, 0.5]
    assert [int(each.data.numpy()) for each in (*zeros.fields, zero)] == [3, 3, 3]
    assert call.attrs.axis == 1


def test_a_tuple_of_another_length_does_not_match() -> None:
    data = is_tuple([wildcard(), wildcard(), wildcard()])
    pattern = is_op("qnn.concatenate")(data, wildcard(), wildcard(), wildcard(), wildcard())
    assert found(CONCAT, [("row", pattern)]) == []


def test_a_transposed_convolution() -> None:
    text = (
        'd = dequantize(u, S, Z, out_dtype="float32"); '
        'k = dequantize(K, S, Z, out_dtype="float32"); c = nn.conv2d_transpose(d, k); ' + ENDS
    )
    product = is_op("qnn.conv2d_transpose")(*[wildcard() for _ in range(6)])
    call = seen(text, requantized(product))
    conv = call.args[0]
    assert (conv.op.name, conv.attrs.out_dtype) == ("qnn.conv2d_transpose", "int32")
    assert (conv.attrs.kernel_size, conv.attrs.kernel_layout) == ((3, 3), "IOHW")
    assert conv.checked_type.dtype == "int32"


@pytest.mark.parametrize("swapped", [True, False])
def test_stacks_are_multiplied_by_swapped_stacks(swapped: bool) -> None:
    turned = "f = permute_dims(e, axes=[0, 2, 1]); c = matmul(d, f); "
    given, product = ("g", turned) if swapped else ("h", "c = matmul(d, e); ")
    text = (
        'd = dequantize(g, S, Z, out_dtype="float32"); '
        f'e = dequantize({given}, S, Z, out_dtype="float32"); '
        f"{product}" + ENDS
    )
    call = seen(text, requantized(is_op("qnn.batch_matmul")(*[wildcard() for _ in range(6)])))
    stacks = call.args[0]
    assert stacks.op.name == "qnn.batch_matmul"
    assert [each.checked_type.shape for each in stacks.args[:2]] == [(2, 3, 4), (2, 3, 4)]
    assert stacks.checked_type.dtype == "int32"
    assert (stacks.attrs.transpose_a, stacks.attrs.transpose_b) == (False, True)


def test_a_mean_of_integers_is_requantised() -> None:
    text = (
        DATA
        + 'c = mean(d, axis=[2, 3], keepdims=True); o = quantize(c, T, Z, out_dtype="int8") -> o'
    )
    pattern = requantized(is_op("mean")(is_op("cast")(wildcard())))
    call = seen(text, pattern)
    mean, scale, zero, out_scale, _ = call.args
    assert (mean.op.name, mean.checked_type.dtype, mean.attrs.axis) == ("mean", "int32", (2, 3))
    assert (mean.args[0].op.name, mean.args[0].args[0].checked_type.dtype) == ("cast", "int8")
    assert [float(each.data.numpy()) for each in (scale, zero, out_scale)] == [0.5, 3.0, 0.25]


def test_padding_of_integers_is_one_operator() -> None:
    text = DATA + "c = nn.pad(d, pad_width=[0, 0, 0, 0, 1, 1, 1, 1]); " + ENDS
    call = seen(text, is_op("nn.pad")(wildcard(), wildcard()))
    assert [each.checked_type.dtype for each in call.args] == ["int8", "int8"]
    assert int(call.args[1].data.numpy()) == 3
    assert call.attrs.pad_width == ((0, 0), (0, 0), (1, 1), (1, 1))
