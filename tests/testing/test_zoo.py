"""The zoo: deterministic, finite, and with outputs that depend on the input."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from byoc.errors import UsageError
from byoc.testing import zoo
from byoc.testing.zoo._packages import Shipped

LARGE = {"vgg19", "alexnet", "zfnet512"}
NAMES = [pytest.param(n, marks=pytest.mark.slow if n in LARGE else ()) for n in zoo.names()]


def need(name: str) -> None:
    if not zoo.describe(name).available:
        pytest.skip(f"{name} needs a package that is not installed")


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    data = model.SerializeToString()
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def distance(left: list[Any], right: list[Any]) -> float:
    """The largest difference between two runs over all outputs, relative to the largest value."""
    pairs = zip(left, right, strict=True)
    return max(float(abs(a - b).max() / max(abs(a).max(), 1e-6)) for a, b in pairs)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_runs_and_depends_on_its_input(name: str) -> None:
    need(name)
    model = zoo.load(name)
    runner = session(model)
    first, again, other = (runner.run(None, zoo.zoo_inputs(name, seed)) for seed in (0, 0, 1))
    assert all(np.isfinite(each).all() for each in [*first, *other])
    assert distance(first, again) == 0
    assert distance(first, other) > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bytes_every_time(name: str) -> None:
    need(name)
    digests = {
        hashlib.sha256(zoo.load(name).SerializeToString(deterministic=True)).hexdigest()
        for _ in range(2)
    }
    assert len(digests) == 1


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_those_of_the_graph(name: str) -> None:
    need(name)
    graph = zoo.load(name).graph
    values = zoo.zoo_inputs(name)
    assert list(values) == [value.name for value in graph.input]
    for value in graph.input:
        kind = value.type.tensor_type
        given = values[value.name]
        assert given.dtype == onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        assert len(kind.shape.dim) == given.ndim
        if name != "silero-vad":
            assert tuple(dim.dim_value for dim in kind.shape.dim) == given.shape


@pytest.mark.parametrize("name", ["resnet50", "shufflenet", "transformer", "qdq_cnn"])
def test_models_are_valid_onnx(name: str) -> None:
    model = zoo.load(name)
    onnx.checker.check_model(model, full_check=True)
    assert not any(node.op_type == "ConstantOfShape" for node in model.graph.node)
    constants = {tensor.name for tensor in model.graph.initializer}
    assert not constants & {value.name for value in model.graph.input}


def test_qdq_cnn_shares_a_dequantize_between_the_residual_and_the_block() -> None:
    graph = zoo.load("qdq_cnn").graph
    add = next(node for node in graph.node if node.name == "block1.add")
    readers = [node.op_type for node in graph.node if add.input[1] in node.input]
    assert sorted(readers) == ["Add", "Conv"]


def test_names_in_the_order_of_the_catalogue() -> None:
    assert zoo.names()[:3] == ("resnet50", "densenet121", "inception_v1")
    assert len(zoo.names()) == 20


@pytest.mark.parametrize("ask", [zoo.load, zoo.describe, zoo.zoo_inputs])
def test_an_unknown_name_gets_the_nearest(ask: Any) -> None:
    with pytest.raises(UsageError, match="no zoo model 'resnet5'; did you mean 'resnet50'"):
        ask("resnet5")


def test_a_missing_package_is_named() -> None:
    shipped = Shipped("some-models", "byoc_no_such_package", "models/a.onnx")
    assert shipped.file() is None
    with pytest.raises(UsageError, match="pip install --no-deps some-models"):
        shipped.load("a", {})


def test_a_file_missing_from_its_package_is_named() -> None:
    with pytest.raises(UsageError, match=r"models/a\.onnx of the package onnx"):
        Shipped("onnx", "onnx", "models/a.onnx").load("a", {})
