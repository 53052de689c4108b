"""Names, bytes, dtypes and refusals of an exported region."""

from __future__ import annotations

import pickle

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from tvm import relax, tirx

from byoc.codegen.export import _writer
from byoc.errors import ExportError
from byoc.frontends import from_module, import_model
from byoc.testing.run import run_model
from tests.codegen.export.regions import exported, run, whole
from tests.codegen.export.test_symbolic import function
from tests.frontends.models import add_weight, parse

op = relax.op


def tensor(name, shape=(2, 3), dtype="float32"):
    return relax.Var(name, relax.TensorType(list(shape), dtype))


def test_names_are_those_of_the_function():
    made = exported(
        function(
            [tensor("left"), tensor("right")],
            lambda builder, x, y: builder.emit(op.add(x, y), "sum"),
        )
    )
    assert [each.name for each in made.graph.input] == ["left", "right"]
    assert [each.name for each in made.graph.output] == ["sum"]


def test_results_that_are_inputs_constants_or_twice_the_same():
    constant = relax.const(np.array([1.5], "float32"))

    def body(builder, x):
        twice = builder.emit(op.add(x, x), "twice")
        return relax.Tuple([x, twice, twice, builder.emit(constant, "fixed")])

    made = exported(function([tensor("x")], body))
    names = [each.name for each in made.graph.output]
    assert len(set(names)) == 4
    assert names[1] == "twice"
    results = run(made, {"x": np.ones((2, 3), "float32")})
    assert [float(each.reshape(-1)[0]) for each in results] == [1, 2, 2, 1.5]


def test_a_region_without_ops_passes_its_input_on():
    made = exported(function([tensor("x")], lambda builder, x: x))
    assert [node.op_type for node in made.graph.node] == ["Identity"]


def test_constants_are_named_after_their_reader_and_written_once():
    weight = relax.const(np.ones((3, 400), "float32"))

    def body(builder, x):
        first = builder.emit(op.matmul(x, weight), "first")
        return builder.emit(op.add(first, op.matmul(x, weight)), "second")

    made = exported(function([tensor("x")], body))
    assert [each.name for each in made.graph.initializer] == ["first_x2"]
    assert all(each.raw_data for each in made.graph.initializer)


def test_the_same_region_gives_the_same_bytes_after_a_journey():
    text = "g (float[n, 4] x) => (float[n, 4] y) { a = HardSwish(x) b = Softmax(a) y = Add(a, b) }"
    region = whole(import_model(parse(text)))
    travelled = pickle.loads(pickle.dumps(region))
    first, second = (
        each.to_onnx().SerializeToString(deterministic=True) for each in (region, travelled)
    )
    assert first == second


@pytest.mark.parametrize(
    "dtype", ["float16", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"]
)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_dtypes_and_shapes_of_constants(dtype, shape):
    constant = relax.const(np.full(shape, 3, dtype), dtype)
    made = exported(function([tensor("x", shape, dtype)], lambda builder, x: op.add(x, constant)))
    (stored,) = made.graph.initializer
    assert (numpy_helper.to_array(stored).dtype, tuple(stored.dims)) == (np.dtype(dtype), shape)


@pytest.mark.parametrize(
    ("dtype", "element"),
    [
        ("bfloat16", TensorProto.BFLOAT16),
        ("float8_e4m3fn", TensorProto.FLOAT8E4M3FN),
        ("float8_e5m2", TensorProto.FLOAT8E5M2),
    ],
)
def test_small_floats_keep_their_bits(dtype, element):
    array = np.array([0.5, -2, 1], getattr(ml_dtypes, dtype))
    constant = relax.const(array)
    made = exported(function([tensor("x")], lambda builder, x: relax.Tuple([x, constant])))
    (stored,) = made.graph.initializer
    assert stored.data_type == element
    assert numpy_helper.to_array(stored).tobytes() == array.tobytes()


def test_text_and_packed_numbers_of_host_nodes_survive():
    text = """g (float[4] x) => (float[4] y) <float scale = {0.5}> {
                wide = DequantizeLinear(w, scale) y = Mul(x, wide)
              }"""
    model = add_weight(parse(text, 21), "w", np.array([1, -2, 3, -4], ml_dtypes.int4))
    made = exported(import_model(model))
    (result,) = run(made, {made.graph.input[0].name: np.ones(4, "float32")})
    assert result.tolist() == [0.5, -1, 1.5, -2]


def test_an_older_opset_takes_fewer_dtypes():
    model = function([tensor("x", dtype="int8")], lambda builder, x: op.nn.relu(x))
    assert exported(model).opset_import[0].version == 21
    with pytest.raises(ExportError, match="Relu takes int8 from opset 14 on"):
        whole(model).to_onnx(13)


def test_a_dtype_that_no_opset_takes_is_refused_with_op_and_node():
    model = function(
        [tensor("x", dtype="bool")], lambda builder, x: builder.emit(op.less(x, x), "order")
    )
    with pytest.raises(ExportError, match="'order': ONNX's Less does not take bool"):
        whole(model).to_onnx()


def test_an_op_without_a_form_is_refused():
    model = function([tensor("x")], lambda builder, x: builder.emit(op.atan2(x, x), "angle"))
    with pytest.raises(ExportError, match="'angle': atan2 has no form in ONNX"):
        whole(model).to_onnx()


def test_a_form_without_a_word_is_refused():
    def body(builder, x):
        return builder.emit(op.nn.adaptive_avg_pool2d(x, (3, 3)), "pooled")

    model = function([tensor("x", (1, 2, 8, 8))], body)
    with pytest.raises(
        ExportError,
        match=r"'pooled': nn\.adaptive_avg_pool2d has no form in ONNX here: its windows",
    ):
        whole(model).to_onnx()


def test_a_tuple_parameter_is_refused():
    pair = relax.Var("pair", relax.TupleType([relax.TensorType([2], "float32")] * 2))
    model = function([pair], lambda builder, pair: builder.emit(relax.TupleGetItem(pair, 0)))
    with pytest.raises(ExportError, match="'pair' of the region is"):
        whole(model).to_onnx()


def test_constants_beyond_one_message_are_refused(monkeypatch):
    monkeypatch.setattr(_writer, "LIMIT", 1 << 20)
    weight = relax.const(np.zeros((600, 500), "float32"))
    model = function([tensor("x", (1, 600))], lambda builder, x: op.matmul(x, weight))
    with pytest.raises(ExportError, match=r"1,200,000 bytes and more; .* holds 1,048,576"):
        whole(model).to_onnx()


def test_nested_tuples_come_out_flat():
    def body(builder, x):
        halves = builder.emit(op.split(x, 3, 1), "halves")
        return relax.Tuple([relax.Tuple([x, builder.emit(op.exp(x), "e")]), halves])

    made = exported(function([tensor("x")], body))
    assert len(made.graph.output) == 5
    onnx.checker.check_model(made, full_check=True)


def test_a_call_of_a_function_is_refused():
    builder = relax.BlockBuilder()
    inner, x = tensor("inner"), tensor("x")
    with builder.function("helper", [inner], private=True):
        builder.emit_func_output(inner)
    helper = builder.get().get_global_var("helper")
    with builder.function("main", [x]):
        with builder.dataflow():
            output = builder.emit_output(relax.Call(helper, [x]))
        builder.emit_func_output(output)
    model = from_module(builder.finalize(), "program")
    with pytest.raises(ExportError, match="a call of the function 'helper'"):
        whole(model).to_onnx()


def test_a_symbolic_bound_of_clip_is_refused():
    model = function(
        [tensor("x"), tirx.Var("n", "int64")],
        lambda builder, x, bound: builder.emit(op.clip(x, 0, bound), "cut"),
    )
    with pytest.raises(
        ExportError, match="'cut': clip has no form in ONNX here: a bound is symbolic"
    ):
        whole(model).to_onnx()


def test_a_multi_output_region_agrees_with_tvm():
    def body(builder, x):
        normal = builder.emit(op.nn.softmax(x))
        return relax.Tuple([normal, builder.emit(op.sum(normal, axis=[0]))])

    model = function([tensor("x")], body)
    feeds = {"x": np.random.default_rng(1).random((2, 3)).astype("float32")}
    for ours, theirs in zip(run(exported(model), feeds), run_model(model, feeds), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
