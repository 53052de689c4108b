"""Symbolic dimensions stay symbolic, and shapes that the run computes are computed in ONNX."""

from __future__ import annotations

import numpy as np
import pytest
from tvm import relax, tirx

from byoc.errors import ExportError
from byoc.frontends import from_module, import_model
from byoc.region import Region
from byoc.testing.run import run_model
from tests.codegen.export.regions import exported, run, whole
from tests.frontends.models import parse

op = relax.op


def function(params, body):
    """`main` of one dataflow block; `body` is given the builder and the parameters."""
    builder = relax.BlockBuilder()
    with builder.function("main", params):
        with builder.dataflow():
            result = builder.emit_output(body(builder, *params))
        builder.emit_func_output(result)
    return from_module(builder.finalize(), "program")


def n(name="n"):
    return tirx.Var(name, "int64")


def agree(model, made, *arrays):
    names = [param.name for param in model.module["main"].params]
    feeds = dict(zip(names, arrays, strict=True))
    for ours, theirs in zip(run(made, feeds), run_model(model, feeds), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_a_dimension_keeps_its_name():
    dim = n("batch")
    x = relax.Var("x", relax.TensorType([dim, 4], "float32"))
    made = exported(function([x], lambda builder, x: op.exp(x)))
    for each in (*made.graph.input, *made.graph.output):
        assert [dim.dim_param or dim.dim_value for dim in each.type.tensor_type.shape.dim] == [
            "batch",
            4,
        ]


def test_dimensions_of_one_name_are_told_apart():
    x = relax.Var("x", relax.TensorType([n("d"), 4], "float32"))
    y = relax.Var("y", relax.TensorType([n("d"), 4], "float32"))
    made = exported(function([x, y], lambda builder, x, y: op.concat((x, y), 0)))
    names = [each.type.tensor_type.shape.dim[0].dim_param for each in made.graph.input]
    assert names == ["d", "d_1"]


@pytest.mark.parametrize("opset", [13, 21])
@pytest.mark.parametrize(
    "target",
    [
        lambda a, b: [a, 6],
        lambda a, b: [b, a, 3],
        lambda a, b: [a * 6 // 2, 2 * tirx.floordiv(b, 2)],
        lambda a, b: [
            tirx.max(a, b) - tirx.min(a, b) + tirx.min(a, b),
            a * b * 3 // tirx.max(a, b),
        ],
        lambda a, b: [a * b - tirx.floormod(a, 1), 3],
        lambda a, b: [3 * a * b + 0 * tirx.floordiv(0 - a, 3), 1],
    ],
)
def test_a_reshape_computes_its_shape(target, opset):
    a, b = n("a"), n("b")
    x = relax.Var("x", relax.TensorType([a, b, 3], "float32"))
    model = function([x], lambda builder, x: op.reshape(x, relax.ShapeExpr(target(a, b))))
    made = exported(model, opset)
    agree(model, made, np.random.default_rng(0).random((5, 2, 3)).astype("float32"))


def test_a_dim_that_stays_in_its_place_is_copied():
    dim = n()
    x = relax.Var("x", relax.TensorType([dim, 4, 3], "float32"))
    model = function([x], lambda builder, x: op.reshape(x, relax.ShapeExpr([dim, 12])))
    made = exported(model)
    (node,) = made.graph.node
    (shape,) = made.graph.initializer
    assert (node.op_type, list(np.frombuffer(shape.raw_data, "int64"))) == ("Reshape", [0, 12])


@pytest.mark.parametrize("extent", [1, 5])
def test_shapes_become_tensors(extent):
    dim = n()
    x = relax.Var("x", relax.TensorType([dim, 4], "float32"))

    def body(builder, x):
        shape = builder.emit(op.shape_to_tensor(builder.emit(op.shape_of(x))))
        line = builder.emit(op.broadcast_to(op.reshape(shape, (1, 2)), relax.ShapeExpr([dim, 2])))
        return relax.Tuple([line, builder.emit(op.zeros(relax.ShapeExpr([dim + 1]), "float32"))])

    model = function([x], body)
    agree(model, exported(model), np.ones((extent, 4), "float32"))


def test_a_shape_may_be_a_parameter():
    dim, other = n(), n("m")
    x = relax.Var("x", relax.TensorType([12], "float32"))
    shape = relax.Var("shape", relax.ShapeType([dim, other]))
    made = exported(
        function([x, shape], lambda builder, x, shape: op.reshape(x, relax.ShapeExpr([dim, other])))
    )
    (result,) = run(made, {"x": np.arange(12, dtype="float32"), "shape": np.array([3, 4])})
    assert result.shape == (3, 4)


def test_a_tensor_may_be_a_shape():
    dim, other = n(), n("m")
    x = relax.Var("x", relax.TensorType([12], "float32"))
    tensor = relax.Var("tensor", relax.TensorType([2], "int64"))

    def body(builder, x, tensor):
        loose = builder.emit(op.tensor_to_shape(tensor))
        builder.match_cast(loose, relax.ShapeType([dim, other]))
        return op.reshape(x, relax.ShapeExpr([dim, other]))

    made = exported(function([x, tensor], body))
    (result,) = run(made, {"x": np.arange(12, dtype="float32"), "tensor": np.array([3, 4])})
    assert result.shape == (3, 4)


def test_a_scalar_may_be_a_dimension():
    dim = n("count")
    x = relax.Var("x", relax.TensorType([1, 4], "float32"))
    made = exported(
        function(
            [x, dim], lambda builder, x, count: op.broadcast_to(x, relax.ShapeExpr([count, 4]))
        )
    )
    (result,) = run(made, {"x": np.ones((1, 4), "float32"), "count": np.array(3)})
    assert result.shape == (3, 4)


def test_a_cast_names_dimensions_that_later_ops_use():
    model = import_model(
        parse(
            """g (float[n] x) => (int64[?, ?] y) {
                 zero = Constant<value = float {0}>()
                 positive = Greater(x, zero)
                 found = NonZero(positive)
                 length = Shape(found)
                 y = Expand(found, length)
               }"""
        )
    )
    made = exported(model)
    (result,) = run(made, {made.graph.input[0].name: np.array([1, -1, 2], "float32")})
    assert result.tolist() == [[0, 2]]


def test_a_dimension_that_nothing_has_is_refused():
    dim = n("lost")
    x = relax.Var("x", relax.TensorType([1, 4], "float32"))
    model = function(
        [x, dim], lambda builder, x, count: op.broadcast_to(x, relax.ShapeExpr([count, 4]))
    )
    old = whole(model)
    bare = relax.Function([old.function.params[0]], old.function.body, old.function.ret_ty)
    with pytest.raises(ExportError, match="dimension lost"):
        Region("npu", "", bare).to_onnx()
