"""Where the time goes: host and segments add up to the whole."""

import json
from pathlib import Path

import numpy as np
import pytest

from byoc.errors import UsageError
from byoc.runtime import load
from byoc.runtime.profile import profile
from tests.runtime.build import make, make_fallback

pytestmark = pytest.mark.usefixtures("testchip")

GIVEN = np.ones((2, 3), "float32")


def test_rows_add_up(tmp_path: Path) -> None:
    with load(make(tmp_path / "m.so")) as artefact:
        artefact.run([GIVEN])
        found = profile(artefact, [GIVEN], repeat=5, warmup=2)
        assert artefact.stats().runs == 6
    host, chip = found.rows
    assert (host.name, chip.name, chip.vendor) == ("host", "chip_0", "testchip")
    assert host.share + chip.share == pytest.approx(1)
    assert (chip.calls, chip.bytes_in, chip.bytes_out) == (1, 24, 24)
    assert chip.driver["calls"] == 1 + 2 + 5
    assert len(found.seconds) == 5
    assert host.total_ns + chip.total_ns <= sum(found.seconds) * 1e9
    assert [each.name for each in found.kernels] == ["tir_abs"]


def test_its_json_and_its_trace_are_json(tmp_path: Path) -> None:
    with load(make(tmp_path / "m.so")) as artefact:
        found = profile(artefact, [GIVEN], repeat=1, warmup=0)
    document = json.loads(json.dumps(found.to_json()))
    assert [row["name"] for row in document["rows"]] == ["host", "chip_0"]
    events = json.loads(json.dumps(found.to_chrome_trace()))["traceEvents"]
    names = {each["tid"]: each["args"]["name"] for each in events if each["name"] == "thread_name"}
    spans = [each for each in events if each["ph"] == "X"]
    assert [(each["name"], names[each["tid"]]) for each in spans] == [
        ("tir_abs", "host"),
        ("chip_0", "testchip"),
    ]
    first, second = spans
    assert 0 < first["ts"] < first["ts"] + first["dur"] <= second["ts"]


def test_a_fallback_lies_beside_the_call_that_failed(tmp_path: Path) -> None:
    do = {"do": "raises", "error": "ValueError"}
    with load(make_fallback(tmp_path / "m.so", do)) as artefact:
        found = profile(artefact, [GIVEN], repeat=2, warmup=0)
    assert found.rows[1].fallbacks == 2
    tracks = [(each.track, each.outer) for each in found.events]
    assert ("testchip", False) in tracks
    assert ("host", False) in tracks
    assert all(kernel.calls == 1 for kernel in found.kernels)


def test_a_failed_traced_run_leaves_the_artefact_whole(tmp_path: Path) -> None:
    with load(make(tmp_path / "m.so")) as artefact:
        for _ in range(2):
            with pytest.raises(UsageError, match="repeat is 0"):
                profile(artefact, [GIVEN], repeat=0)
        artefact.run([GIVEN])
