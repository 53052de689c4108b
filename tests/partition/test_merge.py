from __future__ import annotations

from itertools import pairwise, product

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byoc.partition._units import HOST, NEUTRAL, contract
from byoc.partition.graph import Graph, read_module
from byoc.partition.merge import Merge
from byoc.partition.place import Place
from byoc.partition.plan import BlockPlan, Decision
from byoc.partition.trace import Trace
from byoc.partition.vendor import Limits
from tests.partition.build import module
from tests.partition.graphs import (
    RELAY,
    candidate,
    decide,
    merged_graph,
    random_module,
    scaling_graph,
    single,
)

POLICIES = ("fewest", "connected")


def names(graph: Graph, plan: BlockPlan) -> list[tuple[str, str]]:
    return [
        (
            region.vendor,
            " ".join(
                graph.names[node]
                for index in region.candidates
                for node in plan.candidates[index].nodes
            ),
        )
        for region in plan.regions
    ]


@pytest.mark.parametrize("policy", POLICIES)
def test_the_cycle_that_relay_and_relax_close(policy: str) -> None:
    nodes = [
        ("relu", [0], {"name": "a"}),
        ("exp", [1], {"name": "y"}),
        ("exp", [0], {"name": "z"}),
        ("add", [1, 3], {"name": "b"}),
        ("multiply", [2, 3], {"name": "c"}),
    ]
    (graph,) = read_module(module(nodes, outputs=[4, 5]))
    plan = Merge(policy)(graph, Decision(single(graph, RELAY)), lambda node: 1)  # type: ignore[arg-type]
    assert sorted(len(each.candidates) for each in plan.regions) in ([1, 1, 3], [1, 2, 2])
    assert networkx.is_directed_acyclic_graph(merged_graph(graph, plan))


def test_fewest_joins_what_lies_side_by_side_and_connected_does_not() -> None:
    nodes = [("relu", [0]), ("relu", [0]), ("tanh", [1]), ("tanh", [2]), ("subtract", [3, 4])]
    (graph,) = read_module(module(nodes))
    decision = Decision(single(graph, {"nn.relu": "a"}))
    assert names(graph, Merge()(graph, decision, lambda node: 1)) == [("a", "v1 v2")]
    connected = Merge("connected")(graph, decision, lambda node: 1)
    assert names(graph, connected) == [("a", "v1"), ("a", "v2")]


@pytest.mark.parametrize("policy", POLICIES)
def test_tuples_and_items_stand_between_no_two_ops(policy: str) -> None:
    nodes = [
        ("relu", [0]),
        ("split", [1], {"indices_or_sections": 2, "axis": 1}),
        ("item", [2], {"index": 0}),
        ("item", [2], {"index": 1}),
        ("tuple", [4, 3]),
        ("concat", [5], {"axis": 1}),
    ]
    (graph,) = read_module(module(nodes))
    taken = {"nn.relu": "a", "split": "a", "concat": "a"}
    plan = Merge(policy)(graph, Decision(single(graph, taken)), lambda node: 1)  # type: ignore[arg-type]
    assert len(plan.regions) == 1


def test_an_op_with_a_choice_goes_where_its_neighbours_are() -> None:
    # v2 could run with v1 at once, but only v4, a segment later, reads it.
    nodes = [("relu", [0]), ("relu", [0]), ("tanh", [1]), ("add", [2, 3])]
    (graph,) = read_module(module(nodes))
    plan = Merge()(graph, Decision(single(graph, RELAY)), lambda node: 1)
    assert names(graph, plan) == [("t1", "v1"), ("t1", "v2 v4")]


def test_limits_close_a_region_and_begin_another() -> None:
    nodes = [("relu", [index]) for index in range(7)]
    (graph,) = read_module(module(nodes))
    merge = Merge(limits={"t1": Limits(max_ops=3)})
    plan = merge(graph, Decision(single(graph, RELAY)), lambda node: 1)
    assert names(graph, plan) == [("t1", "v1 v2 v3"), ("t1", "v4 v5 v6"), ("t1", "v7")]


def test_a_constant_counts_once_in_a_segment_and_too_large_a_one_not_at_all() -> None:
    shared, large = np.ones((4, 4), "float32"), np.ones((2, 4, 4), "float32")
    nodes = [("add", [0, shared]), ("relu", [1]), ("add", [2, shared]), ("add", [3, large])]
    (graph,) = read_module(module(nodes))
    merge = Merge(limits={"t1": Limits(max_constant_bytes=64)})
    plan = merge(graph, Decision(single(graph, RELAY)), lambda node: 1)
    assert names(graph, plan) == [("t1", "v1 v2"), ("t1", "v3")]
    last = list(graph.counted())[-1]
    (refusal,) = plan.refusals[last]
    assert refusal.code == "limit"
    assert "has 128 bytes of constants; a segment of t1 holds 64" in refusal.message


def test_a_candidate_larger_than_a_segment_goes_back() -> None:
    (graph,) = read_module(module([("relu", [0]), ("relu", [1])]))
    both = candidate(graph, "a", tuple(graph.counted()), "a.both")
    plan = Merge(limits={"a": Limits(max_ops=1)})(graph, Decision((both,)), lambda node: 1)
    assert plan.regions == ()
    assert {each.code for stated in plan.refusals.values() for each in stated} == {"limit"}


def test_the_smallest_segments_go_back_when_a_vendor_holds_no_more() -> None:
    nodes = [
        ("relu", [0]),
        ("tanh", [1]),
        ("relu", [2]),
        ("relu", [3]),
        ("tanh", [4]),
        ("relu", [5]),
    ]
    (graph,) = read_module(module(nodes))
    merge = Merge(limits={"t1": Limits(max_segments=1)})
    plan = merge(graph, Decision(single(graph, RELAY)), lambda node: 5)
    assert names(graph, plan) == [("t1", "v3 v4")]
    first = next(iter(graph.counted()))
    assert plan.refusals[first][0].code == "limit"
    assert "t1 holds 1 segments and this would be one of 3" in plan.refusals[first][0].message


def test_small_segments_go_back_and_say_how_small_they_were() -> None:
    (graph,) = read_module(module([("relu", [0]), ("tanh", [1]), ("relu", [2]), ("relu", [3])]))
    decision = Decision(single(graph, RELAY))
    ops = Merge(min_ops=2)(graph, decision, lambda node: 1)
    macs = Merge(min_macs=11)(graph, decision, lambda node: 10)
    assert names(graph, ops) == names(graph, macs) == [("t1", "v3 v4")]
    first = next(iter(graph.counted()))
    assert ops.refusals[first][0].message == "a segment of 1 ops is smaller than the 2 asked for"
    assert ops.refusals[first][0].code == macs.refusals[first][0].code == "too-small"
    assert "10 MACs is smaller than the 11" in macs.refusals[first][0].message


def test_an_op_of_unknown_cost_keeps_its_segment() -> None:
    (graph,) = read_module(module([("relu", [0])]))
    plan = Merge(min_macs=100)(graph, Decision(single(graph, RELAY)), lambda node: None)
    assert len(plan.regions) == 1


def test_dropping_a_segment_lets_others_grow_together() -> None:
    # exp stands between relu and relu; once its segment is too small it is the host's, and still stands there,
    # but the relus beside it are joined through the turn that no longer has to wait.
    nodes = [("relu", [0]), ("exp", [0]), ("add", [1, 2]), ("relu", [3])]
    (graph,) = read_module(module(nodes))
    plan = Merge(min_ops=2)(graph, Decision(single(graph, RELAY)), lambda node: 1)
    assert names(graph, plan) == [("t1", "v1 v3 v4")]


def test_ops_that_are_only_joined_make_no_segment_alone() -> None:
    (graph,) = read_module(module([("relu", [0]), ("tanh", [1]), ("relu", [2]), ("exp", [3])]))
    first, _, second, last = graph.counted()
    found = (
        candidate(graph, "a", (first,), joined=True),
        candidate(graph, "a", (second,), joined=True),
        candidate(graph, "a", (last,)),
    )
    plan = Merge()(graph, Decision(found), lambda node: 1)
    assert names(graph, plan) == [("a", "v3 v4")]
    assert plan.refusals[first][0].code == "policy"
    assert "only in one segment with other ops" in plan.refusals[first][0].message


@pytest.mark.parametrize("policy", POLICIES)
def test_the_trace_names_what_a_join_would_have_gone_round(policy: str) -> None:
    (graph,) = read_module(module([("relu", [0]), ("tanh", [1]), ("add", [1, 2])]))
    trace = Trace()
    Merge(policy)(graph, Decision(single(graph, RELAY)), lambda node: 1, trace)  # type: ignore[arg-type]
    words = [each.words for each in trace.events[list(graph.counted())[-1]]]
    assert "in segment 2 of 2, with 0 others" in words
    assert "not in one segment with nn.relu (v1): that would be a cycle through tanh (v2)" in words


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6), st.sampled_from(POLICIES), st.booleans())
def test_regions_are_acyclic_complete_and_deterministic(
    seed: int, policy: str, limited: bool
) -> None:
    limits = {"a": Limits(max_ops=3, max_segments=2)} if limited else {}
    merge = Merge(policy, limits=limits)  # type: ignore[arg-type]
    for graph in read_module(random_module(seed)):
        placed = Place()(graph, decide(graph, ("a", "b"), seed))
        plan = merge(graph, placed, lambda node: node)
        assert plan == merge(graph, placed, lambda node: node)
        merged = merged_graph(graph, plan)
        assert networkx.is_directed_acyclic_graph(merged)
        for number, later in pairwise(range(len(plan.regions))):
            assert not networkx.has_path(merged, ("region", later), ("region", number))
        held = [index for region in plan.regions for index in region.candidates]
        assert sorted(held) == list(range(len(plan.candidates)))
        taken = {node for index in held for node in plan.candidates[index].nodes}
        for node in set(graph.counted()) - taken:
            assert {each.vendor for each in plan.refusals[node]} == {"a", "b"}


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_fewest_is_what_trying_every_order_of_turns_finds(seed: int, vendors: int) -> None:
    for graph in read_module(random_module(seed, ops=6)):
        placed = Place()(graph, decide(graph, ("a", "b", "c")[:vendors], seed))
        plan = Merge()(graph, placed, lambda node: 1)
        assert len(plan.regions) == smallest(graph, placed)


def smallest(graph: Graph, decision: Decision) -> int:
    """The fewest turns, by trying every sequence of ever greater length."""
    units = contract(graph, decision.candidates)
    length = 0
    while True:
        for sequence in product(range(len(units.vendors)), repeat=length):
            if finishes(units, sequence):
                return length
        length += 1


def finishes(units: object, sequence: tuple[int, ...]) -> bool:
    owner, before = units.owner, units.before  # type: ignore[attr-defined]
    taken: set[int] = set()

    def close(who: int) -> None:
        for unit, needs in enumerate(before):
            if owner[unit] in (who, NEUTRAL) and taken.issuperset(needs):
                taken.add(unit)

    close(HOST)
    for vendor in sequence:
        close(vendor)
        close(HOST)
    return len(taken) == len(owner)


def test_a_narrow_beam_states_how_far_it_may_be_from_the_fewest() -> None:
    graph, decision = scaling_graph(1500, window=40, vendors=("a", "b", "c"))
    exact = Merge()(graph, decision, lambda node: 1)
    narrow = Merge(beam=1)(graph, decision, lambda node: 1)
    more = len(narrow.regions) - len(exact.regions)
    (note,) = narrow.notes
    assert f"{graph.scope}: the search grew too wide; at most " in note
    assert int(note.split("at most ")[1].split()[0]) >= more >= 0
