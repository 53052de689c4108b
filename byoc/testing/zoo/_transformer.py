"""A BERT-like encoder in the ONNX ops, and under the names, that PyTorch's TorchScript exporter writes at opset 17.

Linear layers of three-dimensional data are a MatMul with an initialiser and an Add whose bias comes first; GELU is
Div, Erf, Add, Mul, Mul; layer norm is one LayerNormalization; scalars and shapes are Constant nodes.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto

from byoc.testing.zoo._builder import Builder
from byoc.testing.zoo._weights import he_uniform, uniform

LAYERS: Final = 4
HIDDEN: Final = 256
HEADS: Final = 8
SEQUENCE: Final = 128
INTERMEDIATE: Final = 1024
VOCABULARY: Final = 2000

_OPSET: Final = 17
_XAVIER: Final = 1 / math.sqrt(2)  # He's gain is for ReLU; projections keep the variance without it


def load() -> onnx.ModelProto:
    """Return the encoder: `input_ids` and `attention_mask` int64[1, 128] in, float32[1, 128, 256] out."""
    graph = _Encoder()
    hidden = graph.embeddings()
    mask = graph.mask()
    for layer in range(LAYERS):
        hidden = graph.layer(hidden, mask, layer)
    return graph.model(
        "transformer",
        _OPSET,
        [
            ("input_ids", TensorProto.INT64, (1, SEQUENCE)),
            ("attention_mask", TensorProto.INT64, (1, SEQUENCE)),
        ],
        [("last_hidden_state", (1, SEQUENCE, HIDDEN))],
    )


class _Encoder(Builder):
    def embeddings(self) -> str:
        at = "/embeddings"
        words = self.initializer(
            "embeddings.word_embeddings.weight",
            uniform("words", (VOCABULARY, HIDDEN), -1.7, 1.7),
        )
        places = self.initializer(
            "embeddings.position_embeddings.weight",
            uniform("positions", (1, SEQUENCE, HIDDEN), -0.5, 0.5),
        )
        found = self.node("Gather", (words, "input_ids"), f"{at}/word_embeddings/Gather")
        both = self.node("Add", (found, places), f"{at}/Add")
        return self._norm(both, f"{at}/LayerNorm")

    def mask(self) -> str:
        """Add 0 where a token counts and the most negative float where it does not, over heads and rows."""
        mask = "attention_mask"
        for step, name in ((1, "/Unsqueeze"), (2, "/Unsqueeze_1")):
            axes = self.constant(f"{name}_axes", np.array([step], np.int64))
            mask = self.node("Unsqueeze", (mask, axes), name)
        mask = self.node("Cast", (mask,), "/Cast", to=TensorProto.FLOAT)
        one = self.constant("/Constant", np.float32(1))
        mask = self.node("Sub", (one, mask), "/Sub")
        least = self.constant("/Constant_1", np.float32(np.finfo(np.float32).min))
        return self.node("Mul", (mask, least), "/Mul")

    def layer(self, x: str, mask: str, number: int) -> str:
        at = f"/encoder/layer.{number}"
        attended = self._attention(x, mask, f"{at}/attention/self")
        attended = self._linear(attended, HIDDEN, HIDDEN, f"{at}/attention/output/dense")
        summed = self.node("Add", (attended, x), f"{at}/attention/output/Add")
        x = self._norm(summed, f"{at}/attention/output/LayerNorm")
        wide = self._linear(x, HIDDEN, INTERMEDIATE, f"{at}/intermediate/dense")
        wide = self._gelu(wide, f"{at}/intermediate/act")
        narrow = self._linear(wide, INTERMEDIATE, HIDDEN, f"{at}/output/dense")
        summed = self.node("Add", (narrow, x), f"{at}/output/Add")
        last = "last_hidden_state" if number == LAYERS - 1 else ""
        return self._norm(summed, f"{at}/output/LayerNorm", last)

    def _attention(self, x: str, mask: str, at: str) -> str:
        query = self._heads(x, "query", [0, 2, 1, 3], at)
        key = self._heads(x, "key", [0, 2, 3, 1], at)
        value = self._heads(x, "value", [0, 2, 1, 3], at)
        scores = self.node("MatMul", (query, key), f"{at}/MatMul")
        root = self.constant(f"{at}/Constant", np.float32(math.sqrt(HIDDEN // HEADS)))
        scores = self.node("Div", (scores, root), f"{at}/Div")
        scores = self.node("Add", (scores, mask), f"{at}/Add")
        weights = self.node("Softmax", (scores,), f"{at}/Softmax", axis=-1)
        context = self.node("MatMul", (weights, value), f"{at}/MatMul_1")
        context = self.node("Transpose", (context,), f"{at}/Transpose", perm=[0, 2, 1, 3])
        shape = self.constant(f"{at}/Constant_1", np.array([1, SEQUENCE, HIDDEN], np.int64))
        return self.node("Reshape", (context, shape), f"{at}/Reshape")

    def _heads(self, x: str, role: str, perm: list[int], at: str) -> str:
        x = self._linear(x, HIDDEN, HIDDEN, f"{at}/{role}")
        split = np.array([1, SEQUENCE, HEADS, HIDDEN // HEADS], np.int64)
        shape = self.constant(f"{at}/{role}/Constant", split)
        x = self.node("Reshape", (x, shape), f"{at}/{role}/Reshape")
        return self.node("Transpose", (x,), f"{at}/{role}/Transpose", perm=perm)

    def _linear(self, x: str, rows: int, columns: int, at: str) -> str:
        module = at[1:].replace("/", ".")
        weight = self.initializer(
            f"onnx::MatMul.{module}", he_uniform(module, (rows, columns), rows, _XAVIER)
        )
        bias = self.initializer(f"{module}.bias", uniform(f"{module}.bias", (columns,), -0.1, 0.1))
        product = self.node("MatMul", (x, weight), f"{at}/MatMul")
        return self.node("Add", (bias, product), f"{at}/Add")

    def _norm(self, x: str, at: str, output: str = "") -> str:
        module = at[1:].replace("/", ".")
        weight = self.initializer(f"{module}.weight", uniform(f"{module}.w", (HIDDEN,), 0.8, 1.2))
        bias = self.initializer(f"{module}.bias", uniform(f"{module}.b", (HIDDEN,), -0.1, 0.1))
        name = f"{at}/LayerNormalization"
        return self.node(
            "LayerNormalization", (x, weight, bias), name, output, axis=-1, epsilon=1e-12
        )

    def _gelu(self, x: str, at: str) -> str:
        root = self.constant(f"{at}/Constant", np.float32(math.sqrt(2)))
        scaled = self.node("Div", (x, root), f"{at}/Div")
        error = self.node("Erf", (scaled,), f"{at}/Erf")
        one = self.constant(f"{at}/Constant_1", np.float32(1))
        shifted = self.node("Add", (error, one), f"{at}/Add")
        product = self.node("Mul", (x, shifted), f"{at}/Mul")
        half = self.constant(f"{at}/Constant_2", np.float32(0.5))
        return self.node("Mul", (product, half), f"{at}/Mul_1")
