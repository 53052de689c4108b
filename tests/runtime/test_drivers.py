"""Python drivers: what they get, what they may answer, and how they fail."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byoc.errors import DriverError
from byoc.manifest import Port
from byoc.runtime import Artefact, load
from tests.runtime.build import make, make_fallback, make_returning

pytestmark = pytest.mark.usefixtures("testchip")

GIVEN = np.ones((2, 3), "float32")


def failure(artefact: Artefact, given: Any = GIVEN) -> str:
    with pytest.raises(DriverError) as caught:
        artefact.run([given])
    assert caught.value.__cause__ is None
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("do", "words"),
    [
        ({"do": "raises", "error": "ValueError"}, "ValueError: the engine is hot"),
        ({"do": "raises", "error": "ValueError", "words": "a\nb\tc"}, "ValueError: a b c"),
        ({"do": "raises", "error": "ValueError", "words": ""}, "ValueError: ValueError"),
        ({"do": "raises", "error": "ValueError", "words": "\ud800"}, "ValueError: ?"),
        ({"do": "raises", "error": "SystemExit"}, "SystemExit: the engine is hot"),
        ({"do": "raises", "error": "UnprintableError"}, "UnprintableError: UnprintableError"),
        ({"do": "raises_on_open"}, "opening it raised OSError: no device node"),
        ({"do": "is_no_callable"}, "byoc_load answered str, expected a callable"),
        ({"do": "is_none"}, "its plugin gives no Python driver (byoc_load answered None)"),
        ({"do": "answers"}, "its executor returned list, expected None"),
        ({"do": "has_no_room"}, "max_concurrency is 0, expected a number from 1"),
        ({"do": "unknown"}, "opening it raised KeyError: 'unknown'"),
    ],
)
def test_a_failure_names_segment_vendor_and_the_drivers_words(
    tmp_path: Path, do: dict[str, Any], words: str
) -> None:
    artefact = load(make(tmp_path / "m.so", do))
    for _ in range(2):
        said = failure(artefact)
        assert "segment 'chip_0' of vendor 'testchip'" in said
        assert words in said
    assert words in artefact.stats().segments[0].last_error


def test_a_failure_is_of_one_call_alone(tmp_path: Path) -> None:
    do = {"do": "raises", "error": "ValueError", "every": 3}
    artefact = load(make(tmp_path / "m.so", do))
    for _ in range(3):
        failure(artefact)
        for _ in range(2):
            np.testing.assert_array_equal(artefact.run([GIVEN])["y0"], GIVEN * 2)


@pytest.mark.parametrize("build", [make, make_fallback])
def test_an_interrupt_is_the_users(tmp_path: Path, build: Any) -> None:
    do = {"do": "raises", "error": "KeyboardInterrupt", "every": 2}
    artefact = load(build(tmp_path / "m.so", do))
    with pytest.raises(KeyboardInterrupt):
        artefact.run([GIVEN])
    artefact.run([GIVEN])


FOUND = Port("found", "float32", (None,))
COUNT = Port("count", "int64", ())


@pytest.mark.parametrize(
    ("results", "many", "words"),
    [
        ([["float32", [2]]], True, "returned 1 results, expected 2"),
        ([["float32", [2]]], False, "returned ndarray, expected 2 arrays in a list"),
        ([["float64", [2]], ["int64", []]], True, "'found' as float64, expected float32"),
        ([["float32", [2]], ["int32", []]], True, "'count' as int32, expected int64"),
        ([["float32", [2, 2]], ["int64", []]], True, "'found' with the shape [2, 2], expected [?]"),
        ([["float32", [2]], ["int64", [1]]], True, "'count' with the shape [1], expected []"),
        ([["float32", [2]], ["O", []]], True, "'count' as object, expected int64"),
        ([["float32", [2]], ["U4", []]], True, "'count' as str128, expected int64"),
    ],
)
def test_returned_results_are_held_against_the_manifest(
    tmp_path: Path, results: Any, many: bool, words: str
) -> None:
    do = {"do": "returns", "results": results, "many": many}
    artefact = load(make_returning(tmp_path / "m.so", do, outputs=(FOUND, COUNT)))
    assert f"its executor returned {words}".replace("returned returned", "returned") in failure(
        artefact, np.zeros(4, "float32")
    )


def test_a_single_result_needs_no_list(tmp_path: Path) -> None:
    for many in (True, False):
        do = {"do": "returns", "results": [[">f4", [3]]], "many": many}
        artefact = load(make_returning(tmp_path / f"{many}.so", do, outputs=(FOUND,)))
        assert artefact.run([np.zeros(4, "float32")])["found"].tolist() == [0, 0, 0]


def test_symbolic_results_follow_the_inputs(tmp_path: Path) -> None:
    doubled = Port("found", "float32", ("n * 2",))
    do = {"do": "returns", "results": [["float32", [6]]]}
    artefact = load(make_returning(tmp_path / "m.so", do, outputs=(doubled,)))
    assert artefact.run([np.zeros(3, "float32")])["found"].shape == (6,)
    assert "expected [8]" in failure(artefact, np.zeros(4, "float32"))


def test_one_executor_serves_as_many_calls_as_it_says(tmp_path: Path) -> None:
    artefact = load(make(tmp_path / "m.so", {"do": "Meeting"}))
    threads = 8
    start = threading.Barrier(threads)

    def work(_: int) -> int:
        start.wait()
        return int(artefact.run([GIVEN])["y0"].max())

    with ThreadPoolExecutor(threads) as pool:
        assert max(pool.map(work, range(threads))) <= 2
    assert artefact.stats().segments[0].executors == 1


def test_stats_that_fail_end_nothing(tmp_path: Path) -> None:
    artefact = load(make(tmp_path / "m.so", {"do": "Mute"}))
    artefact.run([GIVEN])
    assert artefact.stats().segments[0].driver == {"error": "RuntimeError: no counters"}
    artefact.close()


def test_executors_are_closed_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    artefact = load(make(tmp_path / "m.so", {"do": "Closing", "log": str(log)}))
    artefact.run([GIVEN])
    artefact.close()
    artefact.close()
    del artefact
    assert log.read_text() == "closed\n"
