"""Compiler: an ONNX model as a blob that OpenVINO imports."""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import byoc
from byoc.vendors.openvino.compat import describe
from byoc.vendors.openvino.ports import Ports

if TYPE_CHECKING:
    from onnx import ModelProto

DEVICE: Final = "CPU"

ALIGNMENT: Final = 16
"""Bytes; its kernels load unaligned vectors, and every array of numpy's is aligned so much."""

IN_MEMORY: Final = 64 << 20
"""Models of up to this many bytes are read from memory; larger ones from a file, which OpenVINO maps."""


def compiled(model: ModelProto, options: Mapping[str, Any]) -> byoc.Blob:
    """Compile `model`, which loses its data. Raises what OpenVINO raises for a model that it does not take.

    The parts are `model`, OpenVINO's own, and `ports`, what it made of the segment's inputs.
    """
    import openvino

    names = [each.name for each in model.graph.input]
    core = openvino.Core()
    features = byoc.this_device()["features"]
    with tempfile.TemporaryDirectory(prefix="byoc-openvino-") as folder:
        # The compiled model is made from what is read, and may still map the file.
        source = read(core, model, Path(folder))
        result = core.compile_model(source, DEVICE, properties(options, features))
        exported = result.export_model().getvalue()
    version = openvino.__version__.partition("-")[0]
    requirements = str(result.get_property("RUNTIME_REQUIREMENTS"))
    return byoc.Blob(
        {"model": exported, "ports": Ports.of(result, names).written()},
        compat=describe(version, requirements, features),
        report={
            "toolchain": f"OpenVINO {version}",
            "runs_on": f"this version on CPUs of the same instruction sets ({requirements})",
            "precision": options["precision"],
            "int8": "fast" if _is_fast(options, features) else "exact",
            "operators": _operators(result),
        },
        alignment=ALIGNMENT,
    )


def properties(options: Mapping[str, Any], features: list[str]) -> dict[str, Any]:
    """OpenVINO's properties for the compile-time `options` on a CPU of `features`.

    Every precision is stated: the default is bfloat16 on CPUs with AMX, and quantises activations before weights
    that are stored in few bits.
    """
    is_exact = options["precision"] == "f32"
    return {
        "INFERENCE_PRECISION_HINT": options["precision"],
        "EXECUTION_MODE_HINT": "ACCURACY" if is_exact else "PERFORMANCE",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
        "LP_TRANSFORMS_MODE": _is_fast(options, features),
        "PERFORMANCE_HINT": "LATENCY",
    }


def read(core: Any, model: ModelProto, folder: Path) -> Any:
    """`model` as OpenVINO's; a large one goes through a file in `folder` and loses its data."""
    import onnx

    if model.ByteSize() <= IN_MEMORY:
        return core.read_model(io.BytesIO(model.SerializeToString()))
    path = folder / "model.onnx"
    onnx.save_model(
        model, path, save_as_external_data=True, location="weights", convert_attribute=False
    )
    return core.read_model(path)


def _is_fast(options: Mapping[str, Any], features: list[str]) -> bool:
    """Whether quantised operators are computed in int8.

    Without VNNI the products of uint8 and int8 are summed in 16 bits, which overflow.
    """
    if options["int8"] != "auto":
        return bool(options["int8"] == "fast")
    return bool({"avx512_vnni", "avx_vnni", "amx_int8", "i8mm"}.intersection(features))


def _operators(result: Any) -> dict[str, int]:
    """What the compiled model consists of, by OpenVINO's names of its kernels' types."""
    types = (
        node.get_rt_info()["layerType"].astype(str) for node in result.get_runtime_model().get_ops()
    )
    return dict(sorted(Counter(types).items()))
