"""Reference: a single ONNX node of the host, run by onnxruntime or by onnx's own evaluator.

The evaluator is the driver of the vendor "onnx": nodes for which onnxruntime has no kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

Array = npt.NDArray[np.generic]


class Evaluator:
    """An Executor (`byoc.runtime.executor`) of convention "returns" over a serialised ONNX model."""

    max_concurrency = 1

    def __init__(self, serialised: bytes) -> None:
        from onnx.reference import ReferenceEvaluator

        proto = onnx.load_model_from_string(serialised)
        self.names = [each.name for each in proto.graph.input]
        self.evaluator = ReferenceEvaluator(proto)

    def __call__(self, inputs: Sequence[Any], outputs: Sequence[Any] = ()) -> list[Array]:
        """Evaluate the model on tensors that numpy can view (DLPack, or arrays), in the order of its inputs."""
        arrays = [_array(each) for each in inputs]
        with np.errstate(all="ignore"):  # log(0) is -inf, without a word
            feeds = dict(zip(self.names, arrays, strict=True))
            results: Any = self.evaluator.run(None, feeds)
        found = [np.asarray(each) for each in results]
        for given, result in zip(outputs, found, strict=False):
            np.copyto(_array(given), result)
        return found

    def stats(self) -> Mapping[str, Any]:
        """It has nothing to tell."""
        return {}

    def close(self) -> None:
        """Nothing is open."""


def _array(tensor: Any) -> Array:
    """A view of a tensor of any dtype, ml_dtypes' included."""
    if isinstance(tensor, np.ndarray):
        return tensor
    from byoc.runtime.tensors import to_array

    return to_array(tensor)


def host_function(serialised: bytes) -> Callable[[Sequence[Array]], Sequence[Array]]:
    """Return what computes a host node: onnxruntime, or onnx's reference evaluator where that has no kernel."""
    session = None if is_lossy(serialised) else _session(serialised)
    if session is None:
        return Evaluator(serialised)
    names = [each.name for each in session.get_inputs()]

    def run(args: Sequence[Array]) -> Sequence[Array]:
        try:
            results: Any = session.run(None, dict(zip(names, args, strict=True)))
        except (
            Exception
        ):  # it takes no arrays of this dtype from Python, or a kernel leaves a case out
            return Evaluator(serialised)(args)
        return [np.asarray(each) for each in results]

    return run


def is_lossy(serialised: bytes) -> bool:
    """Whether onnxruntime's Python interface loses a dtype of the model: bfloat16 and 8-bit floats."""
    graph = onnx.load_model_from_string(serialised).graph
    return any(_small(each) for each in [*graph.input, *graph.output])


def _session(serialised: bytes) -> Any:
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        return onnxruntime.InferenceSession(serialised, options, providers=["CPUExecutionProvider"])
    except Exception:  # no kernel for this operator, opset or type
        return None


def _small(value: onnx.ValueInfoProto) -> bool:
    element = value.type.tensor_type.elem_type
    return bool(element) and onnx.helper.tensor_dtype_to_np_dtype(element).kind not in "fiub"
