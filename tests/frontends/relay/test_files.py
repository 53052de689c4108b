"""Files that TVM 0.16 printed: they convert, run, and agree with their ONNX models."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import tvm
from onnx import numpy_helper
from tvm import relax

from byoc.errors import ModelError, UsageError
from byoc.frontends import Model, import_model
from byoc.testing import zoo
from byoc.testing.run import run_model
from tests.conftest import ROOT

DATA = ROOT / "tests" / "data" / "relay"


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    return {
        each.name: numpy_helper.to_array(each) for each in zoo.load("squeezenet").graph.initializer
    }


@pytest.fixture(scope="module")
def params(weights: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("params") / "squeezenet.params"
    path.write_bytes(tvm.runtime.save_param_dict(weights))
    return path


def operators(model: Model) -> list[str]:
    block = model.module["main"].body.blocks[0]
    return [each.value.op.name for each in block.bindings if hasattr(each.value, "op")]


def test_squeezenet_is_what_onnx_gives(params: Path) -> None:
    model = import_model(DATA / "squeezenet.relay", params=params)
    expected = import_model("zoo:squeezenet")
    # The texts differ in the order of independent branches.
    assert sorted(operators(model)) == sorted(operators(expected))
    assert model.inputs == expected.inputs == ("data_0",)
    assert model.outputs == expected.outputs == ("softmaxout_1",)
    assert model.origins["main"]["n0_1"] == ("n0",)
    image = np.random.default_rng(0).random((1, 3, 224, 224), np.float32)
    (found,) = run_model(model, {"data_0": image})
    (wanted,) = run_model(expected, {"data_0": image})
    np.testing.assert_array_equal(found, wanted)


def test_a_partitioned_module_keeps_its_partition(
    weights: dict[str, np.ndarray], tmp_path: Path
) -> None:
    archive = tmp_path / "squeezenet.npz"
    np.savez(archive, **weights)
    model = import_model(DATA / "squeezenet_partitioned.relay", params=archive)
    names = [var.name_hint for var in model.module.get_global_vars()]
    segments = [name for name in names if name != "main"]
    assert len(segments) == 35
    for name in segments:
        attrs = model.module[name].attrs
        assert (attrs["Codegen"], attrs["global_symbol"]) == ("dnnl", name)
    relax.analysis.well_formed(model.module)
    image = np.random.default_rng(0).random((1, 3, 224, 224), np.float32)
    (found,) = run_model(model, {"data_0": image})
    (wanted,) = run_model(import_model("zoo:squeezenet"), {"data_0": image})
    np.testing.assert_array_equal(found, wanted)


def test_a_quantised_network_has_the_integers_of_its_onnx_model() -> None:
    model = import_model(DATA / "qnn_cnn.relay")
    original = DATA / "qnn_cnn.onnx"
    counts = [operators(each) for each in (model, import_model(original))]
    # ONNX's one output carries its own name; Relay's is bound as the last value of the function.
    assert sorted(counts[0]) == sorted(counts[1])
    proto = onnx.load(original)
    inner = ("a1_q", "oq_q")
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in inner)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    for seed in range(20):
        image = np.random.default_rng(seed).normal(size=(1, 3, 32, 32)).astype(np.float32)
        wanted = session.run(None, {"x": image})
        (found,) = run_model(model, {"x": image})
        np.testing.assert_array_equal(np.round(found / np.float32(0.05)) + 3, wanted[2])


def test_parameters_belong_to_relay_alone(params: Path) -> None:
    with pytest.raises(UsageError, match="an ONNX model has its own"):
        import_model("zoo:squeezenet", params=params)


def test_a_damaged_file_of_parameters_is_refused(params: Path, tmp_path: Path) -> None:
    data = params.read_bytes()
    for size in (0, 7, 16, 40, len(data) // 2, len(data) - 1):
        bad = tmp_path / "bad.params"
        bad.write_bytes(data[:size])
        with pytest.raises(ModelError, match="holds no parameters"):
            import_model(DATA / "squeezenet.relay", params=bad)
    (tmp_path / "bad.npz").write_bytes(data[:100])
    with pytest.raises(ModelError, match="holds no parameters"):
        import_model(DATA / "squeezenet.relay", params=tmp_path / "bad.npz")


def test_parameters_of_another_shape_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", conv1_b_0=np.zeros(3, np.float32), other=np.zeros(1))
    with pytest.raises(ModelError, match=r"squeezenet.relay:2:\d+: the parameter %conv1_b_0"):
        import_model(DATA / "squeezenet.relay", params=tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", other=np.zeros(1))
    assert import_model(DATA / "squeezenet.relay", params=tmp_path / "w.npz").notes == (
        "main has no parameter 'other'",
    )
