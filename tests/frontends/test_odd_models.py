"""Models at the edge of what ONNX allows import to what onnxruntime computes; beyond it they are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from byoc.errors import ModelError
from byoc.frontends import import_model
from tests.frontends.models import agrees, ops, parse

X = np.random.default_rng(0).standard_normal(2).astype("float32")


def model(body: str) -> onnx.ModelProto:
    """A model of one input x and one output y, both float[2]."""
    return parse(f"g (float[2] x) => (float[2] y) {body}")


def branch(op: str, weight: list[float]) -> onnx.GraphProto:
    """A branch whose names are those of every other branch."""
    node = helper.make_node(op, ["x", "w"], ["t"], "inner")
    output = helper.make_tensor_value_info("t", TensorProto.FLOAT, [2])
    return helper.make_graph(
        [node], "b", [], [output], [numpy_helper.from_array(np.float32(weight), "w")]
    )


def test_branches_that_use_the_same_names_stay_apart() -> None:
    given = model(
        "<bool c = {1}, bool d = {0}> { r = Identity (x) s = Identity (x) y = Add (r, s) }"
    )
    for index, (out, condition, weight) in enumerate([("r", "c", [1, 1]), ("s", "d", [2, 3])]):
        given.graph.node[index].CopyFrom(
            helper.make_node(
                "If",
                [condition],
                [out],
                then_branch=branch("Add", weight),
                else_branch=branch("Mul", weight),
            )
        )
    assert ops(agrees(given, {"x": X})) == ["add", "multiply", "add"]


@pytest.mark.parametrize(
    "body",
    [
        "<float[2] w = {1, 2}> { y = Identity (w) }",
        "{ a = Relu (x) b = Sigmoid (a) y = Add (a, b) }",
        "{ a = Shape (x) b = ConstantOfShape (a) y = Add (x, b) }",
    ],
)
def test_plain_oddities(body: str) -> None:
    agrees(model(body), {"x": X})


def test_no_nodes() -> None:
    agrees(parse("g (float[2] x) => (float[2] x) { }"), {"x": X})


def test_a_sparse_constant_is_a_constant() -> None:
    given = model("{ w = Constant <value_float = 0.0> () y = Mul (x, w) }")
    values = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.5])
    indices = helper.make_tensor("i", TensorProto.INT64, [1], [1])
    sparse = helper.make_sparse_tensor(values, indices, [2])
    given.graph.node[0].CopyFrom(helper.make_node("Constant", [], ["w"], sparse_value=sparse))
    assert ops(agrees(given, {"x": X})) == ["multiply"]


@pytest.mark.parametrize(
    "body", ["{ y = Softmax <axis = 7> (x) }", '{ y = Softmax <axis = "one"> (x) }']
)
def test_a_node_that_breaks_its_schema_is_left_to_the_host(body: str) -> None:
    assert ops(import_model(model(body))) == ["host"]


def external(tensor: TensorProto, **entries: Any) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))


def broken(case: str) -> onnx.ModelProto:
    given = model("<float[2] w = {1, 2}> { a = Add (x, w) y = Relu (a) }")
    graph = given.graph
    weight = graph.initializer[0]
    weight.CopyFrom(numpy_helper.from_array(np.float32([1, 2]), "w"))
    if case == "a value made twice":
        graph.node.add(op_type="Relu", input=["x"], output=["a"])
    elif case == "an input made again":
        graph.node[0].output[0] = graph.node[1].input[0] = "x"
    elif case == "an input declared twice":
        graph.input.append(graph.input[0])
    elif case == "a newer IR":
        given.ir_version = onnx.IR_VERSION + 1
    elif case == "an unknown data type":
        weight.data_type = 99
    elif case == "a negative extent":
        weight.dims[0] = -1
    elif case == "a cycle":
        graph.node[0].input[0] = "y"
    elif case == "an offset in words":
        external(weight, location="w.bin", offset="four")
    elif case == "an offset before the file":
        external(weight, location="w.bin", offset=-4)
    elif case == "a constant whose data is missing":
        tensor = numpy_helper.from_array(np.float32([1, 2]), "w")
        external(tensor, location="missing.bin")
        graph.node.insert(0, helper.make_node("Constant", [], ["w"], value=tensor))
        del graph.initializer[:]
    return given


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("a value made twice", "'a'.*made twice"),
        ("an input made again", "'x'.*made twice"),
        ("an input declared twice", "'x' is declared twice"),
        ("a newer IR", "IR version"),
        ("an unknown data type", "'w' does not fit"),
        ("a negative extent", "'w' does not fit"),
        ("a cycle", "not sorted"),
        ("an offset in words", "offset"),
        ("an offset before the file", "offset"),
        ("a constant whose data is missing", "missing.bin"),
    ],
)
def test_broken_models_are_refused(case: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(8))
    path = tmp_path / "model.onnx"
    path.write_bytes(broken(case).SerializeToString())
    with pytest.raises(ModelError, match=words):
        import_model(path)


def test_damaged_files_are_imported_or_refused(tmp_path: Path) -> None:
    whole = broken("").SerializeToString()
    path = tmp_path / "model.onnx"
    for position in range(0, len(whole), 2):
        data = bytearray(whole)
        data[position] ^= 1 << (position // 2) % 8
        path.write_bytes(data)
        try:
            import_model(path)
        except ModelError as error:
            assert str(path) in str(error)
