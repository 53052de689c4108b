"""Executor: infer requests on an imported blob, called without copies."""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

import byoc
from byoc.vendors.openvino.compiler import DEVICE
from byoc.vendors.openvino.ports import Ports

TENSORS: Final = 256
"""Tensor objects that a request keeps: callers that come back with the same memory find theirs."""


class RequestExecutor:
    """A blob of `compiled`, imported. `streams` calls may run at a time, each with an infer request of its own.

    Requests work on the callers' memory. One that is called again with the same addresses is not told them again.
    """

    def __init__(self, blob: byoc.Blob, options: Mapping[str, Any]) -> None:
        import openvino

        self.max_concurrency = int(options.get("streams", 1))
        self._profile = bool(options.get("profile", False))
        assert isinstance(blob.parts, Mapping)
        self._memory = np.frombuffer(blob.parts["model"], np.uint8)
        settings: dict[str, Any] = {
            "NUM_STREAMS": self.max_concurrency,
            "INFERENCE_NUM_THREADS": int(options.get("threads", 0)),
            "PERF_COUNT": self._profile,
        }
        # The constants stay where they are in the artefact.
        source = openvino.Tensor(
            _writable(self._memory.ctypes.data, self._memory.nbytes), shared_memory=True
        )
        self._model: Any = openvino.Core().import_model(source, DEVICE, settings)
        self._ports = Ports.read(bytes(blob.parts["ports"]))
        self._lock = threading.Lock()
        self._idle: list[_Request] = []
        self._requests: list[_Request] = []

    def __call__(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> Sequence[Any] | None:
        """Run once; see `byoc.Executor`."""
        tensors = (*inputs, *outputs)
        addresses = [each.data_ptr() for each in tensors]
        request = self._take(addresses)
        try:
            request.run(tensors, addresses)
            # The request overwrites its own outputs at the next call.
            return None if outputs else request.copied_outputs()
        finally:
            self._idle.append(request)

    def stats(self) -> Mapping[str, Any]:
        """Requests that are open, and with the option `profile` what each operator of the last call took."""
        found: dict[str, Any] = {"requests": len(self._requests)}
        return found | ({"operators": self._operators()} if self._profile else {})

    def close(self) -> None:
        """Drop requests and model, then the memory under them."""
        self._idle.clear()
        self._requests.clear()
        self._model = None
        self._memory = np.empty(0, np.uint8)

    def _take(self, addresses: list[int]) -> _Request:
        """An idle request: the one that was called with these addresses last, else any, else a new one."""
        with self._lock:
            for place, each in enumerate(self._idle):
                if each.addresses == addresses:
                    return self._idle.pop(place)
            if self._idle and len(self._requests) >= self.max_concurrency:
                return self._idle.pop(0)
            request = _Request(self._model, self._ports)
            self._requests.append(request)
            return request

    def _operators(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for request in self._requests:
            for each in request.native.profiling_info:
                figures = found.setdefault(each.node_type, {"calls": 0, "ns": 0})
                figures["calls"] += each.status == each.status.EXECUTED
                figures["ns"] += round(each.real_time.total_seconds() * 1e9)
        return {name: figures for name, figures in sorted(found.items()) if figures["calls"]}


class _Request:
    """An infer request, and the addresses that its tensors have.

    `ports` is what `byoc.vendors.openvino.ports` tells of the blob. OpenVINO cannot tell an output that is an input
    passed on from that input; it is copied here.
    """

    def __init__(self, model: Any, ports: Ports) -> None:
        self.native = model.create_infer_request()
        self.addresses: list[int] = []
        set_input, set_output = self.native.set_input_tensor, self.native.set_output_tensor
        inputs = zip(ports.places, model.inputs, strict=True)
        self._bound = [(place, port, set_input, i) for i, (place, port) in enumerate(inputs)]
        self._bound += [
            (ports.count + i, port, set_output, i)
            for i, port in enumerate(model.outputs)
            if i not in ports.passed
        ]
        self._passed = [(ports.count + i, place) for i, place in ports.passed.items()]
        self._sizes = {
            ports.count + i: port.element_type.size for i, port in enumerate(model.outputs)
        }
        self._is_static = not any(port.partial_shape.is_dynamic for _, port, _, _ in self._bound)
        self._tensors: dict[Any, Any] = {}

    def run(self, tensors: Sequence[Any], addresses: list[int]) -> None:
        if not self._is_static or addresses != self.addresses:
            self.addresses = []
            self._bind(tensors)
            self.addresses = addresses
        self.native.start_async({}, None)
        self.native.wait()
        for to, source in self._passed:
            if to < len(tensors):
                size = math.prod(tensors[to].shape) * self._sizes[to]
                ctypes.memmove(addresses[to], addresses[source], size)

    def copied_outputs(self) -> list[Any]:
        return [np.array(self.native.get_output_tensor(i).data) for i in range(len(self._sizes))]

    def _bind(self, tensors: Sequence[Any]) -> None:
        for place, port, bind, number in self._bound:
            if place < len(tensors):
                bind(number, self._tensor(place, port, tensors[place]))

    def _tensor(self, place: int, port: Any, tensor: Any) -> Any:
        """OpenVINO's tensor on the memory of `tensor`."""
        import openvino

        shape = tuple(tensor.shape)
        key = place, tensor.data_ptr(), shape
        found = self._tensors.get(key)
        if found is None:
            size = math.prod(shape) * port.element_type.size
            while len(self._tensors) >= TENSORS:
                self._tensors.pop(next(iter(self._tensors)))
            memory = _writable(tensor.data_ptr(), size)
            found = self._tensors[key] = openvino.Tensor(
                memory, openvino.Shape(shape), port.element_type
            )
        return found


def _writable(address: int, size: int) -> Any:
    """The memory at `address` as bytes; OpenVINO asks for a writable array even where it only reads."""
    if not size:
        return np.empty(0, np.uint8)
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))
