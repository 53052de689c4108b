"""Segments: what a vendor is given, and that a fingerprint tells all that matters and nothing else."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tvm_ffi
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tvm import relax

import byoc
from byoc.errors import UsageError
from tests.codegen.build import CHAIN, chain, segment_of
from tests.conftest import ROOT
from tests.partition.build import module

WEIGHTS = np.arange(2 * 3 * 3 * 3, dtype="float32").reshape(2, 3, 3, 3)


def convolution(weights: Any = WEIGHTS, **attrs: Any) -> byoc.Segment:
    return segment_of(module([("conv2d", [0, weights], attrs)], inputs=[(1, 3, 8, 8)]))


def test_function_and_composed_have_the_same_border() -> None:
    partition = byoc.partition_model("zoo:qdq_cnn", ["npu"])
    (segment,) = partition.segments()
    assert segment.composed is not None
    names = [param.name for param in segment.function.params]
    assert names == [param.name for param in segment.composed.params]
    (plan,) = partition.plan.segments
    assert [each.name for each in segment.composites if each.name] == list(plan.composites)
    assert {node for each in segment.composites for node in each.nodes} == set(plan.nodes)
    given, made = segment.signature
    assert [port.dtype for port in given] == [info.dtype for info in plan.inputs]
    assert [port.shape for port in made] == [info.shape for info in plan.outputs]


def test_a_pickled_segment_is_the_same_and_holds_constants_once() -> None:
    weights = np.random.default_rng(0).random((256, 256), "float32")
    nodes = [("matmul", [0, weights]), ("relu", [1])]
    segment = segment_of(module(nodes, inputs=[(256, 256)]))
    data = pickle.dumps(segment)
    assert weights.nbytes < len(data) < 1.5 * weights.nbytes
    again = pickle.loads(data)
    assert again.fingerprint == segment.fingerprint
    assert again.signature == segment.signature
    assert again.composites == segment.composites
    assert tvm_ffi.structural_equal(again.composed, segment.composed)
    assert [each.tobytes() for each in again.constants] == [weights.tobytes()]


def test_reference_computes_what_the_ops_say() -> None:
    segment = chain()
    x = np.random.default_rng(0).standard_normal((4, 4)).astype("float32")
    expected = np.exp(2 * np.maximum(x, 0)) ** 2
    for inputs in ([x], {"x0": x}):
        (result,) = segment.reference(inputs)
        np.testing.assert_allclose(result, expected, rtol=1e-5)
    with pytest.raises(UsageError, match="got 2 arrays"):
        segment.reference([x, x])


def test_outputs_stand_in_the_order_of_the_call() -> None:
    given = module([("relu", [0]), ("exp", [1]), ("tanh", [1])], outputs=[3, 2, 1])
    segment = segment_of(given)
    x = np.random.default_rng(1).standard_normal((4, 4)).astype("float32")
    by_name = dict(
        zip((port.name for port in segment.signature.outputs), segment.reference([x]), strict=True)
    )
    y = np.maximum(x, 0)
    np.testing.assert_allclose(by_name["v1"], y)
    np.testing.assert_allclose(by_name["v2"], np.exp(y), rtol=1e-6)
    np.testing.assert_allclose(by_name["v3"], np.tanh(y), rtol=1e-5)


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_a_prefix_and_a_suffix_compute_what_the_whole_does(cut: int) -> None:
    segment = chain()
    first, second = segment.subset(range(cut)), segment.subset(range(cut, 5))
    assert [len(each.composites) for each in (first, second)] == [cut, 5 - cut]
    x = np.random.default_rng(2).standard_normal((4, 4)).astype("float32")
    values = {
        port.name: value
        for port, value in zip(first.signature.outputs, first.reference([x]), strict=True)
    }
    values["x0"] = x
    inputs = {port.name: values[port.name] for port in second.signature.inputs}
    np.testing.assert_allclose(second.reference(inputs)[0], segment.reference([x])[0], rtol=1e-6)


def test_all_of_a_segment_is_the_segment() -> None:
    for segment in byoc.partition_model("zoo:qdq_cnn", ["npu"]).segments():
        whole = segment.subset(range(len(segment.composites)))
        assert whole.fingerprint == segment.fingerprint


def test_a_subset_of_nothing_or_of_strangers_is_refused() -> None:
    with pytest.raises(UsageError, match="has 5 composites"):
        chain().subset([])
    with pytest.raises(UsageError, match="has 5 composites"):
        chain().subset([5])


def test_symbolic_dimensions_are_told_by_name() -> None:
    segment = segment_of(module([("relu", [0]), ("add", [1, 1])], inputs=[("batch", 8)]))
    (port,), (result,) = segment.signature
    assert port.shape == result.shape == ("batch", 8)
    assert pickle.loads(pickle.dumps(segment)).fingerprint == segment.fingerprint


# What makes two segments different, and what does not.


def test_a_stride_makes_a_difference() -> None:
    assert convolution(strides=1).fingerprint != convolution(strides=2).fingerprint


def test_every_attribute_makes_a_difference() -> None:
    variants: list[dict[str, Any]] = [
        {},
        {"padding": 1},
        {"padding": (1, 0)},
        {"padding": (0, 1)},
        {"dilation": 2},
        {"out_dtype": "float32"},
    ]
    found = [convolution(**attrs).fingerprint for attrs in variants]
    assert len(set(found)) == len(variants)


def test_operand_order_makes_a_difference() -> None:
    one = segment_of(module([("subtract", [0, 1])], inputs=[(4,), (4,)]))
    other = segment_of(module([("exp", [1]), ("subtract", [2, 0])], inputs=[(4,), (4,)]))
    same = segment_of(module([("exp", [0]), ("subtract", [2, 1])], inputs=[(4,), (4,)]))
    swapped = segment_of(module([("exp", [0]), ("subtract", [1, 2])], inputs=[(4,), (4,)]))
    found = {each.fingerprint for each in (one, same, swapped)}
    assert len(found) == 3
    # The inputs are numbered in the order of the call: which of the model's they are is no matter.
    assert other.fingerprint == same.fingerprint


@given(place=st.integers(0, WEIGHTS.size - 1), bit=st.integers(0, 31))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_one_bit_of_a_constant_makes_a_difference(place: int, bit: int) -> None:
    changed = WEIGHTS.copy()
    changed.reshape(-1).view("uint32")[place] ^= np.uint32(1 << bit)
    assert convolution(changed).fingerprint != convolution().fingerprint


def test_dtype_shape_and_symbols_make_a_difference() -> None:
    def relu(shape: Any, dtype: str = "float32") -> str:
        return segment_of(module([("relu", [0])], inputs=[shape], dtypes=[dtype])).fingerprint

    found = [relu((4, 4)), relu((4, 4), "float16"), relu((4, 5)), relu((16,)), relu(("n", 4))]
    found += [relu(("n", "n")), relu(("n", "m"))]
    assert len(set(found)) == len(found)
    assert relu(("n", "m")) == relu(("batch", "width"))


def test_composites_make_a_difference() -> None:
    segment = chain()
    fused = replace(segment.composites[0], name="goodchip.fused")
    other = replace(segment, composites=(fused, *segment.composites[1:]))
    assert other.fingerprint != segment.fingerprint


@given(names=st.lists(st.text("abcxyz", min_size=1, max_size=5), min_size=5, max_size=5))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_names_make_no_difference(names: list[str]) -> None:
    # Names are unique in a function, and its parameters are called x0, x1, ...
    unique = [f"{name}_{index}" for index, name in enumerate(names)]
    renamed = [
        (op, operands, {"name": name}) for (op, operands), name in zip(CHAIN, unique, strict=True)
    ]
    assert chain(nodes=renamed).fingerprint == chain().fingerprint


def test_the_vendor_and_the_symbol_make_no_difference() -> None:
    segment = chain()
    assert replace(segment, symbol="other_7").fingerprint == segment.fingerprint
    assert chain("badchip").fingerprint == segment.fingerprint


def test_another_process_finds_the_same() -> None:
    script = (
        "import byoc; from tests.codegen.build import chain; print(chain().fingerprint); "
        "print(*(s.fingerprint for s in byoc.partition_model('zoo:qdq_cnn', ['npu']).segments()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    segments = byoc.partition_model("zoo:qdq_cnn", ["npu"]).segments()
    assert done.stdout.split() == [chain().fingerprint, *(each.fingerprint for each in segments)]


@pytest.mark.parametrize(
    "dtype", ["bfloat16", "float16", "int8", "uint8", "int64", "float64", "bool"]
)
def test_constants_of_every_dtype_count(dtype: str) -> None:
    import ml_dtypes

    kind = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    data = np.zeros((4, 4), kind)
    other = data.copy()
    other.reshape(-1)[3] = 1
    found = []
    for each in (data, other):
        segment = segment_of(module([("where", [0, each, each])], dtypes=["bool"]))
        assert pickle.loads(pickle.dumps(segment)).fingerprint == segment.fingerprint
        found.append(segment.fingerprint)
    assert found[0] != found[1]


def test_names_in_host_calls_make_no_difference() -> None:
    import onnx

    from byoc.codegen.fingerprint import nameless

    def model(*names: str, axis: int = 0) -> bytes:
        node = onnx.helper.make_node("Softmax", [names[0]], [names[1]], name=names[2], axis=axis)
        shape = [names[3], 4]
        values = [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            for name in names[:2]
        ]
        graph = onnx.helper.make_graph([node], names[4], values[:1], values[1:])
        return bytes(onnx.helper.make_model(graph).SerializeToString())

    one, other = nameless(model(*"abcde")), nameless(model(*"vwxyz"))
    assert one == other
    assert nameless(model(*"abcde", axis=1)) != one


def test_a_segment_is_relax_that_tvm_takes() -> None:
    from tvm import IRModule

    for segment in byoc.partition_model("zoo:qdq_cnn", ["npu"]).segments():
        for function in (segment.function, segment.composed):
            # Raises when it is not.
            relax.analysis.well_formed(IRModule({"f": function.without_attr("global_symbol")}))
