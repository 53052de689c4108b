"""Binding of shapes."""

from __future__ import annotations

import pytest

from byoc.errors import UsageError
from byoc.frontends import import_model
from byoc.frontends.onnx.types import plain_dim
from tests.frontends.models import parse

MODEL = "g (float[batch,3,size] x, float[3,1] y) => (float[batch,3,size] z) { z = Add(x, y) }"


def shape(model, index=0):
    return [str(plain_dim(dim)) for dim in model.module["main"].params[index].ty.shape.values]


def test_symbols_stay_symbols():
    assert shape(import_model(parse(MODEL))) == ["batch", "3", "size"]


def test_a_whole_shape():
    assert shape(import_model(parse(MODEL), shapes={"x": (2, 3, 5)})) == ["2", "3", "5"]


def test_a_dimension_by_name():
    assert shape(import_model(parse(MODEL), dims={"batch": 4})) == ["4", "3", "size"]


def test_bound_shapes_reach_the_result():
    result = import_model(parse(MODEL), shapes={"x": (2, 3, 5)}).module["main"].ret_ty
    assert [int(dim) for dim in result.shape.values] == [2, 3, 5]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shapes": {"xx": (1,)}}, r"no input 'xx'; did you mean 'x'"),
        ({"shapes": {"x": (1, 3)}}, "3 dimensions"),
        ({"shapes": {"x": (1, 4, 5)}}, "fixes it at 3"),
        ({"shapes": {"x": (0, 3, 5)}}, "at least 1"),
        ({"dims": {"bach": 1}}, r"no symbolic dimension 'bach'; did you mean 'batch'"),
        ({"dims": {"batch": 0}}, "at least 1"),
        ({"shapes": {"x": (2, 3, 5)}, "dims": {"batch": 3}}, "fixes it at 3"),
    ],
)
def test_what_does_not_fit(given, message):
    with pytest.raises(UsageError, match=message):
        import_model(parse(MODEL), **given)


def test_a_question_mark_names_no_dimension():
    model = parse("g (float[N,M] x) => (float[N,M] y) { y = Relu(x) }")
    for dim in model.graph.input[0].type.tensor_type.shape.dim:
        dim.dim_param = "?"
    first, second = shape(import_model(model))
    assert first != second


def test_minus_one_is_an_unknown_dimension():
    model = parse("g (float[N,2] x) => (float[N,2] y) { y = Relu(x) }")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    assert shape(import_model(model))[0] == "d0"
