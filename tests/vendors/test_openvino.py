"""The openvino vendor: what its table claims OpenVINO does, the check, blobs, verdicts, executors."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from byoc.options import PartitionOptions
from byoc.pipeline import partition_model
from byoc.region import Region
from byoc.support import load_table
from byoc.testing import zoo
from byoc.vendors import openvino as plugin
from byoc.vendors.openvino.compat import describe, judge
from tests.partition.build import module
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
    values,
)

pytest.importorskip("openvino", reason="needs the package openvino")

DTYPES = ("float32", "float16", "int8", "uint8", "int32", "int64", "bool")


@pytest.mark.parametrize(
    "dtype",
    [
        pytest.param(each, marks=() if each in ("float32", "int32") else pytest.mark.slow)
        for each in DTYPES
    ],
)
def test_the_table_claims_what_openvino_computes(dtype: str) -> None:
    chosen = list(cases(table_ops(plugin, CASES, dtype), dtype))
    accepted = taken(plugin, chosen, dtype, int64="narrow")
    refused = {name for name, _ in chosen} - {name for name, _ in accepted}
    assert refused <= REFUSED
    assert misfits(plugin, accepted, dtype) == {}


REFUSED = {
    # An attribute that the row does not take: the astype and topk cases try more than one.
    *(f"astype_{number}" for number in range(9)),
    "topk_0",
    # The row takes no windows that overhang.
    *(f"nn_avg_pool{dims}d_{number}" for dims in (1, 3) for number in (1, 2)),
}


def test_integers_are_exact_or_refused() -> None:
    """32-bit integers that float32 does not hold."""
    dtype = "int32"
    chosen = [
        (name, case)
        for name, case in cases(table_ops(plugin, CASES, dtype), dtype)
        if not name.startswith(("astype", "clip"))
    ]
    large = [
        (name, type(case)(case.inputs, case.build, low=1e9, high=1.0001e9)) for name, case in chosen
    ]
    assert misfits(plugin, taken(plugin, large, dtype), dtype) == {}


def test_every_row_of_a_relax_op_is_tried() -> None:
    rows = load_table(plugin.byoc_vendor_spec().table.file).source.plain()["ops"]
    assert {name for name in rows if not name.startswith("onnx.")} <= CASES.keys()


def test_64_bit_integers_are_refused_unless_they_may_be_narrowed() -> None:
    nodes = [("add", [0, 0])]
    made = module(nodes, inputs=((4,),), dtypes=("int64",))
    op = partition_model(made, ["openvino"]).plan.ops[0]
    assert "int64=narrow" in op.refusals[0].message
    narrow = PartitionOptions(vendor_options={"openvino": {"int64": "narrow"}})
    assert partition_model(made, ["openvino"], narrow).plan.ops[0].segment


def test_the_check_names_what_openvino_cannot_do() -> None:
    nodes = [helper.make_node("Det", ["x"], ["y"])]
    determinant = model(nodes, [("x", 1, (3, 3))], [("y", 1, ())])

    class Determinant(Region):
        def save_onnx(
            self, folder: Path | str, opset: int | None = None, *, weights: bool = True
        ) -> Path:
            path = Path(folder, "model.onnx")
            onnx.save_model(determinant, path)
            return path

    plain = Region("openvino", "", module([("relu", [0])])["main"])
    regions = [plain, Determinant("openvino", "", plain.function), plain]
    spec = plugin.byoc_vendor_spec()
    answers = plugin.byoc_check("openvino", regions, spec, values(plugin))
    assert answers is not None
    assert [answer is None for answer in answers] == [True, False, True]
    assert "Det" in answers[1].message, answers[1].message
    assert plugin.byoc_check("other", regions, spec, values(plugin)) is None


@pytest.mark.parametrize("name", ["squeezenet", "transformer", "rapidocr-cls"])
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
    data = zoo.zoo_inputs("qdq_cnn", seed=2)
    (right,) = native_session(zoo.load("qdq_cnn")).run(None, data)
    blob = blob_of(plugin, Source(zoo.load("qdq_cnn")))
    (got,) = call(opened(plugin, blob), list(data.values()), [np.zeros_like(right)])
    assert snr(got, right) >= 30


def test_the_blob_says_where_it_runs_and_how_it_computes() -> None:
    blob = blob_of(plugin, Source(convolution()))
    assert blob.report["precision"] == "f32"
    assert "same instruction sets" in blob.report["runs_on"]
    assert json.loads(blob.compat)["openvino"] == plugin.byoc_vendor_spec().toolchain
    assert judge(blob.compat, plugin.byoc_vendor_spec().toolchain, device()).code == "optimal"


@pytest.mark.parametrize(
    ("compat", "installed", "features", "code"),
    [
        (describe("2026.4.1", "r", ["avx2", "fma"]), "2026.4.1", ["avx2"], "optimal"),
        (describe("2026.4.1", "r", ["avx2"]), "2026.4.1", ["avx2", "vaes"], "optimal"),
        (describe("2026.4.1", "r", ["avx2"]), "2026.4.1", ["avx2", "avx512f"], "incompatible"),
        (describe("2026.4.1", "r", ["avx2", "amx_tile"]), "2026.4.1", ["avx2"], "incompatible"),
        (describe("2026.4.1", "r", []), "2026.4.2", [], "incompatible"),
        (describe("2026.4.1", "r", []), "", [], "incompatible"),
        (b"{}", "2026.4.1", [], "corrupt"),
        (b"\xff", "2026.4.1", [], "corrupt"),
    ],
)
def test_verdicts(compat: bytes, installed: str, features: list[str], code: str) -> None:
    verdict = judge(compat, installed, device(features=features))
    assert verdict.code == code
    assert bool(verdict.words) == (code != "optimal")


def test_openvino_itself_refuses_a_blob_of_other_instruction_sets() -> None:
    blob = blob_of(plugin, Source(relu(2, 3)))
    named = blob.named
    asked = json.loads(blob.compat)["requirements"].encode()
    assert named["model"].count(asked) == 1
    parts = {**named, "model": named["model"].replace(asked, asked[:-1] + b"#")}
    with pytest.raises(RuntimeError):
        opened(plugin, type(blob)(parts, blob.compat))


def test_inputs_that_are_left_out_or_passed_on() -> None:
    nodes = [
        helper.make_node("Shape", ["a"], ["s"]),
        helper.make_node("ConstantOfShape", ["s"], ["zeros"]),
        helper.make_node("Dropout", ["b"], ["passed"]),
        helper.make_node("Exp", ["c"], ["e"]),
    ]
    given = [("a", 1, (2, 2)), ("b", 1, (3,)), ("c", 1, (3,))]
    made = model(nodes, given, [("zeros", 1, (2, 2)), ("e", 1, (3,)), ("passed", 1, (3,))])
    try:
        executor = opened(plugin, blob_of(plugin, Source(made)))
    except RuntimeError as error:
        assert "renamed" in str(error)
        return
    b, c = np.float32([1, 2, 3]), np.float32([4, 5, 6])
    outputs = [np.full((2, 2), 7, "f"), np.zeros(3, "f"), np.zeros(3, "f")]
    zeros, e, passed = call(executor, [np.ones((2, 2), "f"), b, c], outputs)
    assert (zeros == 0).all() and (passed == b).all()
    np.testing.assert_allclose(e, np.exp(c), rtol=1e-5)


def test_outputs_of_shapes_that_only_running_tells() -> None:
    made = model(
        [helper.make_node("NonZero", ["x"], ["y"])], [("x", 1, ("n",))], [("y", 7, (1, "k"))]
    )
    executor = opened(plugin, blob_of(plugin, Source(made)))
    first = call_dynamic(executor, [np.float32([0, 2, 0, 3])])[0]
    second = call_dynamic(executor, [np.float32([5, 0])])[0]
    assert first.tolist() == [[1, 3]]
    assert second.tolist() == [[0]]


@pytest.mark.parametrize("streams", ["1", "2"])
def test_as_many_calls_overlap_as_there_are_streams(streams: str) -> None:
    blob = blob_of(plugin, Source(convolution()))
    executor = opened(plugin, blob, streams=streams)
    assert executor.max_concurrency == int(streams)
    native = native_session(convolution())
    wrong = []

    def work(seed: int) -> None:
        data = np.random.default_rng(seed).standard_normal((1, 16, 8, 8)).astype(np.float32)
        (right,) = native.run(None, {"x": data})
        for _ in range(25):
            (got,) = call(executor, [data], [np.zeros_like(right)])
            wrong.extend([seed] * (not np.allclose(got, right, rtol=1e-4, atol=1e-4)))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(int(streams))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == []
    assert executor.stats()["requests"] <= int(streams)


def test_the_profile_names_operators() -> None:
    executor = opened(plugin, blob_of(plugin, Source(convolution())), profile="true")
    data = np.ones((1, 16, 8, 8), np.float32)
    call(executor, [data], [np.zeros_like(data)])
    assert executor.stats()["operators"]["Convolution"]["calls"] == 1
    executor.close()


@pytest.mark.parametrize(
    "name",
    [
        *("squeezenet", "qdq_cnn", "rapidocr-cls"),
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in ("resnet50", "shufflenet", "rapidocr-det")
        ),
    ],
)
def test_zoo_models_are_one_segment(name: str) -> None:
    if not zoo.describe(name).available:
        pytest.skip(f"{name} needs a package that is not installed")
    plan = partition_model(f"zoo:{name}", ["openvino"]).plan
    assert len(plan.segments) == 1
    assert [op.op for op in plan.ops if not op.segment] == []
