"""The module `byoc.segments` as Python and TVM see it: its functions, Python drivers, errors."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm_ffi

from byoc.container import pack
from byoc.errors import ArtefactError, DriverError, InputError
from byoc.manifest import Manifest, Port, SegmentEntry
from byoc.runtime import drivers, library

Run = Callable[..., Any]


def port(name: str, *shape: int | str | None, **more: Any) -> Port:
    return Port(name, "float32", shape, more.pop("alignment", 1), **more)


def entry(**more: Any) -> SegmentEntry:
    inputs, outputs = (port("x", "n", 3),), (port("y", "n", 3),)
    given = {"name": "s", "vendor": "fake", "inputs": inputs, "outputs": outputs, **more}
    return SegmentEntry(fingerprint="f", parts={}, **given)


def container(*entries: SegmentEntry) -> bytes:
    manifest = Manifest("0", "0", "m", (), (), entries, (), 0)
    blobs = {each.name: {"payload": b"shared", "own": each.name.encode()} for each in entries}
    return pack(manifest, blobs, b"{}")[1]


def load(*entries: SegmentEntry) -> Any:
    library.start()
    return tvm_ffi.get_global_func("byoc.runtime.create")(container(*entries))


class Opened:
    """A fake of what opens Python drivers; remembers what it was asked."""

    def __init__(self, run: Run, concurrency: int = 1) -> None:
        self.run, self.concurrency = run, concurrency
        self.asked: list[tuple[dict[str, Any], dict[str, bytes], dict[str, Any]]] = []
        self.closed = 0

    def __call__(self, text: str, parts: Mapping[str, Any], options: str) -> list[Any]:
        content = {str(name): np.from_dlpack(part).tobytes() for name, part in parts.items()}
        self.asked.append((json.loads(text), content, json.loads(options)))
        return [self.run, self.close, lambda: '{"told": 1}', self.concurrency]

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def use() -> Iterator[Callable[..., Opened]]:
    """Let `run` be what every Python driver does."""
    library.start()
    set_opener = tvm_ffi.get_global_func("byoc.runtime.set_opener")

    def make(run: Run, concurrency: int = 1) -> Opened:
        opened = Opened(run, concurrency)
        set_opener(opened)
        return opened

    yield make
    set_opener(drivers.open_driver)


def doubled(x: Any, y: Any) -> None:
    np.copyto(np.from_dlpack(y), 2 * np.from_dlpack(x))


def tensors(*arrays: np.ndarray) -> list[Any]:
    return [tvm_ffi.from_dlpack(array) for array in arrays]


def floats(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def stats(module: Any) -> list[dict[str, Any]]:
    return json.loads(module["byoc.stats"]())


def test_a_python_driver_is_given_entry_parts_and_options(use: Callable[..., Opened]) -> None:
    opened = use(doubled)
    module = load(entry(options={"level": 3}))
    module["byoc.set_options"]("fake", '{"device": 1}')
    x, y = floats(2, 3), floats(2, 3)
    module["s"](*tensors(x, y))
    np.testing.assert_array_equal(y, 2 * x)
    ((told, parts, options),) = opened.asked
    assert told["name"] == "s"
    assert told["options"] == {"level": 3}
    assert parts == {"payload": b"shared", "own": b"s"}
    assert options == {"device": 1}
    assert stats(module)[0]["driver"] == {"told": 1}


def test_new_options_open_anew(use: Callable[..., Opened]) -> None:
    opened = use(doubled)
    module = load(entry(), entry(name="other", vendor="second"))
    for options in ("{}", '{"a": 1}'):
        module["byoc.set_options"]("fake", options)
        module["s"](*tensors(floats(2, 3), floats(2, 3)))
        module["other"](*tensors(floats(2, 3), floats(2, 3)))
    asked = [(told["name"], options) for told, _, options in opened.asked]
    assert asked == [("s", {}), ("other", {}), ("s", {"a": 1})]
    assert opened.closed == 1
    module["byoc.close"]()
    assert opened.closed == 3


def test_a_module_saves_to_the_bytes_it_was_made_of() -> None:
    library.start()
    content = container(entry(), entry(name="t"))
    module = tvm_ffi.get_global_func("ffi.Module.load_from_bytes.byoc.segments")(content)
    assert module.kind == "byoc.segments"
    manifest = json.loads(module["byoc.manifest"]())
    held = [np.from_dlpack(module["byoc.part"](i)).tobytes() for i in range(4)]
    assert sorted(held) == [b"s", b"shared", b"t", b"{}"]
    assert len(manifest["parts"]) == 4
    with pytest.raises(IndexError, match="there is no part 4, there are 4"):
        module["byoc.part"](4)


def test_a_part_outlives_its_module() -> None:
    part = load(entry())["byoc.part"](0)
    assert np.from_dlpack(part).tobytes() in (b"s", b"shared", b"{}")


def test_there_are_no_other_functions() -> None:
    module = load(entry())
    for name in ("nothing", "s.try", "byoc.nothing", ".try"):
        assert not module.implements_function(name)
    assert load(entry(fallback=True)).implements_function("s.try")


def test_errors_are_of_byocs_classes(use: Callable[..., Opened]) -> None:
    def run(x: Any, y: Any) -> None:
        raise KeyError("weights")

    use(run)
    module = load(entry())
    x = floats(2, 3)
    with pytest.raises(
        DriverError, match="segment 's' of vendor 'fake' failed: KeyError: 'weights'"
    ):
        module["s"](*tensors(x, x))
    with pytest.raises(InputError, match="input 0 'x' has another dtype: given float64"):
        module["s"](*tensors(x.astype(np.float64), x))
    with pytest.raises(InputError, match="argument 1 is no tensor but int"):
        module["s"](*tensors(x), 3)
    with pytest.raises(ArtefactError, match="begin with BYOCSEG"):
        tvm_ffi.get_global_func("byoc.runtime.create")(bytes(64))
    assert stats(module)[0]["failures"] == 1
    assert stats(module)[0]["last_error"] == "KeyError: 'weights'"


def test_tensors_are_shared_not_copied(use: Callable[..., Opened]) -> None:
    seen: list[int] = []

    def run(x: Any, y: Any) -> None:
        seen.extend(np.from_dlpack(each).ctypes.data for each in (x, y))

    use(run)
    module = load(entry())
    x, y = floats(2, 3), floats(2, 3)
    module["s"](*tensors(x, y))
    assert seen == [x.ctypes.data, y.ctypes.data]
    assert stats(module)[0]["copies"] == 0


def test_axes_come_in_the_drivers_order(use: Callable[..., Opened]) -> None:
    shapes: list[tuple[int, ...]] = []

    def run(x: Any, y: Any) -> None:
        given = np.from_dlpack(x)
        shapes.append(given.shape)
        assert given.flags.c_contiguous
        np.copyto(np.from_dlpack(y), given + 1)

    use(run)
    nhwc = [port(name, 1, 2, 4, "w", order=(0, 2, 3, 1)) for name in "xy"]
    module = load(entry(inputs=(nhwc[0],), outputs=(nhwc[1],)))
    x, y = floats(1, 2, 4, 5), np.zeros((1, 2, 4, 5), np.float32)
    module["s"](*tensors(x, y))
    np.testing.assert_array_equal(y, x + 1)
    lying = np.zeros((1, 4, 5, 2), np.float32).transpose(0, 3, 1, 2)
    module["s"](*tensors(x, lying))
    np.testing.assert_array_equal(lying, x + 1)
    assert shapes == [(1, 4, 5, 2)] * 2
    assert stats(module)[0]["copies"] == 3


def test_what_a_driver_returns_is_held_to_the_signature(use: Callable[..., Opened]) -> None:
    results = iter(
        [
            tvm_ffi.from_dlpack(floats(2, 3)),
            [tvm_ffi.from_dlpack(floats(2, 3))],
            tvm_ffi.from_dlpack(floats(3, 2)),
            tvm_ffi.from_dlpack(floats(2, 3).astype(np.int32)),
            tvm_ffi.convert([tvm_ffi.from_dlpack(floats(2, 3))] * 2),
            "text",
            tvm_ffi.from_dlpack(floats(3, 2).T),
        ]
    )
    use(lambda x: next(results))
    module = load(entry(convention="returns", outputs=(port("y", None, 3),)))
    run = module["s"]
    x = tensors(floats(2, 3))
    for _ in range(2):
        np.testing.assert_array_equal(np.from_dlpack(run(*x)), floats(2, 3))
    for words in (
        "returned output 0 'y' has another shape",
        "has another dtype",
        "returned 2 outputs, expected 1",
        "returned neither a tensor nor several",
    ):
        with pytest.raises(DriverError, match=words):
            run(*x)
    np.testing.assert_array_equal(np.from_dlpack(run(*x)), floats(3, 2).T)


def test_python_drivers_take_as_many_calls_as_they_say(use: Callable[..., Opened]) -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def run(x: Any, y: Any) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        doubled(x, y)
        with lock:
            running -= 1

    def call() -> None:
        for _ in range(10):
            x, y = floats(2, 3), floats(2, 3)
            module["s"](*tensors(x, y))
            assert (y == 2 * x).all()

    for concurrency in (1, 3):
        most = 0
        opened = use(run, concurrency)
        module = load(entry())
        threads = [threading.Thread(target=call) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert 1 <= most <= concurrency
        assert len(opened.asked) == 1
        assert stats(module)[0]["calls"] == 80


def test_an_interrupt_is_not_a_failure_of_the_driver(use: Callable[..., Opened]) -> None:
    def run(x: Any, y: Any) -> None:
        # As byoc.runtime.drivers lets it out: tvm-ffi keeps the names of few exceptions itself.
        raise tvm_ffi.core.Error("KeyboardInterrupt", "Ctrl-C", "").py_error()

    use(run)
    module = load(entry(fallback=True))
    x = floats(2, 3)
    with pytest.raises(RuntimeError, match=r"^Ctrl-C"):
        module["s.try"](*tensors(x, x))
    assert stats(module)[0]["fallbacks"] == 0


def test_a_forked_child_opens_its_own(use: Callable[..., Opened], tmp_path: Path) -> None:
    opened = use(doubled)
    module = load(entry())
    module["s"](*tensors(floats(2, 3), floats(2, 3)))
    child = os.fork()
    if child == 0:
        x, y = floats(2, 3), floats(2, 3)
        module["s"](*tensors(x, y))
        good = len(opened.asked) == 2 and (y == 2 * x).all() and stats(module)[0]["calls"] == 1
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert stats(module)[0]["calls"] == 1
