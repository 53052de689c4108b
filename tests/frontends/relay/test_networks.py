"""Networks of the zoo as Relay text: imported, they are what the same networks imported from ONNX are."""

from pathlib import Path

import numpy as np
import pytest
import tvm
from tvm import relax

from byoc.frontends import Model, import_model
from byoc.testing import zoo
from byoc.testing.run import run_model
from tests.frontends.relay.canonical import difference
from tests.frontends.relay.printer import Style, print_module

RESHAPED = {"transformer", "rapidocr-rec"}
"""Relay multiplies matrices in one batch axis, these networks in two: their graphs differ by reshapes."""
GRAPHS = (
    "densenet121", "inception_v1", "inception_v2", "qdq_cnn", "rapidocr-cls", "rapidocr-det", "rapidocr-rec",
    "resnet50", "shufflenet", "squeezenet", "transformer",
)  # fmt: skip
HEAVY = ("alexnet", "vgg19", "zfnet512")
QUICK = ("qdq_cnn", "squeezenet", "transformer")


def through_relay(model: Model, style: Style, folder: Path) -> Model:
    """The model written as a file of Relay text and a file of parameters, and imported from them."""
    printed = print_module(model.module, style, as_params=True)
    text, params = folder / "model.relay", folder / "model.params"
    text.write_text(printed.text, "utf-8")
    params.write_bytes(tvm.runtime.save_param_dict(printed.params))
    return import_model(text, params=params)


def network(name: str) -> Model:
    """A network of the zoo; skips the test where its package is not installed."""
    if not zoo.describe(name).available:
        pytest.skip(f"the package of {name} is not installed")
    return import_model(f"zoo:{name}")


def same_graph(name: str, folder: Path) -> None:
    style = Style(types=True, spans=True)
    model = network(name)
    found = through_relay(model, style, folder)
    relax.analysis.well_formed(found.module)
    assert (difference(found.module, model.module) == "") is (name not in RESHAPED)
    assert found.inputs == tuple(param.name for param in model.module["main"].params)


def same_numbers(name: str, folder: Path) -> None:
    model = network(name)
    found = through_relay(model, Style(), folder)
    params = [param.name for param in model.module["main"].params]
    values = dict(zip(params, zoo.zoo_inputs(name).values(), strict=True))
    for ours, theirs in zip(run_model(found, values), run_model(model, values), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_network_is_the_graph_that_onnx_gives(name: str, tmp_path: Path) -> None:
    same_graph(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_network_is_the_graph_that_onnx_gives(name: str, tmp_path: Path) -> None:
    same_graph(name, tmp_path)


@pytest.mark.parametrize("name", QUICK)
def test_a_network_computes_what_onnx_gives(name: str, tmp_path: Path) -> None:
    same_numbers(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*GRAPHS, *HEAVY} - {*QUICK}))
def test_many_networks_compute_what_onnx_gives(name: str, tmp_path: Path) -> None:
    same_numbers(name, tmp_path)


@pytest.mark.parametrize("name", ["squeezenet", "qdq_cnn"])
@pytest.mark.parametrize(
    "style",
    [
        Style(types=True, defaults=True),
        Style(idioms=False),
        Style(spans=True, idioms=False, defaults=True),
    ],
)
def test_the_way_it_is_written_does_not_matter(name: str, style: Style, tmp_path: Path) -> None:
    model = network(name)
    printed = print_module(model.module, style)
    assert "#[metadata]" in printed.text
    path = tmp_path / "model.relay"
    path.write_text(printed.text, "utf-8")
    assert difference(import_model(path).module, model.module) == ""
