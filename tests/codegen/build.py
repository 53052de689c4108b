"""Segments and services for the tests of codegen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import IRModule

from byoc.partition._extent import candidate, members
from byoc.partition.graph import read_module
from byoc.partition.outline import Outline
from byoc.partition.plan import BlockPlan, Region
from byoc.segment import Segment, segments_of
from tests.partition.build import module

CHAIN: list[tuple[Any, ...]] = [
    ("relu", [0]),
    ("add", [1, 1]),
    ("exp", [2]),
    ("relu", [3]),
    ("multiply", [4, 4]),
]


def segment_of(given: IRModule, vendor: str = "goodchip", takes: Sequence[str] = ()) -> Segment:
    """All ops of `main`, or those of the names `takes`, as one segment of single ops."""
    (graph,) = read_module(given)
    candidates = tuple(
        candidate(graph, vendor, "", members(graph, (node,)))
        for node in graph.counted()
        if not takes or graph.ops[node] in takes
    )
    blocks = [(graph, BlockPlan(candidates, (Region(vendor, tuple(range(len(candidates)))),), {}))]
    (made,) = segments_of(blocks, Outline()(given, blocks))
    return made


def chain(vendor: str = "goodchip", nodes: Sequence[tuple[Any, ...]] = CHAIN) -> Segment:
    """A segment of a few elementwise ops on one 4x4 tensor."""
    return segment_of(module(nodes), vendor)
