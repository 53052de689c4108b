from __future__ import annotations

from byoc.partition.graph import Graph, read_module
from byoc.partition.merge import Merge
from byoc.partition.plan import BlockPlan, Decision, Region
from byoc.partition.trim import Trim
from byoc.partition.vendor import Limits
from tests.partition.build import module
from tests.partition.graphs import candidate, single

TAKEN = {"nn.relu": "a", "exp": "a"}


def merged(*ops: str) -> tuple[Graph, BlockPlan]:
    (graph,) = read_module(module([(op, [place]) for place, op in enumerate(ops)]))
    return graph, Merge()(graph, Decision(single(graph, TAKEN)), lambda node: 1)


def one(graph: Graph, node: int) -> int:
    return 1


def test_a_vendor_s_segments_are_counted_over_all_blocks() -> None:
    blocks = [merged("relu", "exp"), merged("relu"), merged("exp", "relu", "exp")]
    first, second, third = Trim(limits={"a": Limits(max_segments=1)})(blocks, one)
    assert (len(first.regions), len(second.regions), len(third.regions)) == (0, 0, 1)
    (refusal,) = first.refusals[1]
    assert refusal.code == "limit"
    assert refusal.message.startswith("a holds 1 segments and this would be one of 3")


def test_nothing_to_trim_leaves_the_blocks_as_they_are() -> None:
    blocks = [merged("relu", "exp"), merged("tanh")]
    trimmed = Trim(min_ops=2, limits={"a": Limits(max_segments=1)})(blocks, one)
    assert all(new is old for new, (_, old) in zip(trimmed, blocks, strict=True))


def test_a_part_that_a_judgement_left_too_small_goes_back() -> None:
    graph, block = merged("relu", "exp", "relu")
    cut = BlockPlan(block.candidates, (Region("a", (0,)), Region("a", (1, 2))), {})
    (trimmed,) = Trim(min_ops=2)([(graph, cut)], one)
    assert trimmed.regions == (Region("a", (1, 2)),)
    assert [each.code for each in trimmed.refusals[1]] == ["too-small"]


def test_a_part_of_joined_ops_alone_goes_back() -> None:
    graph, _ = merged("relu", "exp")
    relu, exp = graph.counted()
    found = (candidate(graph, "a", (relu,)), candidate(graph, "a", (exp,), joined=True))
    cut = BlockPlan(found, (Region("a", (0,)), Region("a", (1,))), {})
    (trimmed,) = Trim()([(graph, cut)], one)
    assert trimmed.regions == (Region("a", (0,)),)
    assert [each.code for each in trimmed.refusals[exp]] == ["policy"]
