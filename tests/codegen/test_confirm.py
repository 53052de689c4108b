"""Random programs, vendors whose compilers fail by rule: rounds end, and the module means the same."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, Phase, given, settings

import byoc
from byoc.blob import Blob
from byoc.codegen.confirm import MOST_ROUNDS
from byoc.codegen.search import Objection, give_up, search
from byoc.codegen.service import Outcome
from byoc.partition.graph import read_function
from byoc.pipeline import PartitionOptions, partition_for
from byoc.segment import Segment
from byoc.support.refusal import Refusal
from tests.invariants import holds
from tests.invariants.programs import model_of
from tests.invariants.vendors import TableVendor
from tests.test_invariants import CASES, Case

EXAMPLES = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


class Rule:
    """A compiler that fails on some ops, on some ops when they are together, and on large segments."""

    def __init__(self, salt: int) -> None:
        self.salt, self.rounds = salt, 0

    def __call__(self, segments: Sequence[Segment]) -> list[Objection | None]:
        self.rounds += 1
        failed = [
            (place, segment, outcome)
            for place, (segment, outcome) in enumerate(
                zip(segments, self.attempt(segments), strict=True)
            )
            if isinstance(outcome.answer, Refusal)
        ]
        pairs = [(segment, outcome) for _, segment, outcome in failed]
        found = (
            search(pairs, self.attempt) if self.rounds <= MOST_ROUNDS else give_up(pairs, "enough")
        )
        objections: list[Objection | None] = [None] * len(segments)
        for (place, _, _), objection in zip(failed, found, strict=True):
            objections[place] = objection
        return objections

    def attempt(self, segments: Sequence[Segment]) -> list[Outcome]:
        return [self.outcome(each) for each in segments]

    def outcome(self, segment: Segment) -> Outcome:
        marks = {crc32(f"{self.salt} {each.bindings}".encode()) % 11 for each in segment.composites}
        words = ""
        if 0 in marks:
            words = "an op has no kernel"
        elif {1, 2} <= marks:
            words = "two ops want the same unit"
        elif len(segment.composites) > 6:
            words = "too many ops"
        return Outcome(Refusal("codegen-failed", words) if words else Blob(b"code"))


def cut(case: Case, salt: int) -> tuple[byoc.Partition, Rule, list[TableVendor]]:
    vendors = [TableVendor(name, limits) for name, limits in case.vendors]
    rule = Rule(salt)
    options = PartitionOptions(
        merge=case.merge, min_ops=case.min_ops, min_macs=case.min_macs, verify=True
    )
    partition = partition_for(model_of(case.program), vendors, options, confirm=rule)
    return partition, rule, vendors


@given(case=CASES)
@EXAMPLES
def test_rounds_end_and_every_segment_compiles(case: Case) -> None:
    for salt in (0, 1):
        partition, rule, vendors = cut(case, salt)
        assert rule.rounds <= MOST_ROUNDS
        segments = partition.segments()
        assert all(isinstance(each.answer, Blob) for each in rule.attempt(segments))
        holds.well_formed(partition)
        holds.acyclic(partition)
        holds.called_once(partition)
        holds.every_op_once(partition, vendors)


@given(case=CASES)
@EXAMPLES
def test_the_same_program_gives_the_same_plan(case: Case) -> None:
    one, other = cut(case, 3)[0], cut(case, 3)[0]
    assert one.plan == other.plan
    assert [each.fingerprint for each in one.segments()] == [
        each.fingerprint for each in other.segments()
    ]


@given(case=CASES)
@EXAMPLES
def test_segments_have_one_border_and_travel(case: Case) -> None:
    partition = cut(case, 5)[0]
    for segment, plan in zip(partition.segments(), partition.plan.segments, strict=True):
        assert segment.symbol == plan.name
        assert segment.composed is not None
        flat, composed = segment.function, segment.composed
        assert [each.name for each in flat.params] == [each.name for each in composed.params]
        assert len(segment.results) == len(segment.signature.outputs)
        (graph,) = read_function("region", flat)
        held = {name for name in graph.names if name}
        assert {name for each in segment.composites for name in each.bindings} <= held
        again = pickle.loads(pickle.dumps(segment))
        assert again.fingerprint == segment.fingerprint
        assert again.signature == segment.signature
        whole = segment.subset(range(len(segment.composites)))
        assert len(whole.composites) == len(segment.composites)


@given(case=CASES)
@EXAMPLES
def test_a_written_partition_gives_the_same_segments(
    case: Case, tmp_path_factory: pytest.TempPathFactory
) -> None:
    partition = cut(case, 7)[0]
    folder: Path = tmp_path_factory.mktemp("partition") / "out"
    partition.save(folder)
    stored = byoc.load_partition(folder)
    found = [each.fingerprint for each in stored.segments()]
    assert found == [each.fingerprint for each in partition.segments()]
    assert [each.symbol for each in stored.segments()] == [
        each.name for each in partition.plan.segments
    ]
