"""Reference: the original model in onnxruntime, with any of its inner values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from byoc.errors import InputError, ModelError, UsageError, nearest

if TYPE_CHECKING:
    from onnx import ModelProto

    from byoc.runtime.tensors import Array

ZOO = "zoo:"


class Reference:
    """`model`, a path or `zoo:NAME`, in onnxruntime, one operator after the other, nothing fused.

    `inner` are names of inner values that `run` shall give as well. Raises UsageError when onnxruntime is missing,
    ModelError when the model cannot be used.
    """

    def __init__(self, model: str, inner: Sequence[str] = ()) -> None:
        self.model = model
        self._session = _session(model, tuple(inner))

    @property
    def input_names(self) -> list[str]:
        """The model's inputs that must be given."""
        return [each.name for each in self._session.get_inputs()]

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The outputs by name, then the inner values. Raises InputError when the inputs do not fit the model."""
        names = self.input_names
        known = [*names, *(each.name for each in self._session.get_overridable_initializers())]
        for name in inputs:
            if name not in known:
                raise InputError(
                    f"the model {self.model} has no input {name!r}{nearest(name, known)} (its inputs: "
                    f"{', '.join(names)}); compare with the model that the artefact was compiled from"
                )
        try:
            found = self._session.run(None, {name: _native(each) for name, each in inputs.items()})
        except Exception as error:  # onnxruntime's classes are many and private
            raise InputError(
                f"onnxruntime cannot run {self.model} on these inputs: {_line(error)}"
            ) from error
        outputs = self._session.get_outputs()
        return {out.name: np.asarray(each) for out, each in zip(outputs, found, strict=True)}


def load_proto(model: str) -> ModelProto:
    """The ONNX model, a path or `zoo:NAME`, without the weights that stand beside it."""
    import onnx

    if model.startswith(ZOO):
        from byoc.testing import zoo

        return zoo.load(model.removeprefix(ZOO))
    try:
        return onnx.load(model, load_external_data=False)
    except OSError as error:
        raise ModelError(
            f"cannot read {model}: {error.strerror or error}; give an ONNX file"
        ) from error
    except Exception as error:  # protobuf's DecodeError
        raise ModelError(f"{model} is no ONNX model: {_line(error)}") from error


def _session(model: str, inner: tuple[str, ...]) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            'the reference needs onnxruntime, which is not installed: `pip install "byoc[onnxruntime]"`'
        ) from error
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    source: Any = str(Path(model))
    if inner or model.startswith(ZOO):
        source = _with_outputs(load_proto(model), inner).SerializeToString()
        if not model.startswith(ZOO):
            folder = str(Path(model).resolve().parent)
            options.add_session_config_entry(
                "session.model_external_initializers_file_folder_path", folder
            )
    elif not Path(model).is_file():
        raise ModelError(f"there is no model {model}; give an ONNX file or zoo:NAME")
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"onnxruntime cannot load {model}: {_line(error)}") from error


def _with_outputs(proto: ModelProto, inner: tuple[str, ...]) -> ModelProto:
    from onnx import ValueInfoProto

    outputs = {each.name for each in proto.graph.output}
    for name in inner:
        if name not in outputs:
            proto.graph.output.append(ValueInfoProto(name=name))
    return proto


def _native(given: Any) -> Array:
    """An array in this machine's byte order: onnxruntime reads any other as if it were."""
    array = np.asarray(given)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
