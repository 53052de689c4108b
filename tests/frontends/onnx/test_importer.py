"""The importer: names, origins, groups, host calls, folding."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import pytest
from tvm import relax

from byoc.frontends import import_model
from byoc.frontends.onnx.types import plain_dim
from tests.frontends.models import add_weight, agrees, ops, parse

RANDOM = np.random.default_rng(0)


def floats(*shape):
    return RANDOM.standard_normal(shape).astype("float32")


def test_bindings_are_named_after_outputs_and_carry_spans():
    proto = parse("g (float[2] x) => (float[2] z) { y = Relu(x) z = Exp(y) }")
    proto.graph.node[0].output[0] = proto.graph.node[1].input[0] = "y.0"
    model = import_model(proto)
    bindings = model.module["main"].body.blocks[0].bindings
    assert [each.var.name for each in bindings] == ["y_0", "z"]
    assert [each.value.span.source_name.name for each in bindings] == ["y.0", "z"]
    assert model.origins["main"] == {"y_0": ("y.0",), "z": ("z",)}


def test_node_names_win_over_output_names_and_copies_are_numbered():
    proto = parse("g (float[2] x) => (float[2] z) { a = Relu(x) b = Relu(a) z = Exp(b) }")
    proto.graph.node[0].name = proto.graph.node[1].name = "same"
    origins = import_model(proto).origins["main"]
    assert list(origins.values()) == [("same",), ("same_1",), ("z",)]


def test_folded_nodes_are_origins_of_what_reads_them():
    proto = parse(
        """g (float[2,6] x) => (float[3,4] y) {
            a = Constant<value = int64[1] {3}>()
            b = Constant<value = int64[1] {4}>()
            shape = Concat<axis = 0>(a, b)
            y = Reshape(x, shape)
        }"""
    )
    model = agrees(proto, {"x": floats(2, 6)})
    assert ops(model) == ["reshape"]
    assert model.origins["main"]["y"] == ("y", "shape")


def test_identities_and_shape_arithmetic_vanish_and_are_origins():
    proto = parse(
        """g (float[N,2,3] x) => (float[N,M] z) {
            y = Identity(x)
            s = Shape<start = 0, end = 1>(y)
            rest = Constant<value = int64[1] {-1}>()
            shape = Concat<axis = 0>(s, rest)
            z = Reshape(y, shape)
        }"""
    )
    model = agrees(proto, {"x": floats(4, 2, 3)})
    assert ops(model) == ["reshape"]
    assert set(model.origins["main"]["z"]) == {"z", "y", "s", "shape"}
    (dims,) = [
        binding.var.ty.shape.values for binding in model.module["main"].body.blocks[0].bindings
    ]
    assert [str(plain_dim(dim)) for dim in dims] == ["N", "6"]


def test_several_ops_of_one_node_are_a_group_in_onnx_words():
    proto = parse(
        "g (float[1,2,4,4] x) => (float[1,3,4,4] y) { y = Conv<pads = [1,1,1,1]>(x, w, b) }"
    )
    weight, bias = floats(3, 2, 3, 3), floats(3)
    model = agrees(add_weight(add_weight(proto, "w", weight), "b", bias), {"x": floats(1, 2, 4, 4)})
    (group,) = model.groups["main"]
    assert (group.op, group.node, group.bindings, group.outputs) == (
        "onnx.Conv",
        "y",
        ("y_conv2d", "y"),
        ("y",),
    )
    assert group.inputs["X"] == "x"
    np.testing.assert_array_equal(group.inputs["W"], weight)
    np.testing.assert_array_equal(group.inputs["B"], bias)
    assert group.attrs["pads"] == (1, 1, 1, 1)
    assert group.attrs["auto_pad"] == "NOTSET"
    assert not group.host
    assert ops(model) == ["nn.conv2d", "add"]


def test_a_bias_is_a_constant_of_the_right_shape():
    proto = parse("g (float[1,2,4,4] x) => (float[1,3,2,2] y) { y = Conv(x, w, b) }")
    model = import_model(add_weight(add_weight(proto, "w", floats(3, 2, 3, 3)), "b", floats(3)))
    add = model.module["main"].body.blocks[0].bindings[-1].value
    assert [int(dim) for dim in add.args[1].ty.shape.values] == [1, 3, 1, 1]


def test_clip_is_one_call_and_stays_onnx_clip():
    proto = parse("g (float[5] x) => (float[5] y) { y = Clip(x, lo, hi) }")
    model = agrees(
        add_weight(add_weight(proto, "lo", np.float32(0)), "hi", np.float32(6)),
        {"x": 9 * floats(5)},
    )
    assert ops(model) == ["clip"]
    assert model.groups["main"][0].op == "onnx.Clip"


def test_an_operator_that_tvm_does_not_know_is_a_host_call():
    proto = parse(
        """g (float[7,1,4] x) => (float[7,1,1,3] y, float[1,1,3] h) {
            y, h = LSTM<hidden_size = 3>(x, w, r)
        }"""
    )
    add_weight(add_weight(proto, "w", floats(1, 12, 4)), "r", floats(1, 12, 3))
    model = agrees(proto, {"x": floats(7, 1, 4)})
    (group,) = model.groups["main"]
    assert (group.op, group.host, group.reason) == (
        "onnx.LSTM",
        "byoc.host.0",
        "TVM's importer does not know it",
    )
    assert list(group.inputs)[:4] == ["X", "W", "R", "B"]
    assert group.inputs["X"] == "x"
    assert group.inputs["B"] is None
    assert group.outputs == ("y", "h")
    host = onnx.load_model_from_string(model.host_nodes["byoc.host.0"])
    onnx.checker.check_model(host)
    assert [each.name for each in host.graph.input] == ["x", "w", "r"]


def test_other_domains_are_host_calls_under_their_own_name():
    proto = parse("g (float[2] x) => (float[2] y) { y = acme.npu.Relu(x) }", domains="acme.npu")
    model = import_model(proto)
    (group,) = model.groups["main"]
    assert (group.op, ops(model)) == ("acme.npu.Relu", ["host"])


def test_a_host_call_of_unknown_shape_gets_symbolic_dims():
    proto = parse("g (float[2,5] x) => (int64[2,N] y) { y = NonZero(x) }")
    model = agrees(proto, {"x": np.eye(2, 5, dtype="float32")})
    cast = model.module["main"].body.blocks[0].bindings[-1]
    assert isinstance(cast, relax.MatchCast)
    assert plain_dim(cast.var.ty.shape.values[0]) == 2


def test_control_flow_is_one_host_call_with_what_it_captures():
    proto = parse(
        """g (bool c, float[3] x) => (float[3] z) {
            y = Exp(x)
            z = If(c) <
                then_branch = t () => (float[3] a) { a = Add(y, w) },
                else_branch = e () => (float[3] b) { b = Sub(y, w) }
            >
        }"""
    )
    add_weight(proto, "w", floats(3))
    for condition in (True, False):
        model = agrees(proto, {"c": np.array(condition), "x": floats(3)})
    assert ops(model) == ["exp", "host"]


def test_a_constant_condition_takes_its_branch():
    proto = parse(
        """g (float[3] x) => (float[3] z) {
            s = Shape(x)
            three = Constant<value = int64[1] {3}>()
            c = Equal(s, three)
            z = If(c) <
                then_branch = t () => (float[3] a) { a = Exp(x) },
                else_branch = e () => (float[3] b) { b = Neg(x) }
            >
        }"""
    )
    model = agrees(proto, {"x": floats(3)})
    assert ops(model) == ["exp"]
    assert "then_branch was taken" in model.notes[0]


def test_sequences_stay_inside_one_host_call():
    proto = parse(
        """g (float[4,3] x) => (float[2,3] y, float[2,3] z) {
            parts = SplitToSequence<axis = 0>(x, two)
            zero = Constant<value = int64 {0}>()
            a = SequenceAt(parts, zero)
            b = Exp(a)
            more = SequenceInsert(parts, b)
            y = SequenceAt(more, last)
            z = Relu(a)
        }"""
    )
    add_weight(add_weight(proto, "two", np.int64(2)), "last", np.int64(2))
    model = agrees(proto, {"x": floats(4, 3)})
    assert ops(model).count("host") == 1
    (group,) = [each for each in model.groups["main"] if each.host]
    assert group.op.startswith("onnx.SplitToSequence+SequenceAt")


def test_strings_stay_inside_one_host_call():
    proto = parse(
        """g (float[2] x) => (bool[2] y) {
            s = Cast<to = 8>(x)
            y = Equal(s, s)
        }""",
        opset=19,
    )
    assert ops(import_model(proto)) == ["host"]


def test_outputs_that_are_inputs_or_constants():
    proto = parse("g (float[2] x) => (float[2] y, float[2] z) { y = Identity(x) z = Exp(w) }")
    agrees(add_weight(proto, "w", np.array([0.0, 1.0], "float32")), {"x": floats(2)})


def test_dead_nodes_and_unread_outputs_go():
    proto = parse(
        """g (float[2,4] x) => (float[2,2] y) {
            dead = Exp(x)
            y, unread = Split<axis = 1>(x, sizes)
        }"""
    )
    model = agrees(add_weight(proto, "sizes", np.array([2, 2])), {"x": floats(2, 4)})
    assert "exp" not in ops(model)
    assert set(model.origins["main"]) == {"y_split", "y"}


def test_batch_norms_stay():
    proto = parse(
        "g (float[1,3,2,2] x) => (float[1,3,2,2] y) { y = BatchNormalization(x, s, b, m, v) }"
    )
    for name in "sbmv":
        add_weight(proto, name, np.abs(floats(3)))
    model = agrees(proto, {"x": floats(1, 3, 2, 2)})
    assert ops(model) == ["nn.batch_norm"]


def test_symbolic_dims_of_convolutions_are_plain_variables_and_equal_where_equal():
    proto = parse(
        """g (float[1,2,H,W] x) => (float[1,2,A,B] z) {
            p = Conv<strides = [2,2], pads = [1,1,1,1]>(x, w)
            q = Conv<strides = [2,2], pads = [1,1,1,1]>(x, w)
            z = Add(p, q)
        }"""
    )
    model = agrees(add_weight(proto, "w", floats(2, 2, 3, 3)), {"x": floats(1, 2, 7, 9)})
    assert ops(model) == ["nn.conv2d", "nn.conv2d", "add"]
    assert not model.host_nodes


def test_modules_are_well_formed():
    proto = parse(
        "g (float[N,4] x) => (float[N,4] y, int64[N] s) { y = Softmax(x) s0 = Shape(x) s = Cast<to=7>(s0) }"
    )
    relax.analysis.well_formed(import_model(proto).module)


DETERMINISM = """
import hashlib, sys
from byoc.frontends import import_model
model = import_model("zoo:qdq_cnn")
text = model.module.script(show_meta=True) + repr(model.origins) + repr(sorted(model.host_nodes.items()))
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_the_same_model_gives_the_same_module_in_every_process():
    digests = {
        subprocess.run(
            [sys.executable, "-c", DETERMINISM],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


@pytest.mark.parametrize("name", ["resnet50", "transformer", "qdq_cnn", "shufflenet"])
def test_zoo_models_need_no_host_call(name):
    assert not import_model(f"zoo:{name}").host_nodes
