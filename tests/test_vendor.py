"""Vendor code that is asked during a partition: in a worker, with real crashes, hangs and exceptions."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPT = """
import json, sys
import byoc
from tests.partition.build import module

vendor, width, ops = sys.argv[1], int(sys.argv[2]), sys.argv[3].split(",")
nodes = [(op, [i, i] if op == "add" else [i]) for i, op in enumerate(ops)]
options = byoc.PartitionOptions(check_timeout=8)
partition = byoc.partition_model(module(nodes, inputs=((4, width),)), [vendor], options)
print(json.dumps({
    "segments": [[s.ops, list(s.composites)] for s in partition.plan.segments],
    "host": [[o.op, [[r.vendor, r.code, r.message] for r in o.refusals]]
             for o in partition.plan.ops if not o.segment],
    "verified": partition.plan.verified,
}))
"""


def partition(
    path: Path, vendor: str, ops: str, width: int = 4
) -> "subprocess.CompletedProcess[str]":
    environ = {"PYTHONPATH": f"{path}:{ROOT}", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, vendor, str(width), ops],
        capture_output=True,
        text=True,
        env=environ,
        timeout=200,
        check=False,
    )


def outcome(done: "subprocess.CompletedProcess[str]") -> dict[str, object]:
    import json

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["verified"] is True
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize(
    ("vendor", "words"),
    [
        ("crashes", ["died", "SIGSEGV", "loading libtrouble"]),
        ("hangs", ["no answer within 8 s"]),
        ("raises", ["RuntimeError: no licence for exp"]),
    ],
)
def test_a_vendors_failure_refuses_what_caused_it(
    trouble: Path, vendor: str, words: list[str]
) -> None:
    result = outcome(partition(trouble, vendor, "relu,add,exp,relu"))
    assert [segment[0] for segment in result["segments"]] == [2, 1]  # type: ignore[attr-defined]
    ((op, ((asked, code, message),)),) = result["host"]  # type: ignore[misc]
    assert (op, asked, code) == ("exp", vendor, "check")
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("vendor", "words"),
    [
        ("quits", "byoc_check raised SystemExit: no licence"),
        (
            "says-true",
            "byoc_check of says-true (trouble-byoc 1.0) answered True of type bool; expected a "
            "byoc.Refusal or None",
        ),
    ],
)
def test_a_check_that_quits_or_answers_wrongly_refuses(
    trouble: Path, vendor: str, words: str
) -> None:
    result = outcome(partition(trouble, vendor, "relu,exp,relu"))
    assert [segment[0] for segment in result["segments"]] == [1, 1]  # type: ignore[attr-defined]
    ((op, refusals),) = result["host"]  # type: ignore[misc]
    assert op == "exp"
    assert [vendor, "check", words] in refusals


def test_a_refused_segment_is_halved_until_it_is_accepted(trouble: Path) -> None:
    result = outcome(partition(trouble, "picky", "relu,add,relu,add,relu,add,relu"))
    sizes = [segment[0] for segment in result["segments"]]  # type: ignore[attr-defined]
    assert sum(sizes) == 7
    assert max(sizes) <= 3
    assert result["host"] == []


def test_a_refused_op_has_the_vendors_words(trouble: Path) -> None:
    result = outcome(partition(trouble, "picky", "relu,exp"))
    assert result["host"] == [["exp", [["picky", "check", "exp alone is slower than the host"]]]]


def test_rows_and_checks_written_for_tvm(trouble: Path) -> None:
    wide = outcome(partition(trouble, "tvmrows", "add,relu,exp", width=8))
    assert wide["segments"] == [[3, ["tvmrows.add_relu", "tvmrows.exp"]]]
    narrow = outcome(partition(trouble, "tvmrows", "add,relu,exp", width=4))
    assert narrow["segments"] == [[1, ["tvmrows.exp"]]]
    refused = {op: [refusal[1] for refusal in refusals] for op, refusals in narrow["host"]}  # type: ignore[attr-defined]
    assert refused == {"add": ["unsupported-op"], "nn.relu": ["check", "unsupported-op"]}
