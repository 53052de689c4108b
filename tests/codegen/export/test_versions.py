"""Nodes of other opsets are said in the one that is written."""

from __future__ import annotations

import numpy as np
import pytest

from byoc.errors import ExportError
from byoc.frontends import import_model
from tests.codegen.export.regions import exported, run, whole
from tests.frontends.models import onnxruntime_outputs, parse

X = {"x": np.random.default_rng(3).standard_normal((1, 2, 4, 4)).astype("float32")}

OLD = {
    "Hardmax 11": (11, "y = Hardmax<axis = 2>(x)"),
    "Upsample 7": (7, 'y = Upsample<mode = "linear", scales = [1.0, 1.0, 2.0, 2.0]>(x)'),
    "Resize 10, linear": (
        10,
        'f = Constant<value = float[4] {1.0, 1.0, 1.5, 0.5}>() y = Resize<mode = "linear">(x, f)',
    ),
    "Resize 10, smaller": (
        10,
        'f = Constant<value = float[4] {1.0, 1.0, 0.6, 0.5}>() y = Resize<mode = "nearest">(x, f)',
    ),
    "GroupNormalization 18": (
        18,
        "v = Constant<value = float[1] {2.0}>() y = GroupNormalization<num_groups = 1>(x, v, v)",
    ),
    "Resize 10, larger": (
        10,
        's = Constant<value = float[4] {1.0, 1.0, 2.0, 2.0}>() y = Resize<mode = "nearest">(x, s)',
    ),
    "Pad 2": (7, 'y = Pad<mode = "reflect", pads = [0, 0, 1, 1, 0, 0, 1, 1]>(x)'),
    "Softmax 11": (11, "y = Softmax<axis = 1>(x)"),
    "ReduceL2 11": (11, "y = ReduceL2<axes = [1], keepdims = 1>(x)"),
    "TopK 1": (9, "y, i = TopK<axis = 3, k = 2>(x)"),
    "BatchNormalization 9": (
        9,
        "v = Constant<value = float[2] {1.0, 2.0}>() y = BatchNormalization(x, v, v, v, v)",
    ),
    "LpPool 2": (9, "y = LpPool<kernel_shape = [2, 2], p = 1>(x)"),
    "Dropout 10": (10, "y = Dropout(x)"),
    "DFT 17": (
        17,
        "a = Constant<value = int64[5] {1, 2, 4, 4, 1}>() r = Reshape(x, a) y = DFT<axis = 1>(r)",
    ),
}


@pytest.mark.parametrize("name", OLD)
@pytest.mark.parametrize("target", [None, 23])
def test_old_nodes_are_converted(name, target):
    opset, body = OLD[name]
    model = parse(f"g (float[1, 2, 4, 4] x) => (float[a, b, c, d] y) {{ {body} }}", opset)
    made = exported(import_model(model), target)
    assert made.opset_import[0].version == (target or 21)
    (result,) = run(made, {made.graph.input[0].name: X["x"]})
    (expected,) = onnxruntime_outputs(model, X)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_an_upsample_of_computed_scales_enlarges():
    text = "g (float[1, 2, 4, 4] x, float[4] s) => (float[a, b, c, d] y) { y = Upsample(x, s) }"
    feeds = X | {"s": np.array([1, 1, 2, 3], "float32")}
    made, model = exported(import_model(parse(text, 9))), parse(text, 9)
    (result,) = run(made, feeds)
    np.testing.assert_array_equal(result, onnxruntime_outputs(model, feeds)[0])


def test_recurrent_nodes_of_old_models_are_converted():
    weights = ", ".join(["0.1"] * 32)
    model = parse(
        f"""g (float[3, 1, 4] x) => (float[3, 1, 1, 2] y)
            <float[1, 8, 4] w = {{{weights}}}, float[1, 8, 2] r = {{{weights[: 3 * 16 + 2 * 15]}}}> {{
              y = LSTM<hidden_size = 2>(x, w, r)
            }}""",
        9,
    )
    feeds = {"x": np.ones((3, 1, 4), "float32")}
    (result,) = run(exported(import_model(model)), feeds)
    np.testing.assert_allclose(result, onnxruntime_outputs(model, feeds)[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("opset", "body", "why"),
    [
        (
            8,
            "y = Scan<num_scan_inputs = 1, body = b (float[2, 4, 4] i) => (float[2, 4, 4] o) { o = Neg(i) }>(, x)",
            "Scan had a batch dimension",
        ),
        (
            10,
            'f = Constant<value = float[4] {1.0, 1.0, 1.5, 0.5}>() y = Resize<mode = "nearest">(x, f)',
            "whether Resize enlarges or shrinks",
        ),
    ],
)
def test_what_the_converter_would_change_is_refused(opset, body, why):
    model = parse(f"g (float[1, 2, 4, 4] x) => (float[a, b, c, d] y) {{ {body} }}", opset)
    with pytest.raises(ExportError, match=f"'y'.*cannot be said in opset 21: {why}"):
        exported(import_model(model))


def test_the_opset_rises_where_an_operator_needs_it():
    model = import_model(parse("g (float[2, 3] x) => (float[2, 3] y) { y = Swish(x) }", 24))
    assert exported(model).opset_import[0].version == 24
    with pytest.raises(
        ExportError, match="'y': ONNX opset 17 has no word for it: Swish is that of opset 24"
    ):
        whole(model).to_onnx(17)


def test_a_newer_form_goes_back_where_it_means_the_same():
    model = import_model(parse("g (float[2, 3] x) => (float[2, 3] y) { y = HardSigmoid(x) }", 22))
    made = exported(model, 13)
    assert made.opset_import[0].version == 13
    assert made.ir_version == 7


@pytest.mark.parametrize("opset", [12, 99])
def test_an_opset_that_byoc_does_not_write_is_refused(opset):
    region = whole(import_model(parse("g (float[2] x) => (float[2] y) { y = Relu(x) }")))
    with pytest.raises(ExportError, match=rf"opset {opset}; byoc writes 13 to \d\d"):
        region.to_onnx(opset)
