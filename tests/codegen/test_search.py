"""The search for what a vendor cannot compile: exact, bounded, and one refusal for each culprit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byoc.blob import Blob
from byoc.codegen.search import MOST_CALLS, MOST_HANGS, give_up, search
from byoc.codegen.service import Outcome
from byoc.segment import Segment
from byoc.support.refusal import Refusal
from tests.codegen.build import segment_of
from tests.partition.build import module


def long_chain(length: int) -> Segment:
    return segment_of(module([("relu", [index]) for index in range(length)]))


SEGMENT = long_chain(16)
PLACE = {each.bindings: index for index, each in enumerate(SEGMENT.composites)}

Fails = Callable[[frozenset[int]], str]
"""Why a vendor cannot compile the composites of these numbers, "" when it can."""


class Toolchain:
    """A vendor's compiler that is a rule over composites; counts its calls."""

    def __init__(self, fails: Fails, nodes: tuple[str, ...] = (), hung: bool = False) -> None:
        self.fails, self.nodes, self.hung, self.calls = fails, nodes, hung, 0

    def __call__(self, segments: Sequence[Segment]) -> list[Outcome]:
        return [self.one(each) for each in segments]

    def one(self, segment: Segment) -> Outcome:
        self.calls += 1
        words = self.fails(frozenset(PLACE[each.bindings] for each in segment.composites))
        refusal = Refusal("codegen-failed", words, nodes=self.nodes)
        return Outcome(refusal, hung=self.hung) if words else Outcome(Blob(b"code"))


def any_of(culprits: frozenset[int]) -> Fails:
    return lambda held: " ".join(f"no unit for {each}" for each in sorted(held & culprits))


@given(culprits=st.frozensets(st.integers(0, 15), min_size=1, max_size=4))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_all_culprits_and_nothing_else(culprits: frozenset[int]) -> None:
    vendor = Toolchain(any_of(culprits))
    (objection,) = search([(SEGMENT, vendor.one(SEGMENT))], vendor)
    assert set(objection.gone) == culprits
    assert objection.apart == []
    for index, refusal in objection.gone.items():
        assert refusal.message == f"no unit for {index}"
        assert refusal.vendor == SEGMENT.vendor
    assert vendor.calls <= 1 + 2 * 4 * len(culprits)
    assert {len(part.composites) for part, _ in objection.failed} == {1}


@given(pair=st.frozensets(st.integers(0, 15), min_size=2, max_size=2))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_fails_only_together_is_kept_apart_and_nothing_goes(pair: frozenset[int]) -> None:
    vendor = Toolchain(lambda held: "out of registers" if pair <= held else "")
    (objection,) = search([(SEGMENT, vendor.one(SEGMENT))], vendor)
    assert objection.gone == {}
    (run,) = objection.apart
    half = len(run) // 2
    assert pair <= set(run)
    assert not pair <= set(run[:half])
    assert not pair <= set(run[half:])


def test_a_limit_of_size_cuts_into_parts_that_fit() -> None:
    vendor = Toolchain(lambda held: "too large" if len(held) > 4 else "")
    (objection,) = search([(SEGMENT, vendor.one(SEGMENT))], vendor)
    assert objection.gone == {}
    assert [len(run) for run in objection.apart] == [8, 8]


def test_a_refusal_that_names_nodes_spares_the_search() -> None:
    node = SEGMENT.composites[5].nodes[0]
    vendor = Toolchain(any_of(frozenset({5})), nodes=(node,))
    (objection,) = search([(SEGMENT, vendor.one(SEGMENT))], vendor)
    assert set(objection.gone) == {5}
    assert vendor.calls == 1


def test_a_refusal_that_names_strangers_does_not() -> None:
    vendor = Toolchain(any_of(frozenset({5})), nodes=("no such node",))
    (objection,) = search([(SEGMENT, vendor.one(SEGMENT))], vendor)
    assert set(objection.gone) == {5}


def test_several_segments_are_searched_side_by_side() -> None:
    vendor = Toolchain(any_of(frozenset({2, 9})))
    first, second = SEGMENT.subset(range(8)), SEGMENT.subset(range(8, 16))
    failed = [(each, vendor.one(each)) for each in (first, second)]
    objections = search(failed, vendor)
    assert [set(each.gone) for each in objections] == [{2}, {1}]


def test_hangs_are_few() -> None:
    vendor = Toolchain(lambda held: "no answer", hung=True)
    (objection,) = search([(SEGMENT, vendor.one(SEGMENT))], vendor)
    assert set(objection.gone) == set(range(16))
    assert vendor.calls <= 1 + 2 * MOST_HANGS
    assert "was not searched further" in objection.gone[0].message


def test_calls_are_bounded() -> None:
    segment = long_chain(64)
    places = {each.bindings: index for index, each in enumerate(segment.composites)}
    calls = 0

    def attempt(parts: Sequence[Segment]) -> list[Outcome]:
        nonlocal calls
        calls += len(parts)
        return [
            Outcome(
                Refusal("codegen-failed", "no")
                if any(places[each.bindings] % 2 for each in part.composites)
                else Blob(b"code")
            )
            for part in parts
        ]

    (objection,) = search([(segment, Outcome(Refusal("codegen-failed", "no")))], attempt)
    assert set(range(1, 64, 2)) <= set(objection.gone)
    assert calls <= 2 * MOST_CALLS


@pytest.mark.parametrize("length", [1, 2, 16])
def test_giving_up_takes_all(length: int) -> None:
    segment = SEGMENT.subset(range(length))
    (objection,) = give_up([(segment, Outcome(Refusal("codegen-failed", "no")))], "in round 33")
    assert set(objection.gone) == set(range(length))
    assert objection.gone[0].message == "no (in round 33)"
