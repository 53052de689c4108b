"""Attention."""

from __future__ import annotations

import math

import numpy as np

from byoc.codegen.export._call import Call, Emitter

_HEADS_FIRST = [0, 2, 1, 3]


def attention(call: Call) -> str:
    """Two MatMuls around a Softmax, which every opset has; tensors are batch, sequence, head, depth."""
    attrs, dtype = call.attrs, call.dtype()
    if getattr(attrs, "window_size", None) is not None:
        call.decline("its window slides")
    query, value = (call.transpose(call[index], _HEADS_FIRST) for index in (0, 2))
    key = call.transpose(call[1], [0, 2, 3, 1])
    scores = call.emit("MatMul", query, key)
    scores = call.emit("Mul", scores, call.constant(_scale(call), dtype, "scale"))
    if len(call.expr.args) > 3:
        scores = call.emit("Add", scores, call[3])
    if attrs.causal_mask is not None:
        scores = call.emit("Add", scores, _causal(call, str(attrs.causal_mask)))
    weights = call.emit("Softmax", scores, axis=-1)
    return call.transpose(call.emit("MatMul", weights, value), _HEADS_FIRST)


def _scale(call: Call) -> float:
    if call.attrs.scale is not None:
        return float(call.attrs.scale)
    depth = call.shape()[3]
    if not isinstance(depth, int):
        call.decline("its depth is symbolic")
    return 1 / math.sqrt(depth)


def _causal(call: Call, kind: str) -> str:
    """Minus infinity above the diagonal, which begins in the first row or ends in the last."""
    rows, columns = call.shape(0)[1], call.shape(1)[1]
    if not (isinstance(rows, int) and isinstance(columns, int)):
        call.decline("its causal mask is of a symbolic shape")
    diagonal = 0 if kind == "TopLeft" else abs(rows - columns)
    hidden = ~np.tri(rows, columns, diagonal, dtype=bool)
    return call.constant(np.where(hidden, -np.inf, 0), call.dtype(), "causal_mask")


_OPS = ("MatMul", "Softmax", "Mul", "Add", "Transpose")

EMITTERS: dict[str, Emitter] = {
    "nn.attention": Emitter(attention, _OPS),
    "nn.attention_bias": Emitter(attention, _OPS),
}
