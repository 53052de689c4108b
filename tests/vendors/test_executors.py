"""What the executors of vendors with Python drivers do alike: dtypes, scalars, no elements, shapes that change."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.vendors.models import model, relu
from tests.vendors.toolchain import Source, blob_of, call, opened

COMMON = ("float32", "float16", "bfloat16", "bool", "int8", "uint8", "int32", "int64")
DTYPES = {
    "onnxruntime": (*COMMON, "float64", "int16", "uint16", "uint32", "uint64"),
    "openvino": COMMON,
}
ELEMENTS = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
}


@pytest.fixture(params=DTYPES)
def plugin(request: pytest.FixtureRequest) -> Any:
    """A vendor's plugin; the package that it needs is there."""
    pytest.importorskip(request.param, reason=f"needs the package {request.param}")
    return import_module(f"byoc.vendors.{request.param}")


@pytest.mark.parametrize(
    ("vendor", "dtype"), [(vendor, each) for vendor, known in DTYPES.items() for each in known]
)
def test_every_dtype_crosses_the_border(vendor: str, dtype: str) -> None:
    pytest.importorskip(vendor, reason=f"needs the package {vendor}")
    element = ELEMENTS.get(dtype) or getattr(TensorProto, dtype.upper())
    node = helper.make_node("Transpose", ["x"], ["y"], perm=[1, 0])
    made = model([node], [("x", element, (2, 3))], [("y", element, (3, 2))])
    plugin = import_module(f"byoc.vendors.{vendor}")
    executor = opened(plugin, blob_of(plugin, Source(made)))
    data = np.array([[0, 1, 1], [1, 0, 1]]).astype(getattr(ml_dtypes, dtype, dtype))
    (got,) = call(executor, [data], [np.zeros((3, 2), data.dtype)])
    assert (got == data.T).all()


def test_scalars_and_tensors_without_elements(plugin: Any) -> None:
    executor = opened(plugin, blob_of(plugin, Source(relu())))
    scalar = np.full((), -2, np.float32)
    assert call(executor, [scalar], [np.ones((), np.float32)])[0] == 0
    executor = opened(plugin, blob_of(plugin, Source(relu("n", 3))))
    empty = np.zeros((0, 3), np.float32)
    assert call(executor, [empty], [empty.copy()])[0].shape == (0, 3)


def test_symbolic_shapes_may_change_from_call_to_call(plugin: Any) -> None:
    executor = opened(plugin, blob_of(plugin, Source(relu("n", 3))))
    for count in (1, 4, 2, 4):
        data = np.random.default_rng(count).standard_normal((count, 3)).astype(np.float32)
        (got,) = call(executor, [data], [np.full_like(data, 9)])
        assert (got == np.maximum(data, 0)).all()
