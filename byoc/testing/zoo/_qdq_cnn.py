"""A small residual CNN in int8, as onnxruntime's static quantiser writes it (QDQ format, per-channel weights).

What is typical of that quantiser, and kept here: one DequantizeLinear for all readers of a tensor, so that the
first convolution of a block and the block's residual addition share one; weights int8 per output channel with zero
points of 0; biases int32 with the product of the scales; a ReLU removed where the zero point of its output clips at
0; pooling and Flatten between quantised tensors of one scale.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto

from byoc.testing.zoo._builder import Builder
from byoc.testing.zoo._weights import centred, uniform

SIZE: Final = 64
CLASSES: Final = 100

_OPSET: Final = 13
_RELU_RANGE: Final = (0.0, 4.0)
_DATA_RANGE: Final = (-2.0, 2.0)
_LOGIT_RANGE: Final = (-5.0, 5.0)


def load() -> onnx.ModelProto:
    """Return the network: `data` float32[1, 3, 64, 64] in, `logits` float32[1, 100] out."""
    graph = _Quantised()
    x = graph.quantised("data", _DATA_RANGE)
    x = graph.conv(x, "stem", 3, 32, stride=2)
    x = graph.pool(x, "pool", "MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    y = graph.conv(x, "block1.conv1", 32, 32)
    y = graph.conv(y, "block1.conv2", 32, 32, gain=0.5)
    x = graph.add(y, x, "block1.add")
    y = graph.conv(x, "block2.conv1", 32, 64, stride=2)
    y = graph.conv(y, "block2.conv2", 64, 64, gain=0.5)
    shortcut = graph.conv(x, "block2.shortcut", 32, 64, kernel=1, stride=2)
    x = graph.add(y, shortcut, "block2.add")
    y = graph.conv(x, "block3.depthwise", 64, 64, groups=64)
    y = graph.conv(y, "block3.pointwise", 64, 64, kernel=1, gain=0.5)
    x = graph.add(y, x, "block3.add")
    x = graph.pool(x, "average", "GlobalAveragePool")
    x = graph.pool(x, "flatten", "Flatten", axis=1)
    graph.classifier(x, 64)
    return graph.model(
        "qdq_cnn",
        _OPSET,
        [("data", TensorProto.FLOAT, (1, 3, SIZE, SIZE))],
        [("logits", (1, CLASSES))],
    )


class _Quantised(Builder):
    """Writes ops between quantised tensors; values are the names of dequantised tensors."""

    def __init__(self) -> None:
        super().__init__()
        self._scales: dict[str, tuple[str, str, float]] = {}

    def quantised(self, value: str, bounds: tuple[float, float], output: str = "") -> str:
        """Quantise `value` to int8 over `bounds` and dequantise it again."""
        low, high = bounds
        scale = np.float32((high - low) / 255)
        zero = np.int8(round(-128 - low / float(scale)))
        names = (
            self.initializer(f"{value}_scale", scale),
            self.initializer(f"{value}_zero_point", zero),
        )
        return self._quantise(value, (*names, float(scale)), output)

    def conv(
        self,
        x: str,
        name: str,
        channels: int,
        features: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        gain: float = 1.0,
    ) -> str:
        """Add a convolution whose ReLU the quantiser removed; `gain` scales a residual branch."""
        shape = (features, channels // groups, kernel, kernel)
        weight, bias = self._parameters(name, shape, self._scales[x][2], gain)
        output = self.node(
            "Conv",
            (x, weight, bias),
            name,
            f"{name}_relu",
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
            group=groups,
        )
        return self.quantised(output, _RELU_RANGE)

    def add(self, a: str, b: str, name: str) -> str:
        """Add a residual addition whose ReLU the quantiser removed."""
        return self.quantised(self.node("Add", (a, b), name, f"{name}_relu"), _RELU_RANGE)

    def pool(self, x: str, name: str, op: str, **attrs: object) -> str:
        """Add an op whose output keeps the scale and zero point of its input."""
        output = self.node(op, (x,), name, f"{name}_output", **attrs)
        return self._quantise(output, self._scales[x])

    def classifier(self, x: str, features: int) -> None:
        """Add the fully connected layer that makes `logits`."""
        weight, bias = self._parameters("fc", (CLASSES, features), self._scales[x][2], 3.0)
        output = self.node("Gemm", (x, weight, bias), "fc", "fc_output", transB=1)
        self.quantised(output, _LOGIT_RANGE, "logits")

    def _quantise(self, value: str, scale: tuple[str, str, float], output: str = "") -> str:
        names = scale[:2]
        stored = self.node(
            "QuantizeLinear",
            (value, *names),
            f"{value}_QuantizeLinear",
            f"{value}_QuantizeLinear_Output",
        )
        result = self.node(
            "DequantizeLinear",
            (stored, *names),
            f"{value}_DequantizeLinear",
            output or f"{value}_DequantizeLinear_Output",
        )
        self._scales[result] = scale
        return result

    def _parameters(
        self, name: str, shape: tuple[int, ...], data_scale: float, gain: float
    ) -> tuple[str, str]:
        """Add the dequantised weight and bias of a layer; `shape` has the output channels first."""
        weight = centred(f"qdq_cnn/{name}.weight", shape, gain)
        bias = uniform(f"qdq_cnn/{name}.bias", shape[:1], -0.1, 0.1)
        scales = np.abs(weight).reshape(shape[0], -1).max(axis=1) / np.float32(127)
        rows = scales.reshape(-1, *[1] * (len(shape) - 1))
        bias_scales = (scales * np.float32(data_scale)).astype(np.float32)
        return (
            self._stored(f"{name}.weight", np.rint(weight / rows).astype(np.int8), scales),
            self._stored(f"{name}.bias", np.rint(bias / bias_scales).astype(np.int32), bias_scales),
        )

    def _stored(
        self,
        name: str,
        values: npt.NDArray[np.signedinteger[npt.NBitBase]],
        scales: npt.NDArray[np.float32],
    ) -> str:
        """Add stored integers with their scales along axis 0, and the node that dequantises them."""
        inputs = (
            self.initializer(f"{name}_quantized", values),
            self.initializer(f"{name}_scale", scales.astype(np.float32)),
            self.initializer(f"{name}_zero_point", np.zeros(scales.shape, values.dtype)),
        )
        node = f"{name}_DequantizeLinear"
        return self.node("DequantizeLinear", inputs, node, f"{node}_Output", axis=0)
