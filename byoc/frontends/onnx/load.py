"""Read an ONNX model: a path or a loaded proto in, a proto whose large tensors may still lie in files out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no stubs in the wheel
from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data

from byoc.errors import ModelError

OLDEST_OPSET = 7


@dataclass(frozen=True, slots=True)
class Source:
    """A loaded model, the name reports use for it, and the folder that its external data is relative to."""

    proto: onnx.ModelProto
    name: str
    folder: Path
    opsets: dict[str, int]

    @property
    def opset(self) -> int:
        """The version of ONNX's own operator set."""
        return self.opsets.get("", OLDEST_OPSET)


def load(source: Path | str | onnx.ModelProto, name: str | None = None) -> Source:
    """Load `source` and check that byoc can read it; external data stays in its files.

    Raises ModelError for a missing file, a directory, a file that is not ONNX or is cut short, an opset outside
    what is supported, and missing external data.
    """
    if isinstance(source, onnx.ModelProto):
        proto, label, folder = source, source.graph.name or "model", Path()
    elif isinstance(source, str) and source.startswith("zoo:"):
        from byoc.testing import zoo

        proto, label, folder = zoo.load(source.removeprefix("zoo:")), source, Path()
    else:
        path = Path(source)
        proto, label, folder = _read(path), str(source), path.parent
    label = name or label
    opsets = _opsets(proto, label)
    _check_external(proto, folder, label)
    _check_graph(proto.graph, folder, label)
    return Source(proto, label, folder, opsets)


def _read(path: Path) -> onnx.ModelProto:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file; expected an ONNX file. Check the path.") from error
    except IsADirectoryError as error:
        raise ModelError(
            f"{path} is a directory; expected an ONNX file. Name the .onnx file inside it."
        ) from error
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}); expected a readable ONNX file."
        ) from error
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except DecodeError as error:
        raise ModelError(
            f"{path} is not an ONNX model, or is cut short ({len(data)} bytes; {error}). "
            "Export or copy the model again."
        ) from error
    return proto


def _opsets(proto: onnx.ModelProto, label: str) -> dict[str, int]:
    if not proto.HasField("graph") or not proto.opset_import:
        raise ModelError(
            f"{label} is not an ONNX model: it has no graph or names no operator set. "
            "Check that the file is ONNX and was written completely."
        )
    opsets = {
        ("" if each.domain == "ai.onnx" else each.domain): each.version
        for each in proto.opset_import
    }
    if proto.ir_version > onnx.IR_VERSION:
        raise ModelError(
            f"{label} has IR version {proto.ir_version}; the installed onnx {onnx.__version__} knows up to "
            f"{onnx.IR_VERSION}. Install a newer onnx package, or export the model for an older version."
        )
    newest = onnx.defs.onnx_opset_version()
    version = opsets.get("", newest)
    if version > newest:
        raise ModelError(
            f"{label} uses opset {version}; the installed onnx {onnx.__version__} knows up to {newest}. "
            "Install a newer onnx package, or export the model for an older opset."
        )
    if version < OLDEST_OPSET:
        raise ModelError(
            f"{label} uses opset {version}; byoc reads opsets {OLDEST_OPSET} to {newest}. "
            "Convert it with onnx.version_converter.convert_version, or export it again."
        )
    return opsets


def _check_external(proto: onnx.ModelProto, folder: Path, label: str) -> None:
    for tensor in proto.graph.initializer:
        if uses_external_data(tensor):
            external_file(tensor, folder, label)


def _check_graph(graph: onnx.GraphProto, folder: Path, label: str) -> None:
    """Refuse names that are no text or made twice, and load the external data of tensors in attributes."""
    inputs = [each.name for each in graph.input]
    made = {*inputs, *(each.name for each in graph.initializer)}
    if len(set(inputs)) != len(inputs):
        twice = next(name for name in inputs if inputs.count(name) > 1)
        raise ModelError(f"{label}: input {twice!r} is declared twice. Export the model again.")
    for node in graph.node:
        texts = [node.op_type, node.domain, node.name, *node.input, *node.output]
        if not all(isinstance(each, str) for each in texts):
            raise ModelError(
                f"{label}: a name in node {node.name!r} is no UTF-8 text: the file is damaged. Copy it again."
            )
        for name in node.output:
            if name and name in made:
                raise ModelError(
                    f"{label}: value {name!r}, an output of node {node.name!r} ({node.op_type}), is made twice. "
                    "Export the model again."
                )
            made.add(name)
    for attribute in (each for node in graph.node for each in node.attribute):
        if uses_external_data(attribute.t):
            external_file(attribute.t, folder, label)
            load_external_data_for_tensor(attribute.t, str(folder))
        for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            for tensor in inner.initializer:
                if uses_external_data(tensor):
                    external_file(tensor, folder, label)
                    load_external_data_for_tensor(tensor, str(folder))
            _check_graph(inner, folder, label)


def external_file(tensor: onnx.TensorProto, folder: Path, label: str) -> tuple[Path, int, int]:
    """Return the file, offset and length (bytes) of a tensor's external data.

    Raises ModelError when the file is missing, too short, or lies outside the model's folder.
    """
    entries = {each.key: each.value for each in tensor.external_data}
    location = entries.get("location", "")
    path = folder / location
    if Path(location).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        raise ModelError(
            f"{label}: the data of tensor {tensor.name!r} is said to be in {location!r}, outside the model's "
            "folder; expected a path inside it. Move the data beside the model and save it again."
        )
    if not path.is_file():
        raise ModelError(
            f"{label}: the data of tensor {tensor.name!r} is missing: there is no file {path}. "
            "Copy the external data beside the model."
        )
    size = path.stat().st_size
    try:
        offset = int(entries.get("offset", 0))
        length = int(entries.get("length", size - offset))
    except ValueError:
        offset = length = -1
    if offset < 0 or length < 0:
        raise ModelError(
            f"{label}: offset and length of tensor {tensor.name!r} in {path} are no whole "
            "numbers from 0. Save the model again."
        )
    if offset + length > size:
        raise ModelError(
            f"{label}: {path} is cut short: tensor {tensor.name!r} needs bytes {offset} to {offset + length}, "
            f"the file has {size}. Copy the external data again."
        )
    return path, offset, length
