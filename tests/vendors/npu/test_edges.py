"""Edges: models at the rims of shapes and of the table's limits: what the table takes is compiled, and right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from byoc.vendors.npu.hardware import load, table_figures
from tests.vendors.npu.agreement import OPSET, feeds
from tests.vendors.npu.families import Graph, attention, conv, layer_norm
from tests.vendors.npu.whole import compiled_segment, difference, outputs, partitioned, simulated
from tests.vendors.toolchain import native_session

CHIPS = ("small", "medium", "large")

MASK = (1, 1, 1, 128)
"""The shape of the transformer's mask, which a product with a huge number is made of: ones let all through."""

Build = Callable[[Graph], Any]


def pixel(g: Graph) -> Any:
    """Images of one pixel, in a batch."""
    x = g.input(3, 7, 1, 1)
    made = g.node("Relu", g.node("Conv", x, g.weights(5, 7, 1, 1), g.weights(5)))
    return g.node("Softmax", made, axis=1), g.node("GlobalAveragePool", made)


def awkward(g: Graph) -> Any:
    """Channels that are multiples of nothing."""
    x = g.input(2, 13, 17, 11)
    made = g.node("Conv", x, g.weights(37, 13, 3, 3), pads=[1, 0, 2, 1], strides=[2, 1])
    made = g.node("MaxPool", g.node("Relu", made), kernel_shape=[3, 2], strides=[2, 2])
    return g.node("Conv", made, g.weights(37, 1, 2, 2), g.weights(37), group=37)


def outputs_everywhere(g: Graph) -> Any:
    """Results that others read, and results that are the same."""
    x = g.input(1, 4, 6, 6)
    first = g.node("Conv", x, g.weights(4, 4, 1, 1))
    second = g.node("Relu", first)
    third = g.node("Add", second, x)
    return first, second, third, g.node("MaxPool", third, kernel_shape=[2, 2])


def same_constant(g: Graph) -> Any:
    """One constant for two convolutions and an addition."""
    x, w, b = g.input(1, 6, 5, 5), g.weights(6, 6, 1, 1), g.weights(1, 6, 1, 1)
    made = g.node("Add", g.node("Conv", x, w), b)
    return g.node("Mul", g.node("Add", g.node("Conv", made, w), b), made)


def twice(g: Graph) -> Any:
    """A value with itself."""
    x = g.node("MaxPool", g.input(2, 3, 4, 5), kernel_shape=[1, 1])
    return g.node("Concat", g.node("Mul", x, x), x, x, axis=1)


def moves_alone(g: Graph) -> Any:
    """Moves, and nothing that is computed but a pooling beside them."""
    x, y = g.input(2, 3, 4, 5), g.input(1, 1, 2, 2)
    moved = g.node("Transpose", x, perm=[3, 1, 0, 2])
    flat = g.node("Reshape", moved, g.constant([5, 24], "int64"))
    return flat, moved, g.node("MaxPool", y, kernel_shape=[1, 1])


def row(g: Graph) -> Any:
    """Vectors, and matrices of one row or column."""
    x = g.input(1, 1)
    made = g.node("MatMul", x, g.weights(1, 9))
    return g.node("MatMul", g.node("Relu", made), g.weights(9, 1))


def cnn(g: Graph) -> Any:
    x = g.input(2, 3, 33, 33)
    for filters, given in ((24, 3), (40, 24)):
        x = g.node("Conv", x, g.weights(filters, given, 3, 3), g.weights(filters), pads=[1] * 4)
        x = g.node("MaxPool", g.node("Relu", x), kernel_shape=[2, 2], strides=[2, 2])
    x = g.node("Flatten", g.node("GlobalAveragePool", x))
    return g.node("Softmax", g.node("Gemm", x, g.weights(10, 40), g.weights(10), transB=1))


EDGES: Mapping[str, Build] = {
    "pixel": pixel,
    "awkward": awkward,
    "outputs": outputs_everywhere,
    "same constant": same_constant,
    "twice": twice,
    "moves": moves_alone,
    "row": row,
    "cnn": cnn,
    "batch": lambda g: conv(g),
    "attention": lambda g: attention(g, (2, 1, 1, 5)),
    "layer norm": lambda g: layer_norm(g, g.input(3, 1, 7), 7),
}


def limits(chip: str) -> Iterator[tuple[str, bool, Build]]:
    """Cases at the limits of the table, just within and just beyond; and whether the npu takes them."""
    figures = table_figures(load(chip))
    scratchpad, columns, depth = (figures[each] for each in ("scratchpad", "columns", "depth"))
    kernels = scratchpad // (16 * depth * columns)
    for beyond in (False, True):
        taps = kernels + beyond
        yield (
            f"kernel of {taps} taps",
            not beyond,
            lambda g, t=taps: g.node("Conv", g.input(1, 2, 1, t + 3), g.weights(3, 2, 1, t)),
        )
        rows = scratchpad // 32 + beyond
        for name, build in (
            ("softmax", lambda g, n=rows: g.node("Softmax", g.input(3, n), axis=-1)),
            (
                "norm",
                lambda g, n=rows: g.node(
                    "LayerNormalization", g.input(3, n), g.weights(n), g.weights(n)
                ),
            ),
        ):
            yield f"{name} of rows of {rows}", not beyond, build
        grouped = scratchpad // (16 * columns * 9) + beyond
        yield (
            f"groups of {grouped} channels",
            not beyond,
            lambda g, n=grouped: g.node(
                "Conv", g.input(1, 2 * n, 3, 3), g.weights(4, n, 3, 3), group=2
            ),
        )
        apart = scratchpad // (16 * depth) // 3 + beyond
        yield (
            f"dilation of {apart}",
            not beyond,
            lambda g, d=apart: g.node(
                "Conv", g.input(1, 2, 1, 2 * d + 3), g.weights(3, 2, 1, 3), dilations=[1, d]
            ),
        )
        band = int((scratchpad // 16) ** 0.5) + beyond
        yield (
            f"LRN of {band} channels",
            not beyond,
            lambda g, n=band: g.node("LRN", g.input(1, n, 2, 2), size=5, alpha=0.01, beta=0.75),
        )


def complaint(build: Build, chip: str, taken: bool = True) -> str:
    """What is wrong with a model, all of which the npu takes, or not; "" for nothing."""
    graph = Graph()
    made = build(graph)
    model = graph.model(*((made,) if isinstance(made, str) else made))
    partition = partitioned(model, chip)
    left = [(op.op, op.refusals) for op in partition.plan.ops if not op.segment]
    if bool(left) == taken:
        return f"taken: {not left}: {left}"
    if left:
        return ""
    given = feeds(model)
    wanted = native_session(model).run(None, given)
    found = outputs(partition, list(given.values()), chip)
    words = [difference(a, b, 2e-5) for a, b in zip(found, wanted, strict=True)]
    return "; ".join(filter(None, words))


@pytest.mark.parametrize("name", EDGES)
def test_edges_are_right_on_every_chip(name: str) -> None:
    assert {chip: complaint(EDGES[name], chip) for chip in CHIPS} == dict.fromkeys(CHIPS, "")


@pytest.mark.parametrize("chip", ["small", "medium"])
def test_the_limits_of_the_table_are_those_of_the_compiler(chip: str) -> None:
    found = {name: complaint(build, chip, taken) for name, taken, build in limits(chip)}
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize("chip", CHIPS)
def test_the_transformer_on_every_chip(chip: str) -> None:
    partition = partitioned("zoo:transformer", chip)
    for segment in partition.segments():
        model = segment.to_onnx(OPSET)
        given = list(feeds(model).values())
        given = [np.ones_like(each) if each.shape == MASK else each for each in given]
        names = [each.name for each in model.graph.input]
        wanted = native_session(model).run(None, dict(zip(names, given, strict=True)))
        found = simulated(compiled_segment(segment, chip), given)
        for ours, theirs in zip(found, wanted, strict=True):
            assert difference(ours, theirs, 1e-4) == ""
