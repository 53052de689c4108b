"""Whole quantised networks: their integer form is what Relay computes, and how far the QDQ form is from it."""

import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from byoc.errors import ModelError
from byoc.frontends import import_model
from tests.conftest import ROOT
from tests.frontends.relay.qnn_arithmetic import Array
from tests.frontends.relay.qnn_networks import HEADER, evaluate, hold, imported, runner
from tests.frontends.relay.qnn_texts import NETWORKS, Network

CNN = ROOT / "tests" / "data" / "relay" / "qnn_cnn.relay"


def _printed_by_tvm() -> Network:
    return Network(CNN.read_text(), {}, (1, 3, 32, 32), "float32")


ALL: dict[str, Callable[[], Network]] = {"cnn": _printed_by_tvm, **NETWORKS}


Run = Callable[[Mapping[str, Array]], list[Array]]


@cache
def _runner(name: str, form: str) -> Run:
    network = ALL[name]()
    with tempfile.TemporaryDirectory() as folder:
        return runner(imported(network.text, Path(folder), network.constants, form))


def _hold(name: str, seeds: range) -> None:
    network, run = ALL[name](), _runner(name, "integer")
    for seed in seeds:
        inputs = {"x": network.image(seed)}
        found = run(inputs)
        wanted = evaluate(network.text, {**inputs, **network.constants})
        for left, right in zip(found, wanted, strict=True):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right, err_msg=f"seed {seed}")


@pytest.mark.parametrize("name", ALL)
def test_a_network_is_integer_exact(name: str) -> None:
    _hold(name, range(3))


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_a_network_is_integer_exact_on_many_inputs(name: str) -> None:
    _hold(name, range(3, 103))


def _steps(name: str, array: Array) -> Array:
    """Stored integers; the floats that `cnn` gives are multiples of 0.05."""
    return np.round(array / np.float32(0.05)) if name == "cnn" else array.astype(np.int64)


@pytest.mark.parametrize(
    ("name", "share", "most"),
    [
        ("mobile", 0.3, 1),
        pytest.param("cnn", 0.3, 2, marks=pytest.mark.slow),
        pytest.param("residual", 0.7, 6, marks=pytest.mark.slow),
        pytest.param("attention", 0.5, 14, marks=pytest.mark.slow),
    ],
)
def test_the_qdq_form_is_near(name: str, share: float, most: int) -> None:
    """As near as docs/relay.md says: a layer is off by one at ties alone, sums, means and softmax more often."""
    network = ALL[name]()
    exact, near = (_runner(name, form) for form in ("integer", "qdq"))
    distances = []
    for seed in range(20):
        inputs = {"x": network.image(seed)}
        pairs = zip(exact(inputs), near(inputs), strict=True)
        distances += [
            abs(_steps(name, left) - _steps(name, right)).ravel() for left, right in pairs
        ]
    found = np.concatenate(distances)
    assert found.max() <= most
    assert (found > 0).mean() <= share


def test_scales_may_be_computed(tmp_path: Path) -> None:
    """As ONNX's DynamicQuantizeLinear becomes Relay; the QDQ form has constants alone."""
    text = f"""{HEADER}def @main(%x: Tensor[(3, 4), float32], %s: float32, %z: int32, %w: Tensor[(2, 4), int8]) {{
  %0 = qnn.quantize(%x, %s, %z, out_dtype="uint8");
  %1 = qnn.dense(%0, %w, %z, 0, %s, 0.02f, units=2, out_dtype="int32");
  %2 = qnn.dequantize(%0, %s, %z);
  (%0, %1, %2)
}}
"""
    random = np.random.default_rng(0)
    inputs = {
        "x": random.normal(size=(3, 4)).astype(np.float32),
        "s": np.asarray(0.02, np.float32),
        "z": np.asarray(117, np.int32),
        "w": random.integers(-128, 128, (2, 4)).astype(np.int8),
    }
    hold(text, inputs, {}, tmp_path)
    with pytest.raises(ModelError, match="zero point is computed by the model"):
        imported(text, tmp_path, qnn="qdq")


def test_an_unknown_form_is_refused() -> None:
    from byoc.errors import UsageError

    with pytest.raises(UsageError, match="did you mean 'integer'"):
        import_model(CNN, qnn="integr")
    with pytest.raises(UsageError, match="ONNX has the form qdq"):
        import_model("zoo:squeezenet", qnn="integer")


def test_a_plan_keeps_the_form() -> None:
    import byoc

    plans = [
        byoc.partition_model(CNN, ["onnx"], byoc.PartitionOptions(qnn=form)).plan
        for form in ("integer", "qdq")
    ]
    assert [each.options.get("qnn") for each in plans] == ["integer", None]
