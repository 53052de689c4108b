"""Drivers: Python drivers (`byoc_load`) as the C++ runtime calls them.

The C++ runtime asks `open_driver` when a segment without a native driver is called for the first time, and again
when more calls run at a time than an executor takes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from byoc.blob import Blob
from byoc.device import this_device
from byoc.errors import ByocError, DriverError
from byoc.manifest import Port
from byoc.runtime import vendors
from byoc.runtime.failures import keep, words
from byoc.runtime.results import Results

Run = Callable[..., Any]


def open_driver(entry_json: str, parts: Mapping[str, Any], options_json: str) -> list[Any]:
    """Open a segment's blob: [run, close, stats, max_concurrency] for the C++ runtime.

    `entry_json` is the segment's entry of the manifest, `parts` its blob as tensors of bytes on the artefact's
    memory, `options_json` the vendor's load-time options. Raises DriverError with the vendor's words.
    """
    entry = json.loads(str(entry_json))
    with _told("opening it raised "):
        executor = _load(entry, _blob(entry, parts), json.loads(str(options_json) or "{}"))
        return driven(entry, executor)


def driven(entry: Mapping[str, Any], executor: Any) -> list[Any]:
    """What the C++ runtime calls of `executor`, opened for the segment `entry`; as `open_driver` returns it."""
    return [_run(entry, executor), _closer(executor), _stats(executor), _max_concurrency(executor)]


def _load(entry: Mapping[str, Any], blob: Blob, options: Mapping[str, Any]) -> Any:
    vendor = entry["vendor"]
    # An artefact that TVM alone loaded was given no options.
    values = {**vendors.vendor_options(vendor, {}), **options}
    call = vendors.own_hook(vendor, "byoc_load")
    executor = call(vendor=vendor, blob=blob, device=this_device(), options=values)
    if executor is None:
        raise DriverError(
            "its plugin gives no Python driver (byoc_load answered None) and no native driver is registered; "
            "use byoc.runtime.register_driver or set BYOC_DRIVER_PATH"
        )
    if not callable(executor):
        raise DriverError(
            f"byoc_load answered {type(executor).__name__}, expected a callable that takes inputs and outputs"
        )
    return executor


def _blob(entry: Mapping[str, Any], parts: Mapping[str, Any]) -> Blob:
    import numpy as np

    ports = [*entry["inputs"], *entry["outputs"]]
    return Blob(
        {str(name): np.from_dlpack(part).tobytes() for name, part in parts.items()},
        compat=base64.b64decode(entry.get("compat", "")),
        report=entry.get("report", {}),
        alignment=max((port["alignment"] for port in ports), default=1),
        orders={port["name"]: tuple(port["order"]) for port in ports if port["order"]},
    )


def _run(entry: Mapping[str, Any], executor: Any) -> Run:
    if entry["convention"] == "returns":
        return _returning(entry, executor)
    count = len(entry["inputs"])

    def run(*tensors: Any) -> None:
        try:
            given = executor(tensors[:count], tensors[count:])
        except BaseException as error:
            raise _failed(error) from None
        if given is not None:
            raise DriverError(
                f"its executor returned {type(given).__name__}, expected None: outputs are filled in place"
            )

    return run


def _returning(entry: Mapping[str, Any], executor: Any) -> Run:
    results = Results(_ports(entry["inputs"]), _ports(entry["outputs"]))

    def run(*tensors: Any) -> Any:
        try:
            return results.tensors(tensors, executor(tensors, ()))
        except BaseException as error:
            raise _failed(error) from None

    return run


def _ports(documents: Sequence[Mapping[str, Any]]) -> tuple[Port, ...]:
    return tuple(
        Port(each["name"], each["dtype"], None if each["shape"] is None else tuple(each["shape"]))
        for each in documents
    )


def _closer(executor: Any) -> Callable[[], None]:
    def close() -> None:
        end = getattr(executor, "close", None)
        if callable(end):
            with _told("closing it raised "):
                end()

    return close


def _stats(executor: Any) -> Callable[[], str]:
    def stats() -> str:
        tell = getattr(executor, "stats", None)
        if not callable(tell):
            return "null"
        try:
            return json.dumps(dict(tell()), allow_nan=False)
        except Exception as error:  # counters must never end a run
            return json.dumps({"error": f"{type(error).__name__}: {words(error)}"})

    return stats


def _max_concurrency(executor: Any) -> int:
    given = getattr(executor, "max_concurrency", 1)
    if not isinstance(given, int) or given < 1:
        raise DriverError(f"its executor's max_concurrency is {given!r}, expected a number from 1")
    return given


@contextmanager
def _told(doing: str) -> Iterator[None]:
    """Let errors out as C++ takes them."""
    try:
        yield
    except BaseException as error:
        raise _failed(error, doing) from None


def _failed(error: BaseException, doing: str = "") -> BaseException:
    """`error` as C++ takes it: DriverError, one line. Ctrl-C is no failure, and kept for the caller of the run."""
    from tvm_ffi.core import Error

    if isinstance(error, KeyboardInterrupt):
        keep(error)
        interrupt: BaseException = Error("KeyboardInterrupt", "", "").py_error()
        return interrupt
    # byoc's own words need no type before them.
    kind = "" if isinstance(error, ByocError) else f"{doing}{type(error).__name__}: "
    return DriverError(f"{kind}{words(error)}")
