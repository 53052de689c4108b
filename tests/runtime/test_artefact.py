"""A loaded artefact: runs, counts, closes; many threads and forks."""

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byoc.errors import ArtefactError, InputError, UsageError
from byoc.manifest import Port
from byoc.runtime import Artefact, load
from tests.runtime.build import make, make_fallback, make_returning
from tests.runtime.conftest import Child

pytestmark = pytest.mark.usefixtures("testchip")


@pytest.fixture
def doubling(testchip: None, tmp_path: Path) -> Artefact:
    return load(make(tmp_path / "m.so", shapes=[("n", 3), ("m", 3)]))


def values(*shape: int) -> Any:
    return np.arange(np.prod(shape), dtype="float32").reshape(shape) - 4


def test_it_runs(doubling: Artefact) -> None:
    outputs = doubling.run({"x1": values(4, 3), "x0": values(2, 3)})
    assert list(outputs) == ["y0", "y1", "same0", "same1"]
    np.testing.assert_array_equal(outputs["y0"], abs(values(2, 3)) * 2)
    np.testing.assert_array_equal(outputs["y1"], abs(values(4, 3)) * 2)


def test_it_says_what_it_is(doubling: Artefact) -> None:
    assert [port.name for port in doubling.inputs] == ["x0", "x1"]
    assert [port.name for port in doubling.outputs] == ["y0", "y1", "same0", "same1"]
    assert doubling.plan == {"made": "by hand"}
    assert doubling.manifest.model == "made"
    assert {name: each.code for name, each in doubling.verdicts.items()} == {"chip_0": "optimal"}


def test_outputs_own_their_memory(doubling: Artefact) -> None:
    given = values(2, 3)
    first = doubling.run([given, given])
    kept = {name: each.copy() for name, each in first.items()}
    assert not np.shares_memory(first["same0"], given)
    assert not np.shares_memory(first["same0"], first["same1"])
    given += 100
    doubling.run([given, given])
    doubling.close()
    for name, array in first.items():
        assert array.flags.owndata
        assert array.flags.writeable
        np.testing.assert_array_equal(array, kept[name])


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        ("float32", ()),
        ("float64", (2, 2)),
        ("float16", (5,)),
        ("int8", (3, 1)),
        ("int64", (2,)),
        ("bool", (4,)),
        ("bfloat16", (2, 3)),
        ("float32", (0, 3)),
        ("int32", (2, 0)),
    ],
)
def test_every_dtype_and_shape(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    import ml_dtypes

    path = make(tmp_path / "m.so", {"do": "copies"}, shapes=[shape], dtype=dtype, host=None)
    wanted = getattr(ml_dtypes, dtype, dtype)
    given = np.ones(shape).astype(wanted)
    with load(path) as artefact:
        outputs = artefact.run([given])
    assert outputs["y0"].dtype == given.dtype
    np.testing.assert_array_equal(outputs["y0"], given)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_host_code_takes_any_number_of_rows(doubling: Artefact, rows: int) -> None:
    empty: Any = np.zeros((rows, 3), "float32")
    for given in (empty, values(5, 3)[:rows], values(5, 3)[::2][:rows]):
        outputs = doubling.run([given, values(2, 3)])
        np.testing.assert_array_equal(outputs["y0"], abs(given) * 2)
        np.testing.assert_array_equal(outputs["same0"], given)


def test_nan_and_infinity_pass(doubling: Artefact) -> None:
    odd = np.array([[np.nan, np.inf, -np.inf]], "float32")
    outputs = doubling.run([odd, odd])
    np.testing.assert_array_equal(outputs["y0"], [[np.nan, np.inf, np.inf]])


def test_wrong_inputs_do_not_spoil_the_next_run(doubling: Artefact) -> None:
    with pytest.raises(InputError, match=r"m\.so: input 'x1' is float64"):
        doubling.run([values(2, 3), np.zeros((2, 3))])
    assert doubling.run([values(2, 3), values(2, 3)])["y0"][0, 0] == 8
    assert doubling.stats().runs == 1


def test_it_counts(doubling: Artefact) -> None:
    for _ in range(3):
        doubling.run([values(3, 2).T.copy().T[:, [0, 0, 0]].copy(order="F"), values(1, 3)])
    stats = doubling.stats()
    chip = stats.segment("chip_0")
    assert (stats.runs, stats.copies, stats.copied_bytes) == (3, 3, 3 * 36)
    assert (chip.calls, chip.bytes_in, chip.bytes_out) == (3, 3 * 48, 3 * 48)
    assert (chip.fallbacks, chip.last_error, chip.executors) == (0, "", 1)
    assert chip.driver == {"calls": 3, "threads": 4}
    assert 0 < stats.host_ns < stats.ns
    assert chip.ns + stats.host_ns == stats.ns
    doubling.reset_stats()
    stats = doubling.stats()
    assert (stats.runs, stats.ns, stats.copies, stats.segments[0].calls) == (0, 0, 0, 0)
    with pytest.raises(KeyError):
        stats.segment("chip_1")


def test_a_segment_runs_alone(doubling: Artefact) -> None:
    outputs = doubling.run_segment("chip_0", {"x0": values(2, 3), "x1": values(1, 3)})
    np.testing.assert_array_equal(outputs["y0"], values(2, 3) * 2)
    assert outputs["y1"].shape == (1, 3)
    stats = doubling.stats()
    assert (stats.runs, stats.host_ns, stats.segments[0].calls) == (0, 0, 1)
    with pytest.raises(UsageError, match="no segment 'chip_00'; did you mean 'chip_0'"):
        doubling.run_segment("chip_00", [])
    with pytest.raises(InputError, match="segment 'chip_0': input 'x1' is missing"):
        doubling.run_segment("chip_0", {"x0": values(2, 3)})


def test_a_segment_that_returns(tmp_path: Path) -> None:
    ports = (Port("found", "float32", (None,)), Port("count", "int64", ()))
    artefact = load(make_returning(tmp_path / "m.so", {"do": "nonzero"}, outputs=ports))
    given = np.array([0, 3, 0, 5], "float32")
    for outputs in (artefact.run([given]), artefact.run_segment("chip_0", [given])):
        assert outputs["found"].tolist() == [3, 5]
        assert outputs["count"] == 2
        assert outputs["count"].shape == ()


def test_it_closes(doubling: Artefact) -> None:
    with doubling:
        doubling.run([values(2, 3), values(2, 3)])
    doubling.close()
    for use in (doubling.stats, doubling.reset_stats, lambda: doubling.run([])):
        with pytest.raises(ArtefactError, match=r"m\.so is closed; load it again"):
            use()


def test_two_artefacts_of_one_file_are_apart(doubling: Artefact) -> None:
    with load(doubling.path, vendor_options={"testchip": {"factor": "5"}}) as other:
        assert other.run([values(1, 3), values(1, 3)])["y0"][0, 0] == 20
        assert doubling.run([values(1, 3), values(1, 3)])["y0"][0, 0] == 8


@pytest.mark.parametrize("threads", [2, 8])
def test_many_threads(doubling: Artefact, threads: int) -> None:
    barrier = threading.Barrier(threads)

    def work(seed: int) -> None:
        barrier.wait()
        for size in range(1, 60):
            given = np.full((1 + size % 7, 3), seed * 100 + size, "float32")
            outputs = doubling.run([given, given[:1]])
            np.testing.assert_array_equal(outputs["y0"], given * 2)
            np.testing.assert_array_equal(outputs["same1"], given[:1])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    stats = doubling.stats()
    assert stats.runs == stats.segment("chip_0").calls == threads * 59
    assert stats.segment("chip_0").executors <= threads


def test_loading_in_many_threads(tmp_path: Path) -> None:
    path = make(tmp_path / "m.so")

    def work(_: int) -> float:
        with load(path) as artefact:
            return float(artefact.run([values(2, 3)])["y0"][0, 0])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(24))) == [8] * 24


def test_threads_are_given_to_host_and_vendor(tmp_path: Path) -> None:
    affinity = os.sched_getaffinity(0)
    path = make(tmp_path / "m.so")
    with load(path, threads=2) as artefact:
        artefact.run([values(2, 3)])
        assert artefact.stats().segments[0].driver == {"calls": 1, "threads": 2}
    with load(path, threads=2, vendor_options={"testchip": {"threads": "3"}}) as artefact:
        artefact.run([values(2, 3)])
        assert artefact.stats().segments[0].driver == {"calls": 1, "threads": 3}
    assert os.sched_getaffinity(0) == affinity


def in_child(work: Callable[[], object]) -> object:
    """What `work` gives, or raises, in a forked child."""
    receive, send = multiprocessing.Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        try:
            send.send(work())
        except BaseException as error:
            send.send(error)
        finally:
            os._exit(0)
    assert receive.poll(60), "the child hangs"
    given = receive.recv()
    os.waitpid(pid, 0)
    return given


def test_a_forked_child_runs_with_drivers_of_its_own(tmp_path: Path) -> None:
    artefact = load(make(tmp_path / "m.so", {"do": "process"}), threads=2)

    def work() -> tuple[int, int]:
        return int(artefact.run([values(2, 3)])["y0"][0, 0]), os.getpid() % 65536

    assert len(set(work())) == 1
    told, own = in_child(work)  # type: ignore[misc]
    assert told == own != os.getpid() % 65536
    assert artefact.stats().runs == 1
    assert len(set(work())) == 1


FORKING = """
import os, sys
os.environ["OPENBLAS_NUM_THREADS"] = "1"
import numpy as np
from byoc.runtime import load
artefact = load(sys.argv[1], threads=2)
given = np.full((64, 64), -1, "float32")
def right():
    return bool((artefact.run([given])["y0"] == 2).all())
assert right()
print(len(os.listdir("/proc/self/task")))
pid = os.fork()
if pid == 0:
    os._exit(0 if right() and right() and os.fork() or right() else 1)
assert os.waitpid(pid, 0)[1] == 0
assert right()
"""


def test_host_code_in_parallel_runs_after_a_fork(tmp_path: Path, child: Child) -> None:
    path = make(tmp_path / "m.so", shapes=[(64, 64)], parallel=True)
    ran = child(FORKING, path)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 1


def test_a_fork_amid_a_run_is_told(tmp_path: Path) -> None:
    artefact = load(make(tmp_path / "m.so", {"do": "slow", "seconds": 2}))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(artefact.run, [values(2, 3)])
        while not artefact._machines.busy:  # type: ignore[union-attr]
            pass
        error = in_child(lambda: artefact.run([values(2, 3)]))
        assert isinstance(error, ArtefactError)
        assert "forked while 1 of its parent's calls ran" in str(error)
        running.result()


def test_a_fallback_is_counted_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    do = {"do": "raises", "error": "ValueError", "every": 2}
    artefact = load(make_fallback(tmp_path / "m.so", do))
    with caplog.at_level(logging.WARNING, "byoc.runtime"):
        for _ in range(6):
            np.testing.assert_array_equal(artefact.run([values(2, 3)])["y"], values(2, 3) * 2)
    assert artefact.stats().segments[0].fallbacks == 3
    (record,) = caplog.records
    assert (
        "segment 'chip_0' of vendor 'testchip' failed: ValueError: the engine is hot"
        in record.message
    )
