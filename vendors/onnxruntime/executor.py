"""Executor: a session on a blob, called without copies."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import numpy as np

import byoc
from byoc.vendors.onnxruntime.compat import read
from byoc.vendors.onnxruntime.elements import BOOL, CARRIERS, ELEMENTS
from byoc.vendors.onnxruntime.profile import by_operator, profile_prefix

BINDINGS: Final = 64
"""Bindings that are kept: callers that come back with the same memory find theirs."""


class SessionExecutor:
    """An onnxruntime session on a blob of `optimised`. Calls of any number of threads may overlap.

    Tensors are bound by address, nothing is copied. A binding belongs to one call at a time and is kept for the
    next with the same addresses, which onnxruntime then runs without looking at a name.
    """

    max_concurrency = 256

    def __init__(self, blob: byoc.Blob, options: Mapping[str, Any]) -> None:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as native

        self._native = native
        self._profiled: dict[str, Any] | None = None
        self._profile = bool(options.get("profile", False))
        parts = {name: np.frombuffer(data, np.uint8) for name, data in _parts(blob).items()}
        settings = _settings(onnxruntime, read(blob.compat)[1], options)
        # The session works on the parts' own memory.
        self._weights = _weights(onnxruntime, parts)
        settings.add_external_initializers(list(self._weights), list(self._weights.values()))
        session = onnxruntime.InferenceSession(
            parts["model"].tobytes(), settings, providers=["CPUExecutionProvider"]
        )
        self._session: Any = session._sess
        self._inputs = [_port(each) for each in session.get_inputs()]
        self._outputs = [_port(each) for each in session.get_outputs()]
        ports = (*session.get_inputs(), *session.get_outputs())
        self._is_static = all(_is_static(each.shape) for each in ports)
        self._cpu = native.OrtDevice(native.OrtDevice.cpu(), native.OrtDevice.default_memory(), 0)
        # Its methods are atomic, so that threads need no lock.
        self._bindings: OrderedDict[Any, Any] = OrderedDict()

    def __call__(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> Sequence[Any] | None:
        """Run once; see `byoc.Executor`."""
        if len(outputs) != len(self._outputs):
            return self._run_dynamic(inputs)
        key: Any = tuple([each.data_ptr() for each in (*inputs, *outputs)])
        if not self._is_static:
            key = key, *[tuple(each.shape) for each in (*inputs, *outputs)]
        binding = self._bindings.pop(key, None)
        if binding is None:
            binding = self._bind(inputs)
            for (name, element), tensor in zip(self._outputs, outputs, strict=True):
                binding.bind_output(name, self._cpu, element, tuple(tensor.shape), _address(tensor))
        self._session.run_with_iobinding(binding, None)
        self._bindings[key] = binding
        if len(self._bindings) > BINDINGS:
            with suppress(KeyError):  # other threads may have taken all
                self._bindings.popitem(last=False)
        return None

    def stats(self) -> Mapping[str, Any]:
        """Memory that is bound, and with the option `profile` what each operator took since the session was opened.

        Asking for the profile ends it.
        """
        found: dict[str, Any] = {"bindings": len(self._bindings)}
        if self._profile and self._profiled is None:
            self._profiled = by_operator(self._session.end_profiling())
        return found | ({} if self._profiled is None else {"operators": self._profiled})

    def close(self) -> None:
        """Drop the session, then the memory under it."""
        self.stats()
        self._bindings.clear()
        self._session = None
        self._weights = {}

    def _run_dynamic(self, inputs: Sequence[Any]) -> list[Any]:
        """Let onnxruntime allocate the outputs."""
        binding = self._bind(inputs)
        for name, _ in self._outputs:
            binding.bind_output(name, self._cpu)
        self._session.run_with_iobinding(binding, None)
        elements = [element for _, element in self._outputs]
        return [_result(*each) for each in zip(binding.get_outputs(), elements, strict=True)]

    def _bind(self, inputs: Sequence[Any]) -> Any:
        binding = self._native.SessionIOBinding(self._session)
        for (name, element), tensor in zip(self._inputs, inputs, strict=True):
            binding.bind_input(name, self._cpu, element, tuple(tensor.shape), _address(tensor))
        return binding


def _address(tensor: Any) -> int:
    """Where the data lies; a tensor without elements may lie nowhere, which onnxruntime does not take."""
    return int(tensor.data_ptr()) or 64


def _parts(blob: byoc.Blob) -> Mapping[str, Any]:
    return blob.parts if isinstance(blob.parts, Mapping) else {"model": blob.parts}


def _settings(onnxruntime: Any, layout: str, options: Mapping[str, Any]) -> Any:
    """Session options: what `machine` blobs need is done already, `portable` ones get the layout of this CPU."""
    levels = onnxruntime.GraphOptimizationLevel
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = (
        levels.ORT_DISABLE_ALL if layout == "machine" else levels.ORT_ENABLE_ALL
    )
    settings.add_session_config_entry("session.x64quantprecision", "1")
    settings.log_severity_level = 4
    settings.intra_op_num_threads = options.get("threads", 0)
    if not options.get("spinning", False):
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if options.get("profile", False):
        settings.enable_profiling = True
        settings.profile_file_prefix = profile_prefix()
    return settings


def _weights(onnxruntime: Any, parts: Mapping[str, Any]) -> dict[str, Any]:
    """The large constants as OrtValues on the parts' memory."""
    from_numpy = onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type
    return {
        name: from_numpy(parts[f"/{name}"].view(CARRIERS[element]).reshape(dims), element)
        for name, (element, dims) in json.loads(parts["weights"].tobytes()).items()
    }


def _port(about: Any) -> tuple[str, int]:
    return about.name, ELEMENTS[about.type]


def _is_static(shape: Sequence[Any]) -> bool:
    return all(isinstance(extent, int) for extent in shape)


def _result(value: Any, element: int) -> Any:
    """An output that onnxruntime allocated, as something with DLPack, which it writes without bools."""
    return np.from_dlpack(value).view(np.bool_) if element == BOOL else value
