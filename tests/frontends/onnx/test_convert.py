"""Converters of byoc's own in cases that ONNX's node tests leave out: old opsets, symbolic dims."""

from __future__ import annotations

import numpy as np
import pytest

from byoc.frontends import import_model
from tests.frontends.models import add_weight, agrees, ops, parse

RANDOM = np.random.default_rng(2)


def floats(*shape):
    return RANDOM.standard_normal(shape).astype("float32")


@pytest.mark.parametrize(
    ("opset", "node", "called"),
    [
        (7, "Clip<min = -0.5, max = 0.5>(x)", ["clip"]),
        (7, "Dropout<ratio = 0.5>(x)", []),
        (9, "Slice<starts = [0, 1], ends = [9, -1], axes = [0, 2]>(x)", ["strided_slice"]),
        (7, "Pad<pads = [0, 0, 1, 1, 0, 0, 2, 0], value = 2.0>(x)", ["nn.pad"]),
        (7, "Unsqueeze<axes = [0, 5]>(x)", ["expand_dims"]),
        (7, "ReduceMean<axes = [2, 3], keepdims = 0>(x)", ["mean"]),
        (7, 'Upsample<mode = "nearest", scales = [1.0, 1.0, 2.0, 3.0]>(x)', ["image.resize2d"]),
        (11, "Flatten<axis = -2>(x)", ["reshape"]),
        (13, "Softmax(x)", ["nn.softmax"]),
    ],
)
def test_old_forms_agree_with_onnxruntime(opset, node, called):
    proto = parse(f"g (float[1,3,4,5] x) => (float y) {{ y = {node} }}", opset=opset)
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    assert ops(agrees(proto, {"x": floats(1, 3, 4, 5)})) == called


def test_softmax_before_opset_13_covers_all_trailing_dims():
    proto = parse("g (float[2,3,4] x) => (float[2,3,4] y) { y = Softmax(x) }", opset=11)
    assert ops(agrees(proto, {"x": floats(2, 3, 4)})) == ["reshape", "nn.softmax", "reshape"]


@pytest.mark.parametrize(("low", "high"), [(None, 1.0), (-1.0, None), (None, None), (1.0, -1.0)])
def test_clip_with_bounds_missing_or_crossed(low, high):
    names = ["x", "lo" if low is not None else "", "hi" if high is not None else ""]
    proto = parse("g (float[9] x) => (float[9] y) { y = Clip(x) }")
    proto.graph.node[0].input[:] = names
    for name, bound in (("lo", low), ("hi", high)):
        if bound is not None:
            add_weight(proto, name, np.float32(bound))
    agrees(proto, {"x": 3 * floats(9)})


def test_clip_with_computed_bounds():
    proto = parse("g (float[9] x, float lo, float hi) => (float[9] y) { y = Clip(x, lo, hi) }")
    feeds = {"x": 3 * floats(9), "lo": np.float32(-1), "hi": np.float32(1)}
    assert ops(agrees(proto, {name: np.asarray(each) for name, each in feeds.items()})) == [
        "maximum",
        "minimum",
    ]


def test_negative_indices_of_gather():
    proto = parse("g (float[5,3] x, int64[2] i) => (float[2,3] y) { y = Gather(x, i) }")
    model = agrees(proto, {"x": floats(5, 3), "i": np.array([-1, 2])})
    assert ops(model) == ["take"]


def test_gelu_stays_one_call_and_layer_norm_too():
    proto = parse(
        """g (float[2,4] x) => (float[2,4] y) {
            n = LayerNormalization(x, s, b)
            y = Gelu(n)
        }""",
        opset=20,
    )
    add_weight(add_weight(proto, "s", floats(4)), "b", floats(4))
    model = agrees(proto, {"x": floats(2, 4)})
    assert ops(model) == ["nn.layer_norm", "nn.gelu"]
    assert [group.op for group in model.groups["main"]] == ["onnx.LayerNormalization", "onnx.Gelu"]


def test_gemm_with_a_transposed_weight_has_a_constant_weight():
    proto = parse(
        "g (float[2,3] x) => (float[2,4] y) { y = Gemm<transB = 1, alpha = 0.5>(x, w, b) }"
    )
    add_weight(add_weight(proto, "w", floats(4, 3)), "b", floats(4))
    assert "permute_dims" not in ops(agrees(proto, {"x": floats(2, 3)}))


def test_a_stated_output_shape_of_a_transposed_convolution_runs_on_the_host():
    proto = parse(
        """g (float[1,2,H,W] x) => (float[1,2,9,9] y) {
            y = ConvTranspose<strides = [2,2], output_shape = [9,9]>(x, w)
        }"""
    )
    model = import_model(add_weight(proto, "w", floats(2, 2, 3, 3)))
    assert ops(model) == ["host"]
