"""One ONNX operator in the forms in which QNN is tried: float32, float16, and QDQ of stored integers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Array = npt.NDArray[Any]
FORMS = {
    "float32": ("float32", "float32"),
    "float16": ("float16", "float16"),
    "int8": ("int8", "int8"),
    "uint8": ("uint8", "uint8"),
    "mixed": ("uint8", "int8"),
}
"""The types of data and of weights, by the name of the form; "mixed" is what most quantisers write."""

MOVES = frozenset(
    (
        *("MaxPool", "GlobalMaxPool", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze"),
        *("Slice", "Expand", "Tile", "Concat"),
    )
)
"""Operators that keep stored values: input and output share a scale."""


@dataclass(frozen=True)
class Given:
    """An input: drawn between `low` and `high`, or the `values` themselves.

    "data" comes at run time; "weight" and "bias" are constants that are quantised, a bias as int32; "bound" is a
    constant that is not, "plain" one that stays as it is in every form. `channel` is the axis of a weight's scales,
    None for one scale.
    """

    shape: tuple[int, ...] = ()
    low: float = -2.0
    high: float = 2.0
    role: Literal["data", "weight", "bias", "bound", "plain"] = "data"
    values: Array | None = None
    channel: int | None = None

    def draw(self, seed: int) -> Array:
        if self.values is not None:
            return self.values
        drawn = np.random.default_rng(seed).uniform(self.low, self.high, self.shape)
        return drawn.astype(np.float32)


@dataclass(frozen=True)
class Case:
    """`op` on `inputs`, and `then` on its result; None is an input that is left out.

    `quantised` says that there are QDQ forms.
    """

    op: str
    inputs: tuple[Given | None, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1
    opset: int = 17
    quantised: bool = True
    then: str = ""


@dataclass
class Model:
    """An ONNX model, what to feed it, and the zero points of its outputs (None for floats)."""

    proto: onnx.ModelProto
    feeds: dict[str, Array]
    expected: list[Array]
    zeros: list[int | None]

    def snr(self, results: list[Array]) -> float:
        """The worst signal-to-noise ratio of an output (dB); infinite where all are equal."""
        return min(
            _snr(*(each.astype(np.float64) - (zero or 0) for each in pair))
            for *pair, zero in zip(self.expected, results, self.zeros, strict=True)
        )


def _snr(right: Array, found: Array) -> float:
    noise = float(np.square(right - found).sum())
    return np.inf if noise == 0 else 10 * np.log10(float(np.square(right).sum()) / noise)


def model_of(case: Case, form: str) -> Model:
    """The case in a form of `FORMS`, and what onnxruntime computes of it without rewriting it."""
    return _Writer(case, *FORMS[form]).model()


class _Writer:
    def __init__(self, case: Case, data: str, weight: str) -> None:
        self.case, self.data, self.weight = case, data, weight
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        self.feeds: dict[str, Array] = {}
        self.scales: list[tuple[Array, Array]] = []

    def model(self) -> Model:
        names = [
            "" if given is None else self.input(f"i{index}", given, given.draw(index))
            for index, given in enumerate(self.case.inputs)
        ]
        outputs = [f"o{index}" for index in range(self.case.outputs)]
        self.operate(names, outputs)
        ends: list[str] = outputs
        zeros: list[int | None] = [None] * len(outputs)
        if self.data.endswith("int8"):
            floats = _run(self.proto(outputs), self.feeds)
            pairs = [self.stored_output(*pair) for pair in zip(outputs, floats, strict=True)]
            ends, zeros = [name for name, _ in pairs], [zero for _, zero in pairs]
        proto = self.proto(ends)
        expected = _run(proto, self.feeds)
        del proto.graph.output[:]
        proto.graph.output.extend(map(_value, ends, expected))
        return Model(proto, self.feeds, expected, zeros)

    def operate(self, names: list[str], outputs: list[str]) -> None:
        first = ["first"] if self.case.then else outputs
        self.nodes.append(
            helper.make_node(self.case.op, names, first, name="op", **self.case.attrs)
        )
        if self.case.then:
            self.nodes.append(helper.make_node(self.case.then, first, outputs, name="then"))

    def input(self, name: str, given: Given, array: Array) -> str:
        if given.role == "plain" or array.dtype != np.float32:
            return self.put(name, given, array)
        if not self.data.endswith("int8"):
            return self.put(name, given, array.astype(self.data))
        if given.role == "bound":
            return self.put(name, given, array)
        scale, zero = self.scale(given, array)
        self.scales.append((scale, zero))
        axis = given.channel or 0
        wide = [-1 if each == axis else 1 for each in range(array.ndim)]
        steps = array / (scale.reshape(wide) if scale.ndim else scale)
        low, high = np.iinfo(zero.dtype).min, np.iinfo(zero.dtype).max
        stored = np.clip(np.rint(steps) + (0 if zero.ndim else int(zero)), low, high)
        self.put(name, given, stored.astype(zero.dtype))
        return self.linear("DequantizeLinear", name, f"{name}_real", scale, zero, axis)

    def scale(self, given: Given, array: Array) -> tuple[Array, Array]:
        if given.role == "bias":
            scale = np.asarray(self.scales[0][0] * self.scales[1][0], np.float32)
            return scale, np.zeros(scale.shape, np.int32)
        if given.channel is not None and self.weight == "int8":
            others = tuple(each for each in range(array.ndim) if each != given.channel)
            scale = (np.abs(array).max(axis=others) / 127).astype(np.float32)
            return scale, np.zeros(scale.shape, np.int8)
        return _one_scale(array, self.data if given.role == "data" else self.weight)

    def put(self, name: str, given: Given, array: Array) -> str:
        (self.feeds if given.role == "data" else self.constants)[name] = array
        return name

    def linear(
        self, op: str, source: str, target: str, scale: Array, zero: Array, axis: int = 0
    ) -> str:
        self.constants |= {f"{target}_scale": scale, f"{target}_zero": zero}
        attrs = {"axis": axis} if scale.ndim else {}
        inputs = [source, f"{target}_scale", f"{target}_zero"]
        self.nodes.append(helper.make_node(op, inputs, [target], name=target, **attrs))
        return target

    def stored_output(self, name: str, array: Array) -> tuple[str, int | None]:
        if array.dtype != np.float32:
            return name, None
        scale, zero = self.scales[0] if self.case.op in MOVES else _one_scale(array, self.data)
        return self.linear("QuantizeLinear", name, f"{name}_stored", scale, zero), int(zero)

    def proto(self, outputs: list[str]) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "case",
            list(map(_value, self.feeds, self.feeds.values())),
            [helper.make_empty_tensor_value_info(name) for name in outputs],
            [numpy_helper.from_array(each, name) for name, each in self.constants.items()],
        )
        opsets = [helper.make_opsetid("", self.case.opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def _one_scale(array: Array, dtype: str) -> tuple[Array, Array]:
    least, most = min(float(array.min()), 0.0), max(float(array.max()), 0.0)
    low = int(np.iinfo(dtype).min)
    scale = np.float32((most - least) / 255 or 1.0)
    return np.asarray(scale), np.array(round(low - least / float(scale)), dtype)


def _value(name: str, array: Array) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
    )


def _run(proto: onnx.ModelProto, feeds: dict[str, Array]) -> list[Array]:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    # Its own quantised kernels overflow on CPUs without VNNI.
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    settings.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    return list(session.run(None, feeds))


def forms_of(case: Case) -> Iterator[str]:
    """The forms that the case has."""
    for form in FORMS:
        if form.startswith("float") or case.quantised:
            yield form
