"""What the first vendor cannot keep goes to the next."""

from pathlib import Path
from typing import Any

import pytest

from byoc.partition.patterns.rows import table_rows
from byoc.partition.plan import Plan
from byoc.partition.vendor import Limits, Vendor
from byoc.pipeline import PartitionOptions, partition_for
from byoc.support import load_table
from tests.partition.build import module


class Session:
    """A vendor of a table alone."""

    notes: tuple[str, ...] = ()
    public_options: dict[str, Any] = {}  # noqa: RUF012 (never changed)

    def __init__(self, folder: Path, name: str, ops: str, max_segments: int | None = None) -> None:
        path = folder / f"{name}.yaml"
        path.write_text(f"vendor: {name}\nversion: 1\nops: {ops}\n", "utf-8")
        bound = load_table(path).bind({}, {}, "")
        limits = Limits(max_segments=max_segments)
        self.name = name
        self.vendor = Vendor(name, bound.ops, table_rows(bound, name), limits)

    def judge(self, regions: Any) -> Any:
        return [None] * len(regions)


def plan(nodes: Any, *sessions: Session, **options: Any) -> Plan:
    partition = partition_for(module(nodes), sessions, PartitionOptions(**options))
    assert partition.plan.verified
    return partition.plan


def went(found: Plan) -> list[tuple[str, str]]:
    vendors = {segment.name: segment.vendor for segment in found.segments}
    return [(op.op, vendors.get(op.segment, "")) for op in found.ops]


@pytest.mark.parametrize(
    ("first", "options"),
    [
        ("{nn.relu: {use: joined}}", {}),
        ("{nn.relu: {}}", {"min_ops": 2}),
    ],
)
def test_an_op_that_may_not_stand_alone_goes_on(
    tmp_path: Path, first: str, options: dict[str, Any]
) -> None:
    a = Session(tmp_path, "a", first)
    b = Session(tmp_path, "b", "{nn.relu: {}, tanh: {}}")
    found = plan([("relu", [0]), ("tanh", [1])], a, b, **options)
    assert went(found) == [("nn.relu", "b"), ("tanh", "b")]


def test_segments_beyond_a_vendors_number_go_on(tmp_path: Path) -> None:
    a = Session(tmp_path, "a", "{nn.relu: {}}", max_segments=1)
    b = Session(tmp_path, "b", "{nn.relu: {}}")
    found = plan([("relu", [0]), ("tanh", [1]), ("relu", [2])], a, b)
    assert sorted(vendor for _, vendor in went(found)) == ["", "a", "b"]


def test_every_vendor_has_refused_what_stays(tmp_path: Path) -> None:
    a = Session(tmp_path, "a", "{nn.relu: {use: joined}}")
    b = Session(tmp_path, "b", "{nn.relu: {}}")
    found = plan([("relu", [0])], a, b, min_ops=2)
    (op,) = found.ops
    assert [refusal.vendor for refusal in op.refusals] == ["a", "b"]
    assert [refusal.code for refusal in op.refusals] == ["policy", "too-small"]


def test_one_vendor_keeps_its_refusals(tmp_path: Path) -> None:
    found = plan([("relu", [0])], Session(tmp_path, "a", "{nn.relu: {}}"), min_ops=2)
    assert [refusal.code for refusal in found.ops[0].refusals] == ["too-small"]
