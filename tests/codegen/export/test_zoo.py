"""Real models, imported and written again: the same results in onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from byoc.frontends import import_model
from byoc.testing.zoo import load, names, zoo_inputs
from tests.codegen.export.regions import exported, run

QUICK = ["squeezenet", "shufflenet", "transformer", "qdq_cnn", "rapidocr-cls", "silero-vad-half"]


def difference(name: str) -> float:
    """The greatest difference of any output, relative to the output's greatest number."""
    model = load(name)
    made = exported(import_model(model))
    feeds = zoo_inputs(name)
    results = run(
        made, dict(zip([each.name for each in made.graph.input], feeds.values(), strict=True))
    )
    worst = 0.0
    for ours, theirs in zip(results, run(model, feeds), strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        scale = float(np.abs(theirs.astype("float64")).max())
        worst = max(worst, float(np.abs(ours.astype("float64") - theirs).max()) / max(scale, 1e-30))
    return worst


@pytest.mark.parametrize("name", QUICK)
def test_a_model_comes_back(name):
    assert difference(name) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", [each for each in names() if each not in QUICK])
def test_every_model_comes_back(name):
    assert difference(name) < 2e-5


def test_quantisation_stays_as_it_is():
    made = exported(import_model(load("qdq_cnn")))
    constants = {each.name: each for each in made.graph.initializer}
    convolutions = [node for node in made.graph.node if node.op_type == "Conv"]
    makers = {node.output[0]: node for node in made.graph.node}
    assert convolutions
    for node in convolutions:
        data, weight, bias = (makers[name] for name in node.input)
        assert {data.op_type, weight.op_type, bias.op_type} == {"DequantizeLinear"}
        assert constants[weight.input[0]].data_type == 3, "int8"
        assert constants[bias.input[0]].data_type == 6, "int32"
        assert len(constants[bias.input[0]].dims) == 1
