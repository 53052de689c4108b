"""The 120 graphs that Relay's and Relax's passes partitioned, held against byoc's merge."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import networkx
import pytest

from byoc.partition.graph import Graph, read_module
from byoc.partition.merge import Merge
from byoc.partition.outline import Outline
from byoc.partition.place import Place
from byoc.partition.plan import BlockPlan, Decision
from byoc.partition.verify import Verify
from tests.partition.build import module
from tests.partition.graphs import RELAY, merged_graph, single

DATA = Path(__file__).parents[1] / "data" / "relay_partitions.jsonl"


@cache
def rows() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(line) for line in DATA.read_text().splitlines())


def merged(row: dict[str, Any], policy: Any) -> tuple[Any, Graph, BlockPlan]:
    before = module(row["nodes"], row["outputs"], joined=True)
    (graph,) = read_module(before)
    placed = Place()(graph, [("t", Decision(single(graph, RELAY)))])
    return before, graph, Merge(policy)(graph, placed, lambda node: 1)


@pytest.mark.parametrize("policy", ["fewest", "connected"])
def test_all_supported_ops_are_offloaded_without_a_cycle(policy: str) -> None:
    assert len(rows()) == 120
    for row in rows():
        before, graph, plan = merged(row, policy)
        taken = sorted(
            node
            for region in plan.regions
            for index in region.candidates
            for node in plan.candidates[index].nodes
        )
        assert taken == [node for node in graph.counted() if graph.ops[node] in RELAY]
        assert networkx.is_directed_acyclic_graph(merged_graph(graph, plan))
        Verify()(before, Outline()(before, [(graph, plan)]).module)


def test_fewest_gives_the_smallest_number_of_segments() -> None:
    for row in rows():
        _, _, plan = merged(row, "fewest")
        assert len(plan.regions) == row["fewest"]
        assert plan.notes == ()


def test_connected_is_no_worse_than_the_better_of_relay_and_relax() -> None:
    ours, best = [], []
    for row in rows():
        _, _, plan = merged(row, "connected")
        ours.append(len(plan.regions))
        relay = row["relay"]
        best.append(row["relax"] if relay is None else min(len(relay), row["relax"]))
    assert sum(ours) <= sum(best)
    assert all(own < other + 2 for own, other in zip(ours, best, strict=True))
