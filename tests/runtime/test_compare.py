"""The error figures: exact where they can be, never hiding a NaN."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper

from byoc.errors import InputError, ModelError, UsageError
from byoc.runtime.compare import compare, reference_outputs, reference_words, tensor_error, within
from byoc.runtime.reference import Reference

FINITE = st.floats(-(2.0**100), 2.0**100, width=32)
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
DTYPES = ["float16", "float32", "float64", "int8", "uint8", "int64", "uint64", "bool"]


@given(st.sampled_from(DTYPES).flatmap(lambda name: arrays.arrays(name, SHAPES)))
def test_a_tensor_equals_itself_nan_and_all(array: Any) -> None:
    error = tensor_error("y", array, array.copy())
    assert (error.max_abs, error.max_rel, error.max_elementwise, error.differing) == (0, 0, 0, 0)
    assert error.snr_db == math.inf
    assert error.elements == array.size


@given(
    arrays.arrays("float32", (7,), elements=FINITE), arrays.arrays("float32", 7, elements=FINITE)
)
def test_the_figures_are_those_of_their_definitions(array: Any, expected: Any) -> None:
    error = tensor_error("y", array, expected)
    a, b = array.astype(np.longdouble), expected.astype(np.longdouble)
    distance = abs(a - b)
    assert error.max_abs == pytest.approx(float(distance.max()))
    if (b == 0).all() or (a == b).all():
        return
    assert error.max_rel == pytest.approx(float(distance.max() / abs(b).max()))
    nonzero = b != 0
    assert error.max_elementwise == pytest.approx(
        float((distance[nonzero] / abs(b)[nonzero]).max())
    )
    snr = 10 * np.log10((b**2).sum() / (distance**2).sum())
    assert error.snr_db == pytest.approx(float(snr), abs=1e-6)


@given(arrays.arrays("int64", 3), arrays.arrays("int64", 3))
def test_integers_differ_exactly(array: Any, expected: Any) -> None:
    error = tensor_error("y", array, expected)
    exact = max(abs(int(a) - int(b)) for a, b in zip(array, expected, strict=True))
    assert error.max_abs == float(exact)
    assert error.differing == sum(int(a) != int(b) for a, b in zip(array, expected, strict=True))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_infinitely_wrong(bad: float) -> None:
    for pair in ([1, bad], [1, 2]), ([1, 2], [1, bad]), ([1, bad], [1, 0]):
        error = tensor_error("y", *(np.array(each, "float32") for each in pair))
        assert (error.max_abs, error.max_rel, error.snr_db) == (np.inf, np.inf, -np.inf)
        assert error.differing == 1
        assert not within([error], 1e9)
    same = tensor_error("y", np.array([bad, 1.5]), np.array([bad, 1.0]))
    assert (same.max_abs, same.max_rel) == (0.5, 0.5)


def test_a_reference_of_zeros() -> None:
    error = tensor_error("y", np.array([0.0, 1e-9]), np.zeros(2))
    assert (error.max_abs, error.max_rel, error.snr_db) == (1e-9, np.inf, -np.inf)


def test_the_largest_numbers_raise_no_warning() -> None:
    error = tensor_error("y", np.array([1e308, 1.0]), np.array([-1e308, 5e-324]))
    assert error.max_abs == np.inf
    error = tensor_error("y", np.array([1e300, 1.0]), np.array([1e-300, 1.0]))
    assert (error.max_rel, error.max_elementwise) == (1e300, np.inf)
    assert error.snr_db == pytest.approx(-6000)


def test_other_shapes_and_dtypes_have_words() -> None:
    error = tensor_error("y", np.zeros((2, 1), "float32"), np.zeros(2, "float64"))
    assert error.words == "float32 of shape [2, 1], the reference is float64 of shape [2]"
    assert not within([error], np.finfo(float).max)


def test_small_dtypes_of_ml_dtypes() -> None:
    import ml_dtypes

    array = np.array([1, 2], ml_dtypes.bfloat16)
    assert tensor_error("y", array, array).max_abs == 0
    assert tensor_error("y", array, array * ml_dtypes.bfloat16(2)).max_rel == 0.5


def test_outputs_are_compared_by_name() -> None:
    one, two = np.ones(2), np.full(2, 2.0)
    errors = compare({"b": two, "a": one}, {"a": one, "b": one, "c": one})
    assert [(each.name, each.max_abs) for each in errors] == [("b", 1.0), ("a", 0.0)]
    with pytest.raises(UsageError, match="the reference has no output 'probs'; did you mean"):
        compare({"probs": one}, {"prob": one})


@pytest.fixture
def model(tmp_path: Path) -> str:
    pytest.importorskip("onnxruntime")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])
    nodes = [helper.make_node("Abs", ["x"], ["a"]), helper.make_node("Add", ["a", "a"], ["y"])]
    graph = helper.make_graph(nodes, "g", [x], [y])
    path = tmp_path / "model.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path
    )
    return str(path)


def test_the_reference_gives_outputs_and_inner_values(model: str) -> None:
    given = {"x": np.array([[-1, 2]], "float32")}
    assert reference_outputs(model, given)["y"].tolist() == [[2, 4]]
    found = Reference(model, ["a"]).run(given)
    assert {name: each.tolist() for name, each in found.items()} == {"y": [[2, 4]], "a": [[1, 2]]}
    assert reference_words(model).startswith(f"{model} in onnxruntime 1.")


def test_a_foreign_byte_order_is_the_same_input(model: str) -> None:
    given = np.arange(6, dtype="float32").reshape(3, 2)
    expected, found = (Reference(model).run({"x": each}) for each in (given, given.astype(">f4")))
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_wrong_models_and_inputs_are_told(model: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no input 'X'; did you mean 'x'"):
        reference_outputs(model, {"X": np.zeros((1, 2), "float32")})
    with pytest.raises(InputError, match="onnxruntime cannot run"):
        reference_outputs(model, {"x": np.zeros((1, 2), "float64")})
    with pytest.raises(ModelError, match="there is no model"):
        reference_outputs(str(tmp_path / "none.onnx"), {})
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    for inner in ((), ("a",)):
        with pytest.raises(ModelError, match=r"bad\.onnx"):
            Reference(str(tmp_path / "bad.onnx"), inner)
    with pytest.raises(UsageError, match="no zoo model"):
        Reference("zoo:resnet5000")
