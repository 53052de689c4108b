"""A vendor whose blob names a Python function: the driver's side of the runtime, well behaved and not.

`blob.payload` is JSON, {"do": NAME, ...}; NAME is one of the functions here.
"""

import json
import os
import threading
import time
from pathlib import Path

import numpy as np

import byoc
from byoc.verdict import Verdict

OPTIONS = {
    "type": "object",
    "properties": {
        "chip": {"type": "string", "default": "a"},
        "factor": {"type": "integer", "minimum": 1, "default": 2, "x-byoc-time": "load"},
        "threads": {"type": "integer", "minimum": 1, "default": 4, "x-byoc-time": "load"},
    },
}


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec("testchip", options=OPTIONS, toolchain="2.0")


@byoc.hookimpl
def byoc_compatible(vendor, manifest):
    if manifest.compat == b"raises":
        raise RuntimeError("no such chip")
    if manifest.compat == b"wrong":
        return "fine"
    return Verdict(*manifest.compat.decode().split(":")) if manifest.compat else None


@byoc.hookimpl
def byoc_load(vendor, blob, device, options):
    told = json.loads(blob.payload)
    return globals()[told["do"]](told, options)


class Multiply:
    """Outputs are the inputs times the option `factor`."""

    max_concurrency = 2

    def __init__(self, told, options):
        self.options = options
        self.calls = 0

    def __call__(self, inputs, outputs):
        self.calls += 1
        for given, out in zip(inputs, outputs, strict=True):
            array = np.from_dlpack(out)
            array[...] = np.from_dlpack(given) * array.dtype.type(self.options["factor"])

    def stats(self):
        return {"calls": self.calls, "threads": self.options["threads"]}

    def close(self):
        pass


def copies(told, options):
    """Outputs are the inputs, byte for byte: numpy knows no bfloat16 by DLPack."""
    from byoc.runtime.tensors import to_array

    def run(inputs, outputs):
        for given, out in zip(inputs, outputs, strict=True):
            to_array(out)[...] = to_array(given)

    return run


def touches(told, options):
    """Opening it makes a file."""
    Path(told["path"]).touch()
    return Multiply(told, options)


def process(told, options):
    """Gives the number of the process."""

    def run(inputs, outputs):
        np.from_dlpack(outputs[0])[...] = os.getpid() % 65536

    return run


def nothing(told, options):
    return lambda inputs, outputs: None


def slow(told, options):
    def run(inputs, outputs):
        time.sleep(told["seconds"])

    return run


class UnprintableError(Exception):
    def __str__(self):
        raise ValueError("no words")


ERRORS = {
    each.__name__: each for each in (ValueError, KeyboardInterrupt, SystemExit, UnprintableError)
}


def raises(told, options):
    """Fails on the first of every so many calls, doubles on the others."""
    calls = iter(range(10**9))

    def run(inputs, outputs):
        if next(calls) % told.get("every", 1) == 0:
            raise ERRORS[told["error"]](told.get("words", "the engine is hot"))
        for given, out in zip(inputs, outputs, strict=True):
            np.from_dlpack(out)[...] = np.from_dlpack(given) * np.float32(2)

    return run


def raises_on_open(told, options):
    raise OSError("no device node")


def is_no_callable(told, options):
    return "an executor"


def is_none(told, options):
    return None


def answers(told, options):
    return lambda inputs, outputs: [np.zeros(3)]


def nonzero(told, options):
    """For convention "returns": the values that are not zero, and their number."""

    def run(inputs, outputs):
        (array,) = map(np.from_dlpack, inputs)
        found = array[array != 0]
        return [found, np.array(found.size, np.int64)]

    return run


def returns(told, options):
    """For convention "returns": zeros of the dtypes and shapes that the blob says."""

    def run(inputs, outputs):
        assert len(outputs) == 0
        results = [np.zeros(shape, dtype) for dtype, shape in told["results"]]
        return results if told.get("many", True) else results[0]

    return run


def has_no_room(told, options):
    executor = Multiply(told, options)
    executor.max_concurrency = 0
    return executor


class Meeting(Multiply):
    """Gives how many calls are in it at a time; opened once, for two."""

    max_instances = 1

    def __init__(self, told, options):
        super().__init__(told, options)
        self.inside = 0
        self.lock = threading.Lock()

    def __call__(self, inputs, outputs):
        with self.lock:
            self.inside += 1
            met = self.inside
        time.sleep(0.01)
        np.from_dlpack(outputs[0])[...] = met
        with self.lock:
            self.inside -= 1


class Mute(Multiply):
    def stats(self):
        raise RuntimeError("no counters")

    def close(self):
        raise RuntimeError("it does not close")


class Closing(Multiply):
    def __init__(self, told, options):
        super().__init__(told, options)
        self.log = told["log"]

    def close(self):
        with open(self.log, "a") as log:  # noqa: PTH123  # while Python ends, too
            log.write("closed\n")
