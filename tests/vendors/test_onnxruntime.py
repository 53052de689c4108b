"""The onnxruntime vendor: what its table claims onnxruntime does, blobs, verdicts, executors."""

from __future__ import annotations

import json
import threading
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from byoc.pipeline import partition_model
from byoc.support import load_table
from byoc.testing import zoo
from byoc.vendors import onnxruntime as plugin
from byoc.vendors.onnxruntime.compat import describe, device_block, judge
from byoc.vendors.onnxruntime.optimise import block_size
from tests.vendors.cases import CASES, cases
from tests.vendors.models import convolution, model, relu
from tests.vendors.toolchain import (
    Source,
    blob_of,
    call,
    call_dynamic,
    device,
    misfits,
    native_session,
    opened,
    snr,
    table_ops,
    taken,
)

EVERYTHING = (
    *("float32", "float64", "float16", "bfloat16", "bool", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
)


@pytest.mark.parametrize(
    "dtype",
    [
        pytest.param(each, marks=() if each in ("float32", "int8") else pytest.mark.slow)
        for each in EVERYTHING
    ],
)
def test_the_table_claims_what_onnxruntime_computes(dtype: str) -> None:
    chosen = taken(plugin, list(cases(table_ops(plugin, CASES, dtype), dtype)), dtype)
    assert chosen
    assert misfits(plugin, chosen, dtype) == {}


def test_every_row_of_a_relax_op_is_tried() -> None:
    rows = load_table(plugin.byoc_vendor_spec().table.file).source.plain()["ops"]
    assert {name for name in rows if not name.startswith("onnx.")} <= CASES.keys()


@pytest.mark.parametrize("name", ["squeezenet", "qdq_cnn", "transformer", "rapidocr-cls"])
def test_a_model_as_one_segment_is_what_a_session_computes(name: str) -> None:
    if not zoo.describe(name).available:
        pytest.skip(f"{name} needs a package that is not installed")
    native = native_session(zoo.load(name))
    executor = opened(plugin, blob_of(plugin, Source(zoo.load(name))))
    data = zoo.zoo_inputs(name, seed=3)
    wanted = native.run(None, data)
    found = call(executor, list(data.values()), [np.full_like(each, 7) for each in wanted])
    for got, right in zip(found, wanted, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-4, atol=1e-4 * np.abs(right).max())


def test_quantised_convolutions_do_not_overflow() -> None:
    # On CPUs without VNNI a default session adds uint8 * int8 in 16 bits and is 8 to 18 dB from the truth.
    data = zoo.zoo_inputs("qdq_cnn", seed=2)
    (right,) = native_session(zoo.load("qdq_cnn")).run(None, data)
    executor = opened(plugin, blob_of(plugin, Source(zoo.load("qdq_cnn"))))
    (got,) = call(executor, list(data.values()), [np.zeros_like(right)])
    assert snr(got, right) >= 30


def test_the_same_segment_gives_the_same_blob() -> None:
    assert blob_of(plugin, Source(convolution())) == blob_of(plugin, Source(convolution()))
    assert blob_of(plugin, Source(convolution())) != blob_of(plugin, Source(convolution(1)))


def test_large_constants_are_parts_of_their_own() -> None:
    weight = np.arange(1024, dtype=np.float32).reshape(32, 32)
    first = model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [("x", 1, (2, 32))],
        [("y", 1, (2, 32))],
        w=weight,
    )
    second = model(
        [helper.make_node("MatMul", ["x", "v"], ["a"]), helper.make_node("Exp", ["a"], ["y"])],
        [("x", 1, (5, 32))],
        [("y", 1, (5, 32))],
        v=weight,
    )
    parts = [set(blob_of(plugin, Source(each)).named.values()) for each in (first, second)]
    assert weight.tobytes() in parts[0] & parts[1]


@pytest.mark.parametrize("layout", ["machine", "portable"])
def test_both_layouts_compute_the_same(layout: str) -> None:
    blob = blob_of(plugin, Source(convolution()), layout=layout)
    assert json.loads(blob.compat)["block"] == (block_size() if layout == "machine" else 0)
    data = np.random.default_rng(0).standard_normal((1, 16, 8, 8)).astype(np.float32)
    (right,) = native_session(convolution()).run(None, {"x": data})
    (got,) = call(opened(plugin, blob), [data], [np.zeros_like(right)])
    np.testing.assert_allclose(got, right, rtol=1e-5, atol=1e-5)


def test_the_block_of_this_cpu_is_what_its_features_say() -> None:
    assert block_size() == device_block(device())


@pytest.mark.parametrize(
    ("compat", "installed", "changes", "code"),
    [
        (describe("1.31.1", "machine", 8), "1.31.1", {"features": ["avx2"]}, "optimal"),
        (describe("1.31.1", "machine", 8), "1.31.1", {"features": ["avx512f"]}, "incompatible"),
        (describe("1.31.1", "machine", 16), "1.31.1", {"features": ["avx2"]}, "incompatible"),
        (describe("1.31.1", "portable", 0), "1.31.1", {"features": ["avx512f"]}, "optimal"),
        (describe("1.31.1", "machine", 0), "1.31.0", {}, "usable"),
        (describe("1.31.1", "machine", 0), "1.32.0", {}, "usable"),
        (describe("1.31.1", "machine", 0), "1.30.2", {}, "incompatible"),
        (describe("1.31.1", "machine", 0), "", {}, "incompatible"),
        (b"", "1.31.1", {}, "corrupt"),
        (b"[]", "1.31.1", {}, "corrupt"),
        (b'{"onnxruntime": "x", "layout": "machine", "block": 0}', "1.31.1", {}, "corrupt"),
    ],
)
def test_verdicts(compat: bytes, installed: str, changes: dict[str, Any], code: str) -> None:
    verdict = judge(compat, installed, device(**changes))
    assert verdict.code == code
    assert bool(verdict.words) == (code != "optimal")


def test_inputs_and_constants_may_be_outputs() -> None:
    nodes = [
        helper.make_node("Identity", ["x"], ["y"]),
        helper.make_node("Identity", ["k"], ["z"]),
        helper.make_node("Identity", ["y"], ["w"]),
    ]
    constant = np.float32([7, 8, 9])
    made = model(
        nodes, [("x", 1, (4,))], [("y", 1, (4,)), ("z", 1, (3,)), ("w", 1, (4,))], k=constant
    )
    executor = opened(plugin, blob_of(plugin, Source(made)))
    data = np.float32([1, 2, 3, 4])
    y, z, w = call(executor, [data], [np.zeros(4, "f"), np.zeros(3, "f"), np.zeros(4, "f")])
    assert (y == data).all() and (w == data).all() and (z == constant).all()


def test_outputs_of_shapes_that_only_running_tells() -> None:
    nodes = [
        helper.make_node("NonZero", ["x"], ["y"]),
        helper.make_node("Cast", ["x"], ["z"], to=TensorProto.BOOL),
    ]
    made = model(nodes, [("x", 1, ("n",))], [("y", 7, (1, "k")), ("z", 9, ("n",))])
    executor = opened(plugin, blob_of(plugin, Source(made)))
    for data in (np.float32([0, 2, 0, 3]), np.float32([5, 0])):
        where, truth = call_dynamic(executor, [data])
        assert (where == np.nonzero(data)).all()
        assert truth.dtype == bool and (truth == (data != 0)).all()


def test_calls_of_many_threads_overlap() -> None:
    executor = opened(plugin, blob_of(plugin, Source(convolution())))
    native = native_session(convolution())
    wrong = []

    def work(seed: int) -> None:
        data = np.random.default_rng(seed).standard_normal((1, 16, 8, 8)).astype(np.float32)
        (right,) = native.run(None, {"x": data})
        for _ in range(25):
            (got,) = call(executor, [data], [np.zeros_like(right)])
            wrong.extend([seed] * (not np.allclose(got, right, rtol=1e-4, atol=1e-4)))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == []


def test_bindings_are_kept_up_to_a_bound() -> None:
    executor = opened(plugin, blob_of(plugin, Source(relu(2, 3))))
    arrays = [np.ones((2, 3), np.float32) for _ in range(100)]
    result = np.zeros((2, 3), np.float32)
    for each in arrays:
        call(executor, [each], [result])
    assert executor.stats()["bindings"] == 64


def test_a_call_that_fails_is_a_failure_of_that_call_alone() -> None:
    executor = opened(plugin, blob_of(plugin, Source(relu("n", 3))))
    data = np.ones((2, 3), np.float32)
    with pytest.raises(RuntimeError, match="shape"):
        call(executor, [data], [np.zeros((5, 3), np.float32)])
    assert (call(executor, [data], [np.zeros_like(data)])[0] == data).all()


def test_the_profile_counts_operators() -> None:
    executor = opened(plugin, blob_of(plugin, Source(relu(2, 3))), profile="true")
    data = np.ones((2, 3), np.float32)
    for _ in range(3):
        call(executor, [data], [np.zeros_like(data)])
    assert executor.stats()["operators"]["Relu"]["calls"] == 3
    executor.close()


def test_what_onnxruntime_cannot_run_is_an_error_of_codegen() -> None:
    node = helper.make_node("Relu", ["x"], ["y"], domain="acme")
    made = model([node], [("x", 1, (2,))], [("y", 1, (2,))])
    made.opset_import.append(helper.make_opsetid("acme", 1))
    with pytest.raises(Exception, match="acme"):
        blob_of(plugin, Source(made))


@pytest.mark.parametrize("name", ["squeezenet", "transformer", "qdq_cnn", "shufflenet"])
def test_zoo_models_are_one_segment(name: str) -> None:
    plan = partition_model(f"zoo:{name}", ["onnxruntime"]).plan
    assert len(plan.segments) == 1
    assert all(op.segment for op in plan.ops)


def test_the_version_is_the_installed_one() -> None:
    assert plugin.byoc_vendor_spec().toolchain == onnxruntime.__version__
