"""Models that packages ship, and the light models of onnx, against onnxruntime."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from tvm import relax

from byoc.frontends import import_model
from tests.frontends.models import agrees

LIGHT = sorted((Path(onnx.__file__).parent / "backend/test/data/light").glob("*.onnx"))


REAL = [
    ("silero_vad/data", "silero_vad.onnx", 1),
    ("silero_vad/data", "silero_vad_16k_op15.onnx", 2),
    ("silero_vad/data", "silero_vad_16k_sequence.onnx", 2),
    ("silero_vad/data", "silero_vad_half.onnx", 2),
    ("silero_vad/data", "silero_vad_op18_ifless.onnx", 1),
    ("silero_vad/data", "silero_vad_openvino_16k.onnx", 2),
    ("rapidocr_onnxruntime/models", "ch_ppocr_mobile_v2.0_cls_infer.onnx", 0),
    ("rapidocr_onnxruntime/models", "ch_PP-OCRv4_rec_infer.onnx", 0),
    ("rapidocr_onnxruntime/models", "ch_PP-OCRv4_det_infer.onnx", 0),
]
"""Folder, file, and the host calls that are left with bound shapes."""


def path_of(folder: str, file: str) -> Path:
    package, _, inside = folder.partition("/")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"the package {package} is not installed")
    return Path(spec.origin).parent / inside / file


def feeds_of(path: Path) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    feeds = {}
    for value in onnx.load(path).graph.input:
        dims = [
            dim.dim_value if dim.dim_value > 0 else 1 for dim in value.type.tensor_type.shape.dim
        ]
        if value.name == "sr":
            feeds[value.name] = np.array(16000, "int64")
            continue
        if path.name.startswith(
            ("silero_vad.", "silero_vad_16k_op15", "silero_vad_half", "silero_vad_op18")
        ):
            dims = {"input": [1, 512], "state": [2, 1, 128]}[value.name]
        elif value.name == "x":
            dims = [1, 3, 48, 96]
        feeds[value.name] = (0.1 * random.standard_normal(dims)).astype("float32")
    return feeds


@pytest.mark.parametrize("path", LIGHT, ids=lambda path: path.stem)
def test_light_models_import_without_host_calls(path):
    model = import_model(path)
    relax.analysis.well_formed(model.module)
    assert not model.host_nodes


@pytest.mark.parametrize(("folder", "file", "hosts"), REAL)
def test_real_models_import(folder, file, hosts):
    path = path_of(folder, file)
    symbolic = import_model(path)
    relax.analysis.well_formed(symbolic.module)
    shapes = {name: array.shape for name, array in feeds_of(path).items() if array.ndim}
    if file.startswith("ch_PP-OCRv4_det"):
        shapes = {"x": (1, 3, 64, 96)}  # it halves five times
    bound = import_model(path, shapes=shapes)
    relax.analysis.well_formed(bound.module)
    assert len(bound.host_nodes) == hosts


@pytest.mark.parametrize("bound", [False, True], ids=["symbolic", "bound"])
@pytest.mark.parametrize(("folder", "file", "hosts"), REAL[:6])
def test_speech_models_agree_with_onnxruntime(folder, file, hosts, bound):
    path = path_of(folder, file)
    feeds = feeds_of(path)
    shapes = {name: array.shape for name, array in feeds.items() if array.ndim} if bound else {}
    agrees(onnx.load(path), feeds, rtol=1e-4, shapes=shapes)


@pytest.mark.slow
@pytest.mark.parametrize("bound", [False, True], ids=["symbolic", "bound"])
@pytest.mark.parametrize(("folder", "file", "hosts"), REAL[6:8])
def test_image_models_agree_with_onnxruntime(folder, file, hosts, bound):
    path = path_of(folder, file)
    feeds = feeds_of(path)
    shapes = {name: array.shape for name, array in feeds.items()} if bound else {}
    agrees(onnx.load(path), feeds, rtol=1e-4, shapes=shapes)
