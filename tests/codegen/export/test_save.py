"""Regions as files: the same model as the one in memory, or one whose weights are holes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from tvm import relax

from byoc.codegen.export import _writer
from byoc.errors import ExportError
from byoc.region import Region
from tests.codegen.export.regions import run, whole
from tests.codegen.export.test_symbolic import function

SIDE = 1024
"""Square weights of it are 1 MiB in int8 and 4 MiB in float32."""

X = np.random.default_rng(0).standard_normal((2, SIDE)).astype("float32")
FLOAT = np.random.default_rng(1).standard_normal((SIDE, SIDE)).astype("float32")
INT8 = np.random.default_rng(2).integers(-128, 127, (SIDE, SIDE), "int8")
SCALES = np.random.default_rng(3).random(SIDE, "float32")


def region() -> Region:
    """x @ dequantize(INT8, SCALES) @ FLOAT + SCALES."""

    def body(builder, x):
        scales = relax.const(SCALES)
        stored = relax.op.dequantize(
            relax.const(INT8), scales, relax.const(np.zeros(SIDE, "int8")), 1, "float32"
        )
        first = builder.emit(relax.op.matmul(x, builder.emit(stored)))
        second = builder.emit(relax.op.matmul(first, relax.const(FLOAT)))
        return builder.emit(relax.op.add(second, scales), "sum")

    return whole(function([relax.Var("x", relax.TensorType([2, SIDE], "float32"))], body))


def test_the_files_are_the_model(tmp_path: Path) -> None:
    path = region().save_onnx(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model.onnx", "weights"]
    assert path.stat().st_size < 64 << 10
    assert (tmp_path / "weights").stat().st_size == FLOAT.nbytes + INT8.nbytes
    onnx.checker.check_model(str(path), full_check=True)
    (found,) = onnxruntime.InferenceSession(str(path)).run(None, {"x": X})
    (wanted,) = run(region().to_onnx(), {"x": X})
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-2)


def test_the_same_region_is_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        region().save_onnx(tmp_path / name)
    for name in ("model.onnx", "weights"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_without_weights_only_large_floating_point_data_is_missing(tmp_path: Path) -> None:
    path = region().save_onnx(tmp_path, weights=False)
    kinds = {}
    for tensor in onnx.load(path).graph.initializer:
        array = numpy_helper.to_array(tensor)
        kinds[array.shape, array.dtype.name] = array
    np.testing.assert_array_equal(kinds[INT8.shape, "int8"], INT8)
    np.testing.assert_array_equal(kinds[SCALES.shape, "float32"], SCALES)
    assert not kinds[FLOAT.shape, "float32"].any()
    held = (tmp_path / "weights").stat()
    assert held.st_size == FLOAT.nbytes + INT8.nbytes
    assert held.st_blocks * 512 < FLOAT.nbytes


def test_large_scales_are_never_missing(tmp_path: Path) -> None:
    """Scales of blocks are as large as weights: what is divided by zero is another model."""
    scales = np.full(SIDE * 512, 0.5, "float32")

    def body(builder, x):
        return builder.emit(
            relax.op.dequantize(
                x, relax.const(scales), relax.const(np.zeros(scales.size, "int8")), 1, "float32"
            )
        )

    x = relax.Var("x", relax.TensorType([1, scales.size], "int8"))
    path = whole(function([x], body)).save_onnx(tmp_path, weights=False)
    arrays = [numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer]
    assert any(np.array_equal(each, scales) for each in arrays)


def test_small_regions_are_one_file(tmp_path: Path) -> None:
    def body(builder, x):
        return builder.emit(relax.op.add(x, relax.const(SCALES)))

    made = whole(function([relax.Var("x", relax.TensorType([2, SIDE], "float32"))], body))
    made.save_onnx(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]


def test_what_lies_outside_is_not_bound_by_the_size_of_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_writer, "LIMIT", FLOAT.nbytes)
    with pytest.raises(ExportError, match="in one piece"):
        region().to_onnx()
    assert region().save_onnx(tmp_path).is_file()
