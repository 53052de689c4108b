from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from tvm import relax

from byoc.partition.facts import group_facts, op_facts, quant, tensor, value
from byoc.partition.graph import Graph, attach_groups, read_module
from byoc.support.facts import Facts, Quant, Tensor
from tests.partition.build import const, module, script, weight


def graph_of(text: str, **inputs: Any) -> Graph:
    return read_module(script(text, **inputs))[0]


def facts_of(text: str, **inputs: Any) -> Facts:
    graph = graph_of(text, **inputs)
    return op_facts(graph, max(graph.counted()))


def test_convolution_has_layouts_shapes_and_a_constant_weight() -> None:
    data = weight(4, 3, 3, 3)
    facts = facts_of("c = nn.conv2d(x, w, strides=2, padding=1) -> c", x=(1, 3, 8, 8), w=data)
    assert facts.op == "nn.conv2d"
    assert facts.inputs["data"] == Tensor("float32", (1, 3, 8, 8), "NCHW")
    kernel = facts.inputs["weight"]
    assert isinstance(kernel, Tensor) and kernel.layout == "OIHW" and kernel.value is not None
    assert np.array_equal(kernel.value(), data)
    assert facts.outputs == (Tensor("float32", (1, 4, 4, 4), "NCHW"),)
    assert facts.attrs["strides"] == (2, 2)
    assert facts.attrs["padding"] == (1, 1, 1, 1)
    assert facts.attrs["groups"] == 1


def test_operands_that_hold_no_tensor_are_attributes() -> None:
    assert facts_of("c = clip(x, 0, 6) -> c", x=(4,)).attrs == {"min": 0, "max": 6}
    assert facts_of("r = reshape(x, (2, 2)) -> r", x=(4,)).attrs["shape"] == (2, 2)
    resize = facts_of("r = image.resize2d(x, (16, 16)) -> r", x=(1, 3, 8, 8))
    assert resize.attrs["size"] == (16, 16)
    assert resize.attrs["roi"] == (0.0, 0.0, 0.0, 0.0)
    assert resize.attrs["layout"] == "NCHW"
    assert resize.inputs["data"].layout == "NCHW"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("r = nn.softmax(x, axis=-1) -> r", "axis", 2),
        ("r = mean(x, axis=[-1, 0]) -> r", "axis", (2, 0)),
        ("r = expand_dims(x, axis=-1) -> r", "axis", (3,)),
        ("r = sum(x) -> r", "axis", None),
        ("r = permute_dims(x, axes=[0, -1, 1]) -> r", "axes", (0, 2, 1)),
        ("r = astype(x, dtype='float16') -> r", "dtype", "float16"),
        ("r = split(x, indices_or_sections=[1, 2], axis=-1) -> r", "indices_or_sections", (1, 2)),
    ],
)
def test_attributes_are_plain_and_axes_count_from_the_front(
    text: str, name: str, wanted: object
) -> None:
    assert facts_of(text, x=(2, 3, 4)).attrs[name] == wanted


def test_tuples_are_tensors_in_order() -> None:
    facts = facts_of("c = concat((x, y), axis=-1) -> c", x=(2, 3), y=(2, 5))
    assert facts.inputs["tensors"] == (Tensor("float32", (2, 3)), Tensor("float32", (2, 5)))
    assert facts.attrs["axis"] == 1
    split = facts_of("s = split(x, indices_or_sections=2) -> s", x=(4, 3))
    assert split.outputs == (Tensor("float32", (2, 3)),) * 2


def test_unknown_dimensions() -> None:
    facts = facts_of("r = nn.relu(x); c = concat((r, r)) -> c", x=("n", 3))
    assert facts.inputs["tensors"][0].shape == ("n", 3)  # type: ignore[index]
    assert facts.outputs[0].shape is not None and "n" in str(facts.outputs[0].shape[0])
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType(dtype="float32", ndim=2))
    y = relax.Var("y", relax.TensorType(dtype="", ndim=-1))
    with builder.function("main", [x, y]):
        one, two = builder.emit(relax.op.nn.relu(x)), builder.emit(relax.op.nn.relu(y))
        builder.emit_func_output(relax.Tuple([one, two]))
    (graph,) = read_module(builder.finalize())
    first, second = graph.counted()
    assert op_facts(graph, first).outputs == (Tensor("float32", (None, None)),)
    assert op_facts(graph, second).outputs[0].shape is None


@pytest.mark.parametrize("dtype", ["float32", "float16", "bool", "int8", "uint16", "int64"])
def test_constants_of_numpy_dtypes(dtype: str) -> None:
    data = np.arange(6).reshape(2, 3).astype(dtype)
    graph = graph_of("r = reshape(k, (6,)) -> r", k=data)
    held = tensor(graph, graph.kinds.index(1))  # type: ignore[arg-type]
    assert held.dtype == dtype and held.value is not None
    assert held.value().dtype == data.dtype and np.array_equal(held.value(), data)


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_constants_of_small_floats(dtype: str) -> None:
    data = np.asarray([[0.5, -1.5], [2.0, 0.0]]).astype(getattr(ml_dtypes, dtype))
    graph = graph_of("r = reshape(k, (4,)) -> r", k=data)
    held = tensor(graph, graph.kinds.index(1))  # type: ignore[arg-type]
    assert held.dtype == dtype and held.value is not None
    assert held.value().dtype == data.dtype
    assert np.array_equal(held.value().astype("float32"), data.astype("float32"))


def test_quantisation_parameters() -> None:
    text = 'd = dequantize(q, s, z, axis=-1, out_dtype="float32") -> d'
    whole = graph_of(text, q=((2, 3), "int8"), s=const(0.25), z=const(-4, "int8"))
    assert quant(whole, max(whole.counted())) == Quant(0.25, -4)
    rows = graph_of(text, q=((2, 3), "int8"), s=const([1, 2, 4]), z=const([0, 0, 1], "int8"))
    assert quant(rows, max(rows.counted())) == Quant((1.0, 2.0, 4.0), (0, 0, 1), 1)
    computed = graph_of(text, q=((2, 3), "int8"), s=((3,), "float32"), z=const([0] * 3, "int8"))
    assert quant(computed, max(computed.counted())) is None


def test_stored_tensors_take_the_place_of_values() -> None:
    graph = graph_of("a = add(x, y); r = nn.relu(a) -> r", x=(4,), y=(4,))
    add, relu = graph.counted()
    stored = {add: Tensor("int8", (4,), quant=Quant(0.5, 0))}
    assert op_facts(graph, relu, stored).inputs["x"] == stored[add]
    assert op_facts(graph, relu).inputs["x"] == Tensor("float32", (4,))
    assert op_facts(graph, add, stored).outputs == (stored[add],)


def test_groups_have_the_names_of_onnx() -> None:
    graph = graph_of("a = add(x, y); r = nn.relu(a); e = exp(r) -> e", x=(4,), y=(4,))
    source = SimpleNamespace(
        op="onnx.Fancy",
        node="f",
        bindings=("a", "r", "gone"),
        inputs={"X": "x", "W": weight(2, 2), "many": ("y", "x"), "B": None},
        outputs=("r", ""),
        attrs={"mode": "linear"},
        host="",
        opset=0,
    )
    attach_groups(graph, {"main": (source,), "other": (source,)})
    (group,) = graph.groups
    assert group.nodes == (graph.names.index("a"), graph.names.index("r"))
    facts = group_facts(graph, group)
    assert facts.op == "onnx.Fancy" and facts.attrs == {"mode": "linear"}
    assert facts.inputs["X"] == Tensor("float32", (4,))
    assert facts.inputs["W"].constant  # type: ignore[union-attr]
    assert facts.inputs["many"] == (Tensor("float32", (4,)),) * 2
    assert facts.inputs["B"] is None
    assert facts.outputs == (Tensor("float32", (4,)),)


def test_literals_hold_no_tensor() -> None:
    graph = graph_of("r = reshape(x, (2, 2)) -> r", x=(4,))
    (call,) = graph.counted()
    assert value(graph, graph.operands[call][1]) is None
    assert tensor(graph, graph.operands[call][1]) == Tensor("", None)


def test_facts_are_read_once() -> None:
    graph = read_module(module([("relu", [0])]))[0]
    (call,) = graph.counted()
    assert op_facts(graph, call) is op_facts(graph, call)
    assert tensor(graph, call) is tensor(graph, call)
