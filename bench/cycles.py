"""What the reference NPU makes of models, in cycles of its simulator: exact, the same on every machine.

Each figure stands beside the roofline, the larger of MACs over the peak rate and bytes over the bandwidth (each
tensor moved once), and beside the same without double buffering or with every result spilled.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class Figure:
    """Cycles in all, those of the roofline, the figure that a target is held against, and what it stands beside."""

    cycles: int
    roofline: int
    ratio: float
    beside: int
    words: str


@dataclass(frozen=True, slots=True)
class Part:
    """A line of the table; its ratio has to be at least so much."""

    run: Callable[[], Figure]
    least: float | None
    what: str


def convolutions(model: str) -> Figure:
    """All convolutions of a model together: their roofline over their cycles."""
    chosen = _convolutions(_composites(model))
    cycles, roofline = _sums(chosen)
    single, _ = _sums(_convolutions(_composites(model, double_buffering=False)))
    return Figure(cycles, roofline, roofline / cycles, single, "single buffers")


def per_layer(model: str) -> Figure:
    """The geometric mean over a model's convolutions of roofline over cycles."""
    chosen = _convolutions(_composites(model))
    logs = [math.log(each["roofline_cycles"] / each["cycles"]) for each in chosen]
    worst = min(chosen, key=lambda each: each["roofline_cycles"] / each["cycles"])
    cycles, roofline = _sums(chosen)
    ratio = math.exp(sum(logs) / len(logs))
    return Figure(cycles, roofline, ratio, worst["cycles"], f"worst {worst['nodes'][0]}")


def product() -> Figure:
    """The product of two float32 matrices of 512 x 512, one of them constant."""
    cycles, roofline = _sums(_composites("matmul"))
    single, _ = _sums(_composites("matmul", double_buffering=False))
    return Figure(cycles, roofline, roofline / cycles, single, "single buffers")


def kept(model: str) -> Figure:
    """A whole model with results kept on chip, beside the same with every result spilled: how much faster."""
    cycles, roofline = _sums(_composites(model))
    spilled, _ = _sums(_composites(model, keep_on_chip=False))
    return Figure(cycles, roofline, spilled / cycles, spilled, "all spilled")


PARTS: Mapping[str, Part] = {
    "npu-r50": Part(lambda: convolutions("resnet50"), 0.8, "ResNet-50, float32"),
    "npu-r50-g": Part(lambda: per_layer("resnet50"), 0.75, "its layers, geometric mean"),
    "npu-i8": Part(lambda: convolutions("resnet50-int8"), 0.8, "ResNet-50, int8"),
    "npu-i8-g": Part(lambda: per_layer("resnet50-int8"), 0.75, "its layers, geometric mean"),
    "npu-mm": Part(product, 0.9, "matmul 512 x 512 x 512, float32"),
    "npu-kept": Part(lambda: kept("resnet50-int8"), 1.0, "ResNet-50, int8, kept on chip"),
}


@cache
def _composites(model: str, **options: bool) -> list[dict[str, Any]]:
    """Every composite of every npu segment of `model`, with cycles and roofline."""
    from byoc import PartitionOptions, partition_model
    from byoc.vendors.npu.compiler import Options, compiled, composites
    from byoc.vendors.npu.hardware import load
    from byoc.vendors.npu.layers import Network
    from byoc.vendors.npu.lower import lower

    texts = {key: str(value).lower() for key, value in options.items()}
    given = PartitionOptions(vendor_options={"npu": texts}, verify=False)
    partition = partition_model(_model(model), ["npu"], given)
    how = Options(
        options.get("keep_on_chip", True), 2 if options.get("double_buffering", True) else 1
    )
    found = []
    for segment in partition.segments():
        network = lower(segment)
        assert isinstance(network, Network), network
        found += composites(compiled(network, load("medium"), how))
    return found


def _convolutions(composites: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in composites if each["name"].startswith(("conv2d", "nn.conv2d"))]


def _sums(composites: Sequence[dict[str, Any]]) -> tuple[int, int]:
    return sum(each["cycles"] for each in composites), sum(
        each["roofline_cycles"] for each in composites
    )


@cache
def _model(name: str) -> onnx.ModelProto | str:
    if name == "matmul":
        return _matmul()
    return _quantised("resnet50") if name == "resnet50-int8" else f"zoo:{name}"


def _matmul() -> onnx.ModelProto:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    weight = np.random.default_rng(0).normal(size=(512, 512)).astype("float32")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], "matmul")],
        "matmul",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [512, 512])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [512, 512])],
        [numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _quantised(name: str) -> onnx.ModelProto:
    """A zoo model in int8: batch normalisation folded by onnxruntime, then quantised by it as QDQ, by channel."""
    import logging

    import onnx
    import onnxruntime
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    from byoc.testing.zoo import load

    logging.getLogger().setLevel(logging.ERROR)  # it advises on preprocessing, which is done here
    with _scratch() as folder:
        onnx.save(load(name), folder / "float.onnx")
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(folder / "folded.onnx")
        onnxruntime.InferenceSession(folder / "float.onnx", options)
        folded = onnx.load(folder / "folded.onnx")
        for node in folded.graph.node:
            if node.op_type == "Sum" and len(node.input) == 2:
                node.op_type = "Add"  # the quantiser knows this one only
        onnx.save(folded, folder / "folded.onnx")
        quantize_static(
            folder / "folded.onnx",
            folder / "int8.onnx",
            _Calibration(name),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            weight_type=QuantType.QInt8,
            activation_type=QuantType.QInt8,
        )
        return onnx.load(folder / "int8.onnx")


class _Calibration:
    """Two inputs of the zoo's, as onnxruntime's quantiser reads them."""

    def __init__(self, name: str) -> None:
        from byoc.testing.zoo import zoo_inputs

        self._given: Iterator[Any] = iter([zoo_inputs(name, seed) for seed in range(2)])

    def get_next(self) -> Any:
        """The next input, None after the last."""
        return next(self._given, None)


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="byoc-bench-") as name:
        yield Path(name)
