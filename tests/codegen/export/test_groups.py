"""ONNX nodes that import took apart, or left to the host, come back as they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from byoc.errors import ExportError
from byoc.frontends import import_model
from tests.codegen.export.regions import exported, run, whole
from tests.frontends.models import onnxruntime_outputs, parse


def names(made):
    return [(node.op_type, node.name) for node in made.graph.node]


def comes_back(body, feeds, opset=17, **options):
    """The model written again, the same in onnxruntime."""
    model = parse(body, opset)
    made = exported(import_model(model, **options))
    inputs = [each.name for each in made.graph.input]
    results = run(made, dict(zip(inputs, feeds.values(), strict=True)))
    for ours, theirs in zip(results, onnxruntime_outputs(model, feeds), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    return made


X = {"x": np.random.default_rng(3).standard_normal((2, 6, 4)).astype("float32")}


@pytest.mark.parametrize(
    ("body", "op"),
    [
        ("y = HardSwish(x)", "HardSwish"),
        ("y = Elu<alpha = 0.5>(x)", "Elu"),
        ('y = Einsum<equation = "bij,bkj->bik">(x, x)', "Einsum"),
        ("y = LpNormalization<axis = 1, p = 1>(x)", "LpNormalization"),
        ("y = ReduceLogSumExp<axes = [1]>(x)", "ReduceLogSumExp"),
    ],
)
def test_a_node_of_several_calls_is_one_again(body, op):
    made = comes_back(f"g (float[2, 6, 4] x) => (float[a, b, c] y) {{ {body} }}", X)
    assert [name for name, _ in names(made)] == [op]


def test_a_node_is_named_as_in_the_model():
    made = comes_back("g (float[2, 6, 4] x) => (float[2, 6, 4] y) { [second] y = HardSwish(x) }", X)
    assert names(made) == [("HardSwish", "second")]


def test_a_group_that_leaks_is_written_call_by_call():
    region = whole(
        import_model(parse("g (float[2, 6, 4] x) => (float[2, 6, 4] y) { y = HardSwish(x) }"))
    )
    (group,) = region.groups
    lost = replace(region, groups=(replace(group, outputs=("",)),))
    made = lost.to_onnx()
    assert "HardSwish" not in [node.op_type for node in made.graph.node]
    (result,) = run(made, {made.graph.input[0].name: X["x"]})
    (expected,) = run(region.to_onnx(), {made.graph.input[0].name: X["x"]})
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_a_group_of_unknown_opset_is_written_call_by_call():
    region = whole(
        import_model(parse("g (float[2, 6, 4] x) => (float[2, 6, 4] y) { y = HardSwish(x) }"))
    )
    unknown = replace(region, groups=tuple(replace(each, opset=0) for each in region.groups))
    assert "HardSwish" not in [node.op_type for node in unknown.to_onnx().graph.node]


def test_a_quantised_bias_stays_a_vector():
    made = comes_back(
        """g (float[1, 2, 3, 3] x) => (float[1, 2, 3, 3] y)
           <int8[2, 2, 1, 1] w = {1, 2, 3, 4}, float scale = {0.5}, int8 zero = {0}, int32[2] b = {5, 6}> {
             weight = DequantizeLinear(w, scale, zero)
             bias = DequantizeLinear(b, scale)
             y = Conv(x, weight, bias)
           }""",
        {"x": np.ones((1, 2, 3, 3), "float32")},
    )
    assert [op for op, _ in names(made)] == ["DequantizeLinear", "DequantizeLinear", "Conv"]


def test_a_host_call_is_its_node_again():
    weights, recurrent = ", ".join(["0.1"] * 32), ", ".join(["0.2"] * 16)
    model = import_model(
        parse(
            f"""g (float[3, 1, 4] x) => (float[3, 1, 1, 2] y, float[1, 1, 2] h)
                <float[1, 8, 4] w = {{{weights}}}, float[1, 8, 2] r = {{{recurrent}}}> {{
                  [memory] y, h = LSTM<hidden_size = 2>(x, w, r)
                }}"""
        )
    )
    made = exported(model)
    assert names(made) == [("LSTM", "memory")]
    assert [each.name for each in made.graph.output] == ["y", "h"]
    without = replace(whole(model), host_nodes={})
    assert names(without.to_onnx()) == [("LSTM", "memory")]


def test_control_flow_reads_what_is_outside():
    made = comes_back(
        """g (float[2, 6, 4] x, bool flag) => (float[a, b, c] y) {
             twice = Add(x, x)
             y = If(flag) <
               then_branch = yes () => (float[a, b, c] y) { z = Relu(twice)  y = Neg(z) },
               else_branch = no () => (float[a, b, c] y) { z = Abs(x)  y = Add(z, twice) }
             >
           }""",
        {**X, "flag": np.array(False)},
    )
    assert [op for op, _ in names(made)] == ["Add", "If"]


def test_a_packed_function_without_a_node_is_refused():
    model = import_model(parse("g (float[2, 2, 2] x) => (float[2] y) { y = Det(x) }"))
    lost = replace(whole(model), host_nodes={}, groups=())
    with pytest.raises(ExportError, match="packed function"):
        lost.to_onnx()
