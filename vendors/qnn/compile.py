"""Compile: a segment as a QNN context binary, inside the ONNX model that onnxruntime reads it from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import byoc
from byoc.vendors.qnn import SOCS, installed
from byoc.vendors.qnn.compat import describe
from byoc.vendors.qnn.sessions import quiet_stdout, session_options

if TYPE_CHECKING:
    from onnx import ModelProto

CONTEXT: Final = "EPContext"
"""The op that stands for what QNN compiled."""


def compiled(
    segment: byoc.Segment, spec: byoc.VendorSpec, options: Mapping[str, Any]
) -> byoc.Blob | byoc.Refusal:
    """The blob of `segment`, or a refusal that names the nodes which QNN has no op for.

    QNN keeps options from one compilation to the next in a process, and numbers what it compiles, so that the same
    segment gives the same bytes only in a process that compiled nothing before.
    """
    import onnx

    source = _as_claimed(segment).to_onnx(spec.opset)
    data = compile_model(source.SerializeToString(deterministic=True), options)
    model = onnx.load_from_string(data)
    left = [node for node in model.graph.node if node.op_type != CONTEXT]
    if left:
        return _refusal(segment, left)
    _hold_ports(source, model)
    return byoc.Blob(
        data,
        compat=describe(installed(), options["soc"]),
        report={"soc": options["soc"], "contexts": len(model.graph.node)},
    )


def _as_claimed(segment: byoc.Segment) -> byoc.Segment:
    """The segment with only those ONNX operators in one piece that the table took in one piece.

    `to_onnx` writes a HardSigmoid again as HardSigmoid, also where the table refused that and took what it is made
    of: a multiplication, an addition and a clip.
    """
    taken = {name: index for index, each in enumerate(segment.composites) for name in each.bindings}
    groups = tuple(
        group
        for group in segment.groups
        if group.host or len({taken.get(name) for name in group.bindings}) == 1
    )
    return replace(segment, groups=groups)


def compile_model(model: bytes, options: Mapping[str, Any]) -> bytes:
    """An ONNX model with what QNN takes of `model` compiled into it. Raises what onnxruntime raises."""
    import onnxruntime

    provider = {"htp_graph_finalization_optimization_mode": str(options["optimization"])}
    if SOCS[options["soc"]]:
        provider["soc_model"] = str(SOCS[options["soc"]])
    if options["vtcm_mb"]:
        provider["vtcm_mb"] = str(options["vtcm_mb"])
    with quiet_stdout():
        compiler = onnxruntime.ModelCompiler(
            session_options(provider), model, embed_compiled_data_into_model=True
        )
        return bytes(compiler.compile_to_bytes())


def _refusal(segment: byoc.Segment, left: list[Any]) -> byoc.Refusal:
    ops = ", ".join(dict.fromkeys(node.op_type for node in left))
    nodes: dict[str, None] = {}
    for node in left:
        origins = [segment.origins.get(name, ()) for name in node.output]
        if not any(origins):
            # A node that onnxruntime made up: byoc has to search for where it came from.
            return byoc.Refusal("codegen-failed", f"QNN leaves {ops} to the CPU")
        nodes |= dict.fromkeys(name for each in origins for name in each)
    return byoc.Refusal("codegen-failed", f"QNN leaves {ops} to the CPU", nodes=tuple(nodes))


def _hold_ports(source: ModelProto, model: ModelProto) -> None:
    """Raises RuntimeError unless the compiled model has the ports of its source, in their order."""
    for kind in ("input", "output"):
        wanted, found = (
            [each.name for each in getattr(graph, kind)] for graph in (source.graph, model.graph)
        )
        if wanted != found:
            raise RuntimeError(
                f"QNN compiled a model with the {kind}s {', '.join(found)}; expected {', '.join(wanted)}"
            )
