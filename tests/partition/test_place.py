from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from byoc.partition.graph import read_module
from byoc.partition.place import Place
from byoc.partition.plan import Decision
from byoc.partition.trace import Trace
from byoc.support.refusal import Refusal
from tests.partition.build import module
from tests.partition.graphs import candidate, decide, random_module


def test_the_first_vendor_has_what_both_take() -> None:
    (graph,) = read_module(module([("relu", [0]), ("exp", [1])]))
    relu, exp = graph.counted()
    first = Decision((candidate(graph, "a", (relu,)),))
    second = Decision((candidate(graph, "b", (relu,)), candidate(graph, "b", (exp,))))
    placed = Place()(graph, [("a", first), ("b", second)])
    assert [(each.vendor, each.nodes) for each in placed.candidates] == [
        ("a", (relu,)),
        ("b", (exp,)),
    ]
    (refusal,) = placed.refusals[relu]
    assert (refusal.vendor, refusal.code) == ("b", "policy")
    assert "nn.relu (v1) is taken by a" in refusal.message


def test_a_composite_that_overlaps_is_dropped_whole_and_says_which_op_it_misses() -> None:
    (graph,) = read_module(module([("relu", [0]), ("exp", [1]), ("tanh", [2])]))
    relu, exp, tanh = graph.counted()
    first = Decision((candidate(graph, "a", (exp,)),))
    second = Decision((candidate(graph, "b", (relu, exp, tanh), "b.all"),))
    trace = Trace()
    placed = Place()(graph, [("a", first), ("b", second)], trace)
    assert [each.vendor for each in placed.candidates] == ["a"]
    for node in (relu, exp, tanh):
        (refusal,) = placed.refusals[node]
        assert refusal.code == "policy"
        assert "b.all (v3) needs exp (v2), which a takes" in refusal.message
    assert trace.events[tanh][0].stage == "place"


def test_refusals_of_all_vendors_are_kept_in_vendor_order() -> None:
    (graph,) = read_module(module([("relu", [0])]))
    (relu,) = graph.counted()
    decisions = [
        (vendor, Decision((), {relu: (Refusal("dtype", f"says {vendor}", "", vendor),)}))
        for vendor in ("b", "a")
    ]
    assert [each.vendor for each in Place()(graph, decisions).refusals[relu]] == ["b", "a"]


def test_composites_that_need_each_other_give_way_the_later_one_first() -> None:
    nodes = [("relu", [0]), ("exp", [0]), ("add", [1, 0]), ("tanh", [2]), ("add", [3, 4])]
    (graph,) = read_module(module(nodes))
    relu, exp, add, tanh, _ = graph.counted()
    # relu feeds add and exp feeds tanh: crossing pairs need each other's results.
    one = candidate(graph, "a", (relu, tanh), "a.one")
    two = candidate(graph, "a", (exp, add), "a.two")
    placed = Place()(graph, [("a", Decision((one, two)))])
    assert [each.name for each in placed.candidates] == ["a.one"]
    assert [each.code for each in placed.refusals[exp]] == ["would-cycle"]
    assert [each.code for each in placed.refusals[add]] == ["would-cycle"]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6))
def test_no_node_is_in_two_candidates(seed: int) -> None:
    for graph in read_module(random_module(seed)):
        placed = Place()(graph, decide(graph, ("a", "b", "c"), seed))
        nodes = [node for each in placed.candidates for node in each.nodes]
        assert len(nodes) == len(set(nodes))
        for node in set(graph.counted()) - set(nodes):
            assert {each.vendor for each in placed.refusals[node]} == {"a", "b", "c"}
