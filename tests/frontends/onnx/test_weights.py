"""Constants: external data, memory, odd types."""

from __future__ import annotations

import os

import numpy as np
import onnx
import pytest
from onnx.external_data_helper import convert_model_to_external_data

from byoc.errors import ModelError
from byoc.frontends import import_model
from byoc.testing.run import run_model
from tests.frontends.models import add_weight, parse

MATMUL = "g (float[1,64] x) => (float[1,64] y) { y = MatMul(x, w) }"


@pytest.fixture
def external(tmp_path):
    """A saved model whose weight lies in a file beside it."""
    model = add_weight(parse(MATMUL), "w", np.arange(4096, dtype="float32").reshape(64, 64))
    convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save(model, tmp_path / "m.onnx")
    return tmp_path / "m.onnx"


def test_external_data_is_read(external):
    x = np.ones((1, 64), "float32")
    (y,) = run_model(import_model(external), {"x": x})
    np.testing.assert_allclose(y, x @ np.arange(4096, dtype="float32").reshape(64, 64), rtol=1e-5)


def test_missing_external_data(external):
    (external.parent / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"'w' is missing: there is no file .*weights\.bin"):
        import_model(external)


def test_truncated_external_data(external):
    with (external.parent / "weights.bin").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(ModelError, match="is cut short"):
        import_model(external)


@pytest.mark.parametrize("location", ["/etc/passwd", "../weights.bin"])
def test_external_data_outside_the_folder(external, location):
    model = onnx.load(external, load_external_data=False)
    model.graph.initializer[0].external_data[0].value = location
    onnx.save(model, external)
    with pytest.raises(ModelError, match="outside the model's folder"):
        import_model(external)


def test_data_that_does_not_fit_its_shape():
    model = add_weight(parse(MATMUL), "w", np.ones((64, 64), "float32"))
    model.graph.initializer[0].raw_data = b"1234"
    with pytest.raises(ModelError, match="'w' does not fit"):
        import_model(model)


@pytest.mark.slow
def test_more_than_two_gigabytes_without_reading_them(tmp_path):
    size = 26_000
    model = parse(f"g (float[1,{size}] x) => (float[1,{size}] y) {{ y = MatMul(x, w) }}")
    weight = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[size, size])
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="weights.bin")
    model.graph.initializer.append(weight)
    with (tmp_path / "weights.bin").open("wb") as file:
        os.truncate(file.fileno(), 4 * size * size)
    onnx.save(model, tmp_path / "m.onnx")
    imported = import_model(tmp_path / "m.onnx")
    (binding,) = imported.module["main"].body.blocks[0].bindings
    assert [int(dim) for dim in binding.value.args[1].ty.shape.values] == [size, size]
