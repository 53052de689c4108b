"""MACs: the multiply-accumulates of an op, counted from its shapes.

Convolutions, products of matrices, attention, einsum and ONNX's recurrent layers count; everything else is light
and counts 0. An op that stands for a whole ONNX node (a host call, a PrimFunc) is counted as that node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from typing import Final, TypeAlias

from byoc.partition.facts import group_facts, op_facts
from byoc.partition.graph import Graph, Group
from byoc.support.facts import Facts, Tensor

Extents: TypeAlias = tuple[int, ...]
Count: TypeAlias = Callable[[Facts], int]

OPAQUE: Final = frozenset({"call_pure_packed", "call_dps_packed", "call_packed", "call_tir"})
"""Calls whose name does not say what they compute; the ONNX node behind them does."""


class _UnknownError(Exception):
    """A dimension that the count depends on is not known."""


def macs(graph: Graph, node: int) -> int | None:
    """Return the multiply-accumulates of the call `node`: 0 for a light op, None when a dimension is unknown.

    Of an ONNX node that became several opaque calls, the first has the count. None also stands for control flow
    on the host, whose branches hold work of their own.
    """
    op = graph.ops[node]
    count = _COUNTS.get(op)
    if count is not None:
        return _counted(count, op_facts(graph, node))
    group = _group(graph, node) if op in OPAQUE else None
    if group is None:
        return 0
    if group.op in _CONTROL_FLOW:
        return None
    count = _COUNTS.get(group.op)
    return 0 if count is None else _counted(count, group_facts(graph, group))


def _group(graph: Graph, node: int) -> Group | None:
    """The group whose first opaque call is `node`."""
    for group in graph.groups:
        if node in group.nodes:
            first = next(each for each in group.nodes if graph.ops[each] in OPAQUE)
            return group if first == node else None
    return None


def _counted(count: Count, facts: Facts) -> int | None:
    try:
        return count(facts)
    except _UnknownError:
        return None


def _extents(tensor: object) -> Extents:
    """The shape of `tensor` when all of it is known."""
    shape = tensor.shape if isinstance(tensor, Tensor) else None
    if shape is None or not all(isinstance(extent, int) for extent in shape):
        raise _UnknownError
    return tuple([extent for extent in shape if isinstance(extent, int)])


def _output(facts: Facts) -> Extents:
    return _extents(facts.outputs[0] if facts.outputs else None)


def _input(facts: Facts, name: str) -> Extents:
    return _extents(facts.inputs.get(name))


def _axis(facts: Facts, weight: str, letter: str, default: int) -> int:
    """Where `letter` stands in the layout of a convolution's weight."""
    tensor = facts.inputs.get(weight)
    layout = tensor.layout if isinstance(tensor, Tensor) else None
    return layout.index(letter) if layout and letter in layout else default


def _conv(facts: Facts, weight: str) -> int:
    """Count each output element once for every weight of its filter."""
    kernel = _input(facts, weight)
    features = kernel[_axis(facts, weight, "O", 0)]
    return prod(_output(facts)) * prod(kernel) // max(features, 1)


def _conv_transpose(facts: Facts, data: str, weight: str) -> int:
    """Count each input element once for every weight that spreads it."""
    kernel = _input(facts, weight)
    channels = kernel[_axis(facts, weight, "I", 0)]
    return prod(_input(facts, data)) * prod(kernel) // max(channels, 1)


def _matmul(facts: Facts, left: str, right: str) -> int:
    """Count each output element once for every element of a row of `left`; batches broadcast into the output."""
    columns = _input(facts, left)[-1]
    _input(facts, right)
    return prod(_output(facts)) * columns


def _gemm(facts: Facts) -> int:
    rows, columns = _input(facts, "A")
    return prod(_output(facts)) * (rows if facts.attrs.get("transA") else columns)


def _attention(facts: Facts) -> int:
    """Count query by key and weights by value; query is [batch, sequence, heads, head size]."""
    batch, length, heads, size = _input(facts, "query")
    _, others, _, value_size = _input(facts, "value")
    return batch * heads * length * others * (size + value_size)


def _onnx_attention(facts: Facts) -> int:
    """Count ONNX's Attention: [batch, heads, sequence, size], or [batch, sequence, heads * size]."""
    query, key, value = (_input(facts, name) for name in "QKV")
    past = facts.inputs.get("past_key")
    others = key[-2] + (_extents(past)[-2] if past is not None else 0)
    if len(query) == 4:
        return prod(query[:3]) * others * (query[3] + value[3])
    heads, shared = facts.attrs.get("q_num_heads"), facts.attrs.get("kv_num_heads")
    repeats = heads // shared if isinstance(heads, int) and isinstance(shared, int) else 1
    return query[0] * query[1] * others * (query[2] + value[2] * repeats)


def _einsum(facts: Facts, operands: str, attribute: str) -> int:
    """Count one multiply-accumulate for each index of all labels and operand after the first."""
    equation, tensors = facts.attrs.get(attribute), facts.inputs.get(operands)
    if not isinstance(equation, str) or not isinstance(tensors, tuple) or "..." in equation:
        raise _UnknownError
    if len(tensors) < 2:
        return 0
    terms = equation.replace(" ", "").split("->")[0].split(",")
    labels: dict[str, int] = {}
    for term, tensor in zip(terms, tensors, strict=True):
        labels.update(zip(term, _extents(tensor), strict=True))
    return prod(labels.values()) * (len(tensors) - 1)


def _recurrent(facts: Facts) -> int:
    """Count the weights of the input and of the state once for every step and batch, all directions."""
    steps, batch, _ = _input(facts, "X")
    return steps * batch * (prod(_input(facts, "W")) + prod(_input(facts, "R")))


_CONTROL_FLOW: Final = frozenset({"onnx.If", "onnx.Loop", "onnx.Scan", "onnx.SequenceMap"})

_COUNTS: Final[Mapping[str, Count]] = {
    **{f"nn.conv{rank}d": partial(_conv, weight="weight") for rank in (1, 2, 3)},
    **{
        f"nn.conv{rank}d_transpose": partial(_conv_transpose, data="data", weight="weight")
        for rank in (1, 2, 3)
    },
    "matmul": partial(_matmul, left="x1", right="x2"),
    "nn.attention": _attention,
    "nn.attention_bias": _attention,
    "einsum": partial(_einsum, operands="operands", attribute="subscripts"),
    "onnx.Conv": partial(_conv, weight="W"),
    "onnx.ConvInteger": partial(_conv, weight="w"),
    "onnx.QLinearConv": partial(_conv, weight="w"),
    "onnx.DeformConv": partial(_conv, weight="W"),
    "onnx.ConvTranspose": partial(_conv_transpose, data="X", weight="W"),
    "onnx.MatMul": partial(_matmul, left="A", right="B"),
    "onnx.MatMulInteger": partial(_matmul, left="A", right="B"),
    "onnx.QLinearMatMul": partial(_matmul, left="a", right="b"),
    "onnx.Gemm": _gemm,
    "onnx.Attention": _onnx_attention,
    "onnx.Einsum": partial(_einsum, operands="Inputs", attribute="equation"),
    "onnx.LSTM": _recurrent,
    "onnx.GRU": _recurrent,
    "onnx.RNN": _recurrent,
}
