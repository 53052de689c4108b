"""Optimise: an ONNX model as onnxruntime would run it, in parts that several segments can share."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

import byoc
from byoc.vendors.onnxruntime.compat import describe

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

SHARED: Final = 1024
"""Constants of at least this many bytes are parts of their own: equal ones of several segments are stored once."""

ALIGNMENT: Final = 16
"""Bytes; its kernels load unaligned vectors, and every array of numpy's is aligned so much."""

BLOCKED: Final = "com.microsoft.nchwc"
"""The domain of operators on blocked layouts."""


def optimised(model: ModelProto, layout: str) -> byoc.Blob:
    """Optimise `model` for the CPU; `layout` is the option of that name.

    The parts are `model` (ONNX), `weights` (JSON: the large constants' ONNX element types and dims, by name) and
    each large constant's bytes under its name, after "/". Raises what onnxruntime raises for a model that it
    cannot run. `model` loses its data.
    """
    import onnx
    import onnxruntime

    _part_int8(model.graph)
    with tempfile.TemporaryDirectory(prefix="byoc-onnxruntime-") as folder:
        source = Path(folder, "source.onnx")
        # As a file beside its weights, since a protobuf holds no 2 GB and need not be copied to be read.
        onnx.save_model(
            model,
            source,
            save_as_external_data=True,
            location="source.bin",
            size_threshold=SHARED,
            convert_attribute=False,
        )
        _run_optimiser(source, layout)
        result = onnx.load_model(Path(folder, "optimised.onnx"), load_external_data=False)
        parts = dict(_take_out(result.graph, Path(folder)))
        _inline(result.graph, Path(folder))
    blocked = any(node.domain == BLOCKED for node in result.graph.node)
    version = onnxruntime.__version__
    weights = {
        each.name: [each.data_type, list(each.dims)]
        for each in result.graph.initializer
        if each.name in parts
    }
    return byoc.Blob(
        {
            "model": result.SerializeToString(deterministic=True),
            "weights": json.dumps(weights, sort_keys=True).encode(),
            **{f"/{name}": data for name, data in sorted(parts.items())},
        },
        compat=describe(version, layout, block_size() if blocked else 0),
        report=_report(result.graph, version, sum(map(len, parts.values())), blocked),
        alignment=ALIGNMENT,
    )


def _part_int8(graph: GraphProto) -> None:
    """Give every reader of an int8 constant its own: onnxruntime rewrites those of weights, once a reader."""
    int8 = {each.name: each for each in graph.initializer if each.data_type == each.INT8}
    taken = {each.name for each in graph.initializer}
    read: Counter[str] = Counter()
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name not in int8:
                continue
            read[name] += 1
            if read[name] == 1:
                continue
            own = f"{name}_{read[name]}"
            while own in taken:
                own += "_"
            taken.add(own)
            graph.initializer.add().CopyFrom(int8[name])
            graph.initializer[-1].name = node.input[place] = own


def block_size() -> int:
    """Channels a block of this CPU: what the optimiser pads one output channel to."""
    import onnx
    from onnx import helper

    data = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 1, 4, 4])
    result = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 1, 4, 4])
    weight = onnx.numpy_helper.from_array(np.ones((1, 1, 1, 1), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])], "g", [data], [result], [weight]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with tempfile.TemporaryDirectory(prefix="byoc-onnxruntime-") as folder:
        source = Path(folder, "source.onnx")
        onnx.save_model(model, source)
        _run_optimiser(source, "machine")
        (found,) = onnx.load_model(Path(folder, "optimised.onnx")).graph.initializer
    return int(found.dims[0])


def _run_optimiser(source: Path, layout: str) -> None:
    """Write `optimised.onnx` and its weights `optimised.bin` beside `source`."""
    import onnxruntime

    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = (
        levels.ORT_ENABLE_ALL if layout == "machine" else levels.ORT_ENABLE_EXTENDED
    )
    options.optimized_model_filepath = str(source.with_name("optimised.onnx"))
    entry = "session.optimized_model_external_initializers_"
    options.add_session_config_entry(f"{entry}file_name", "optimised.bin")
    options.add_session_config_entry(f"{entry}min_size_in_bytes", str(SHARED))
    # Without it uint8 * int8 is added in 16 bits on CPUs without VNNI, and overflows.
    options.add_session_config_entry("session.x64quantprecision", "1")
    # Packed weights are another form for one kernel library; the session that runs makes its own.
    options.add_session_config_entry("session.disable_prepacking", "1")
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _take_out(graph: GraphProto, folder: Path) -> Iterator[tuple[str, bytes]]:
    """The large constants of the graph itself: name and bytes. They stay in it as external, without a place."""
    for each in graph.initializer:
        if _is_external(each):
            yield each.name, _external_bytes(each, folder)
            del each.external_data[:]
            each.external_data.add(key="location", value=each.name)


def _inline(graph: GraphProto, folder: Path) -> None:
    """Put the large constants of subgraphs back: sessions take others' memory for the outer graph alone."""
    for inner in _subgraphs(graph.node):
        for each in inner.initializer:
            if _is_external(each):
                each.raw_data = _external_bytes(each, folder)
                del each.external_data[:]
                each.ClearField("data_location")
        _inline(inner, folder)


def _subgraphs(nodes: Iterable[Any]) -> Iterator[GraphProto]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield attribute.g
            yield from attribute.graphs


def _is_external(tensor: TensorProto) -> bool:
    return bool(tensor.data_location == tensor.EXTERNAL)


def _external_bytes(tensor: TensorProto, folder: Path) -> bytes:
    where = {entry.key: entry.value for entry in tensor.external_data}
    start = int(where.get("offset", 0))
    with (folder / where["location"]).open("rb") as file:
        file.seek(start)
        data: bytes = file.read(int(where["length"]))
    return data


def _report(graph: GraphProto, version: str, constants: int, blocked: bool) -> dict[str, Any]:
    operators = Counter(f"{node.domain}.{node.op_type}".lstrip(".") for node in graph.node)
    return {
        "toolchain": f"onnxruntime {version}",
        "operators": dict(sorted(operators.items())),
        "constant_bytes": constants,
        "runs_on": "CPUs with vectors as wide as this one's" if blocked else "every CPU",
    }
