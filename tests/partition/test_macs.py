"""MACs counted from shapes, held against the numbers of the textbook."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tvm import relax

from byoc.partition.graph import Graph, Group, Kind, read_module
from byoc.partition.macs import macs
from tests.partition.build import module, weight

IMAGE = (1, 16, 8, 8)


def count(nodes: list[Any], inputs: list[tuple[int | str, ...]]) -> int | None:
    """MACs of the last node."""
    (graph,) = read_module(module(nodes, inputs=inputs))
    return macs(graph, list(graph.counted())[-1])


@pytest.mark.parametrize(
    ("kernel", "keywords", "expected"),
    [
        ((32, 16, 3, 3), {"padding": (1, 1)}, 32 * 64 * 16 * 9),
        ((32, 16, 3, 3), {"padding": (1, 1), "strides": (2, 2)}, 32 * 16 * 16 * 9),
        ((32, 16, 1, 1), {}, 32 * 64 * 16),
        ((16, 1, 3, 3), {"padding": (1, 1), "groups": 16}, 16 * 64 * 9),
        ((32, 4, 1, 1), {"groups": 4}, 32 * 64 * 4),
        ((3, 3, 16, 32), {"padding": (1, 1), "kernel_layout": "HWIO"}, 32 * 64 * 16 * 9),
    ],
)
def test_conv2d(kernel: tuple[int, ...], keywords: dict[str, Any], expected: int) -> None:
    assert count([("conv2d", [0, weight(*kernel)], keywords)], [IMAGE]) == expected


def test_convolutions_of_one_and_three_dimensions() -> None:
    assert count([("nn.conv1d", [0, weight(8, 4, 3)])], [(1, 4, 10)]) == 8 * 8 * 4 * 3
    volume = [("nn.conv3d", [0, weight(8, 4, 3, 3, 3)])]
    assert count(volume, [(1, 4, 5, 5, 5)]) == 8 * 27 * 4 * 27


def test_a_transposed_convolution_counts_its_input() -> None:
    nodes = [("nn.conv2d_transpose", [0, weight(16, 8, 2, 2)], {"strides": (2, 2)})]
    assert count(nodes, [IMAGE]) == prod(IMAGE) * 8 * 4


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((4, 5), (5, 6), 4 * 5 * 6),
        ((2, 3, 4, 5), (2, 3, 5, 6), 6 * 4 * 5 * 6),
        ((2, 1, 4, 5), (3, 5, 6), 6 * 4 * 5 * 6),
        ((5,), (5, 6), 30),
        ((4, 5), (5,), 20),
        ((5,), (5,), 5),
    ],
)
def test_matmul(left: tuple[int, ...], right: tuple[int, ...], expected: int) -> None:
    assert count([("matmul", [0, 1])], [left, right]) == expected


@given(st.lists(st.integers(1, 9), min_size=3, max_size=3), st.lists(st.integers(1, 4), max_size=3))
def test_matmul_is_the_product_of_its_extents(extents: list[int], batch: list[int]) -> None:
    rows, inner, columns = extents
    inputs = [(*batch, rows, inner), (*batch, inner, columns)]
    assert count([("matmul", [0, 1])], inputs) == prod(batch) * prod(extents)


def test_attention() -> None:
    shapes = [(2, 7, 4, 8), (2, 9, 4, 8), (2, 9, 4, 16)]
    assert count([("nn.attention", [0, 1, 2])], shapes) == 2 * 4 * 7 * 9 * (8 + 16)


def test_einsum_has_one_loop_over_all_labels() -> None:
    nodes = [("einsum", [[0, 1]], {"subscripts": "bij,bjk->bik"})]
    assert count(nodes, [(2, 3, 4), (2, 4, 5)]) == 2 * 3 * 4 * 5


def test_light_ops_count_nothing_and_unknown_dimensions_are_unknown() -> None:
    assert count([("relu", [0])], [(4, "n")]) == 0
    assert count([("matmul", [0, 1])], [("n", 5), (5, 6)]) is None


def host(
    op: str, inputs: dict[str, Any], attrs: dict[str, Any], shape: tuple[int, ...]
) -> int | None:
    """MACs of a host call that stands for the ONNX node `op` of output `shape`."""
    graph = Graph("main", (0,), dataflow=True)
    result = relax.Var("y", relax.TensorType(shape, "float32"))
    graph.kinds.append(Kind.CALL)
    graph.ops.append("call_pure_packed")
    graph.operands.append(())
    graph.users.append([])
    graph.names.append("y")
    graph.exprs.append(None)
    graph.vars.append(result)
    graph.groups = (Group(op, "node", (0,), inputs, (0,), attrs, host=True),)
    return macs(graph, 0)


def test_onnx_nodes_on_the_host() -> None:
    lstm = {"X": np.zeros((5, 2, 3)), "W": np.zeros((1, 16, 3)), "R": np.zeros((1, 16, 4))}
    assert host("onnx.LSTM", lstm, {}, (5, 1, 2, 4)) == 5 * 2 * (16 * 3 + 16 * 4)
    gemm = {"A": np.zeros((3, 4)), "B": np.zeros((3, 5)), "C": None}
    assert host("onnx.Gemm", gemm, {"transA": 1}, (4, 5)) == 4 * 5 * 3
    conv = {"X": np.zeros((1, 3, 8, 8)), "W": np.zeros((6, 3, 3, 3))}
    assert host("onnx.Conv", conv, {}, (1, 6, 6, 6)) == 6 * 36 * 27
    attention = {name: np.zeros((2, 4, 8, 16)) for name in "QKV"}
    assert host("onnx.Attention", attention, {}, (2, 4, 8, 16)) == 2 * 4 * 8 * 8 * 32
    flat = {name: np.zeros((2, 8, 64)) for name in "QKV"}
    assert host("onnx.Attention", flat, {}, (2, 8, 64)) == 2 * 4 * 8 * 8 * 32
    assert host("onnx.TopK", {"X": np.zeros(9)}, {}, (3,)) == 0
    assert host("onnx.If", {}, {}, (3,)) is None
