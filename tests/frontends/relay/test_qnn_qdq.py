"""The QDQ form of Relay's quantised operators is the graph that the QDQ ONNX model gives."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import byoc
from byoc.errors import ModelError
from byoc.frontends import import_model
from tests.conftest import ROOT
from tests.frontends.relay.canonical import difference
from tests.frontends.relay.qnn_arithmetic import Array
from tests.frontends.relay.qnn_networks import HEADER, imported, runner
from tests.frontends.relay.qnn_texts import NETWORKS

DATA = ROOT / "tests" / "data" / "relay"


def test_a_network_of_tvm_is_its_onnx_model() -> None:
    relay = import_model(DATA / "qnn_cnn.relay")
    assert difference(relay.module, import_model(DATA / "qnn_cnn.onnx").module) == ""


class _Graph:
    """An ONNX graph of QDQ pairs."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, array: Array) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def call(self, op: str, *inputs: str, **attrs: object) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attrs))
        return name

    def parameters(self, scale: float, zero: int) -> tuple[str, str]:
        return self.constant(np.float32(scale)), self.constant(np.int8(zero))

    def pair(self, value: str, scale: float, zero: int) -> str:
        """A quantize and a dequantize."""
        stored = self.call("QuantizeLinear", value, *self.parameters(scale, zero))
        return self.call("DequantizeLinear", stored, *self.parameters(scale, zero))

    def stored(self, array: Array, scale: float) -> str:
        """A dequantized constant."""
        return self.call("DequantizeLinear", self.constant(array), *self.parameters(scale, 0))

    def save(self, path: Path, shape: tuple[int, ...], result: str) -> Path:
        graph = helper.make_graph(
            self.nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(result, TensorProto.FLOAT, None)],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(onnx.shape_inference.infer_shapes(model), path)
        return path


def test_pools_sums_rows_and_shapes_stand_between_pairs_as_in_onnx(tmp_path: Path) -> None:
    """What FakeQuantizationToInteger makes of the ONNX model becomes that model's graph."""
    random = np.random.default_rng(0)
    weight = random.integers(-99, 99, (4, 2, 3, 3)).astype(np.int8)
    bias = random.normal(size=4).astype(np.float32)
    graph = _Graph()
    x = graph.pair("x", 0.05, 3)
    convolved = graph.call(
        "Conv",
        x,
        graph.stored(weight, 0.01),
        graph.constant(bias),
        kernel_shape=[3, 3],
        pads=[1, 1, 1, 1],
    )
    first = graph.pair(graph.call("Relu", convolved), 0.04, -128)
    pooled = graph.call("MaxPool", first, kernel_shape=[2, 2], strides=[2, 2])
    second = graph.pair(pooled, 0.04, -128)
    mean = graph.call("AveragePool", first, kernel_shape=[2, 2], strides=[2, 2])
    third = graph.pair(mean, 0.06, -20)
    total = graph.pair(graph.call("Add", second, third), 0.07, 1)
    row = graph.pair(graph.call("Concat", total, second, axis=1), 0.08, 2)
    turned = graph.pair(graph.call("Transpose", row, perm=[0, 2, 3, 1]), 0.08, 2)
    shape = graph.constant(np.asarray([1, 72], np.int64))
    flat = graph.pair(graph.call("Reshape", turned, shape), 0.08, 2)
    path = graph.save(tmp_path / "model.onnx", (1, 2, 6, 6), flat)
    text = f"""{HEADER}def @main(%x: Tensor[(1, 2, 6, 6), float32],
    %w: Tensor[(4, 2, 3, 3), int8], %b: Tensor[(4), float32]) {{
  %0 = qnn.quantize(%x, 0.05f, 3, out_dtype="int8");
  %1 = qnn.conv2d(%0, %w, 3, 0, 0.05f, 0.01f, padding=[1, 1, 1, 1], channels=4,
    kernel_size=[3, 3], out_dtype="int32");
  %2 = qnn.quantize(%b, 0.0005f, 0, out_dtype="int32", axis=0);
  %3 = nn.bias_add(%1, %2);
  %4 = maximum(%3, 0);
  %5 = qnn.requantize(%4, 0.0005f, 0, 0.04f, -128, axis=1, out_dtype="int8");
  %6 = nn.max_pool2d(%5, pool_size=[2, 2], strides=[2, 2]);
  %7 = qnn.avg_pool2d(%5, 0.04f, -128, 0.06f, -20, pool_size=[2, 2], strides=[2, 2]);
  %8 = qnn.add(%6, %7, 0.04f, -128, 0.06f, -20, 0.07f, 1);
  %9 = (%8, %6);
  %10 = (0.07f, 0.04f);
  %11 = (1, -128);
  %12 = qnn.concatenate(%9, %10, %11, 0.08f, 2, axis=1);
  %13 = transpose(%12, axes=[0, 2, 3, 1]);
  %14 = reshape(%13, newshape=[1, 72]);
  qnn.dequantize(%14, 0.08f, 2)
}}
"""
    relay, original = imported(text, tmp_path, {"w": weight, "b": bias}, "qdq"), import_model(path)
    assert _operators(relay.module) == _operators(original.module)
    run, run_original = runner(relay), runner(original)
    for seed in range(5):
        image = np.random.default_rng(seed).normal(size=(1, 2, 6, 6)).astype(np.float32)
        np.testing.assert_array_equal(run({"x": image})[0], run_original({"x": image})[0])


def _operators(module: object) -> list[str]:
    """The operators of `main`, sorted: the two differ in who dequantizes a value that several read."""
    block = module["main"].body.blocks[0]  # type: ignore[index]  # TVM is untyped
    names = [each.value.op.name for each in block.bindings if hasattr(each.value, "op")]
    return sorted(name for name in names if name != "relax.dequantize")


@pytest.mark.parametrize(
    "call",
    [
        "nn.max_pool2d(%0, pool_size=[3, 3], strides=[2, 2], padding=[1, 1, 1, 1])",
        "clip(%0, a_min=-7f, a_max=90f)",
        "maximum(%0, 3i8)",
        "nn.pad(%0, 9i8, pad_width=[[0, 0], [0, 0], [1, 2], [0, 1]])",
        "reshape(%0, newshape=[2, -1])",
        "transpose(%0, axes=[0, 2, 3, 1])",
        "max(%0, axis=[2, 3])",
        "strided_slice(%0, begin=[0, 1], end=[1, 2], strides=[1, 1], axes=[0, 1])",
    ],
)
def test_what_moves_stored_integers_gives_the_same_ones_in_floats(
    call: str, tmp_path: Path
) -> None:
    from byoc.testing.run import run_model

    text = f"""{HEADER}def @main(%x: Tensor[(1, 2, 6, 6), float32]) {{
  %0 = qnn.quantize(%x, 0.05f, 3, out_dtype="int8");
  {call}
}}
"""
    image = np.random.default_rng(0).normal(scale=3, size=(1, 2, 6, 6)).astype(np.float32)
    forms = [imported(text, tmp_path, qnn=form) for form in ("qdq", "integer")]
    (left,), (right,) = (run_model(each, {"x": image}) for each in forms)
    assert left.dtype == right.dtype == np.int8
    # Relay rounds a half away from zero, ONNX to the even integer: there is none among these.
    np.testing.assert_array_equal(left, right)
    assert "R.quantize" in forms[0].module.script().split("dequantize", 1)[1]


def test_a_bias_of_integers_is_one_of_floats(tmp_path: Path) -> None:
    """Networks of TFLite add it without a scale of its own."""
    network = NETWORKS["mobile"]()
    model = imported(network.text, tmp_path, network.constants, "qdq")
    block = model.module["main"].body.blocks[0]
    names = [each.value.op.name for each in block.bindings if hasattr(each.value, "op")]
    layer = ["dequantize", "dequantize", "nn.conv2d", "add", "quantize"]
    assert names[:5] == [f"relax.{name}" for name in layer]
    assert not {"relax.round", "relax.divide"} & set(names)


def test_a_vendor_takes_the_whole_network(tmp_path: Path) -> None:
    network = NETWORKS["residual"]()
    model = imported(network.text, tmp_path, network.constants, "qdq")
    plan = byoc.partition_model(model, ["npu"]).plan
    (segment,) = plan.segments
    block = model.module["main"].body.blocks[0]
    assert segment.ops == sum(hasattr(each.value, "op") for each in block.bindings)


def test_counted_margins_of_stored_zeros_have_no_qdq_form(tmp_path: Path) -> None:
    text = f"""{HEADER}def @main(%x: Tensor[(1, 2, 6, 6), int8]) {{
  qnn.avg_pool2d(%x, 0.04f, -128, 0.06f, -20, pool_size=[2, 2], padding=[1, 1, 1, 1],
    count_include_pad=True)
}}
"""
    with pytest.raises(ModelError, match="margins of stored zeros"):
        imported(text, tmp_path, qnn="qdq")
    assert imported(text, tmp_path).inputs == ("x",)
