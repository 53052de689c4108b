"""Executor: a session on a context binary, called on byoc's own memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from byoc.vendors.qnn.sessions import quiet_stdout, session_options

ELEMENTS: Final = {
    "tensor(float)": 1,
    "tensor(uint8)": 2,
    "tensor(int8)": 3,
    "tensor(uint16)": 4,
    "tensor(int16)": 5,
    "tensor(int32)": 6,
    "tensor(int64)": 7,
    "tensor(bool)": 9,
    "tensor(float16)": 10,
}
"""ONNX's numbers of the types that cross the border of a segment."""


class ContextExecutor:
    """A context binary that is open. One call at a time: the HTP and its simulator run one graph after another."""

    max_concurrency = 1

    def __init__(self, model: bytes, performance: str) -> None:
        import onnxruntime

        settings = session_options({"htp_performance_mode": performance})
        # Nothing of a segment that was compiled for QNN may quietly run elsewhere.
        settings.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        with quiet_stdout():
            self._session: Any = onnxruntime.InferenceSession(model, settings)
        self._inputs = [(each.name, ELEMENTS[each.type]) for each in self._session.get_inputs()]
        self._outputs = [(each.name, ELEMENTS[each.type]) for each in self._session.get_outputs()]
        self._process = os.getpid()
        self._calls = 0

    def __call__(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Run once; see `byoc.Executor`. All shapes are fixed, so that `outputs` are always given."""
        if os.getpid() != self._process:
            raise RuntimeError("this session was opened before a fork, which QNN does not survive")
        binding = self._session.io_binding()
        for (name, element), tensor in zip(self._inputs, inputs, strict=True):
            array = np.from_dlpack(tensor)
            binding.bind_input(name, "cpu", 0, element, array.shape, array.ctypes.data)
        for (name, element), tensor in zip(self._outputs, outputs, strict=True):
            array = np.from_dlpack(tensor)
            binding.bind_output(name, "cpu", 0, element, array.shape, array.ctypes.data)
        self._session.run_with_iobinding(binding)
        self._calls += 1

    def stats(self) -> Mapping[str, Any]:
        """The calls of this session."""
        return {"calls": self._calls}

    def close(self) -> None:
        """Drop the session."""
        self._session = None
