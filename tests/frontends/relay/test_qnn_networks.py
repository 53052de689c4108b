"""Whole quantised networks: their integer form is what Relay computes, and how far the QDQ form is from it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from byoc.frontends import import_model
from tests.conftest import ROOT
from tests.frontends.relay.qnn_arithmetic import Array
from tests.frontends.relay.qnn_networks import evaluate, imported, runner
from tests.frontends.relay.qnn_texts import NETWORKS, Network

CNN = ROOT / "tests" / "data" / "relay" / "qnn_cnn.relay"


def _printed_by_tvm() -> Network:
    return Network(CNN.read_text(), {}, (1, 3, 32, 32), "float32")


ALL: dict[str, Callable[[], Network]] = {"cnn": _printed_by_tvm, **NETWORKS}


def _hold(name: str, folder: Path, seeds: range) -> None:
    network = ALL[name]()
    run = runner(imported(network.text, folder, network.constants))
    for seed in seeds:
        inputs = {"x": network.image(seed)}
        found = run(inputs)
        wanted = evaluate(network.text, {**inputs, **network.constants})
        for left, right in zip(found, wanted, strict=True):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right, err_msg=f"seed {seed}")


@pytest.mark.parametrize("name", ALL)
def test_a_network_is_integer_exact(name: str, tmp_path: Path) -> None:
    _hold(name, tmp_path, range(3))


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_a_network_is_integer_exact_on_many_inputs(name: str, tmp_path: Path) -> None:
    _hold(name, tmp_path, range(3, 103))


def _steps(name: str, array: Array) -> Array:
    """Stored integers; the floats that `cnn` gives are multiples of 0.05."""
    return np.round(array / np.float32(0.05)) if name == "cnn" else array.astype(np.int64)


@pytest.mark.parametrize(
    ("name", "share", "most"),
    [("cnn", 0.2, 1), ("mobile", 0.4, 1), ("residual", 0.75, 6), ("attention", 0.5, 14)],
)
def test_the_qdq_form_is_near(name: str, share: float, most: int, tmp_path: Path) -> None:
    network = ALL[name]()
    exact, near = (
        runner(imported(network.text, tmp_path, network.constants, form))
        for form in ("integer", "qdq")
    )
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


def test_an_unknown_form_is_refused() -> None:
    from byoc.errors import UsageError

    with pytest.raises(UsageError, match="did you mean 'integer'"):
        import_model(CNN, qnn="integr")
    with pytest.raises(UsageError, match="ONNX has the form qdq"):
        import_model("zoo:squeezenet", qnn="integer")
