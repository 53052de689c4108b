"""Versions: ONNX nodes of one opset, said in another."""

from __future__ import annotations

from collections.abc import Iterable

import onnx

from byoc.codegen.export._legacy import CHANGED, RESIZE, sample_as_before
from byoc.codegen.export._writer import NewerOpset
from byoc.errors import ExportError
from byoc.frontends.onnx.host import subgraphs

_OWN = ("", "ai.onnx")


def own_opset(model: onnx.ModelProto) -> int:
    """The opset of ONNX's own domain that `model` imports; the oldest when it names none."""
    return max((each.version for each in model.opset_import if each.domain in _OWN), default=1)


def at_opset(model: onnx.ModelProto, opset: int, where: str) -> onnx.ModelProto:
    """`model` with its nodes as `opset` has them; itself when they mean the same there.

    `where` begins the complaints: it names the source node.
    Raises NewerOpset when `opset` is too old, ExportError when ONNX cannot convert a node.
    """
    given = own_opset(model)
    changed = list(_changed(model.graph.node, given, opset))
    if not changed:
        return model
    try:
        for each in changed:
            if each in CHANGED:
                raise ValueError(CHANGED[each])
        converted = onnx.version_converter.convert_version(_readable(model), opset)
        if opset < given:
            _check(converted)
        if given < RESIZE <= opset:
            sample_as_before(converted, enlarges="Resize" not in {op for op, _ in changed})
    except Exception as error:  # the converter raises whatever its C++ raises
        words = str(error).strip().splitlines() or [type(error).__name__]
        newest = max(since for _, since in changed)
        if newest > opset:
            ops = ", ".join(dict.fromkeys(op for op, since in changed if since == newest))
            raise NewerOpset(newest, f"{ops} is that of opset {newest}", where) from error
        ops = ", ".join(dict.fromkeys(op for op, _ in changed))
        raise ExportError(
            f"{where}{ops} of opset {given} cannot be said in opset {opset}: {words[-1]}. Convert the model to "
            f"opset {opset} and import it again, or let the vendor read another opset."
        ) from error
    return converted


def _check(model: onnx.ModelProto) -> None:
    """Hold a model that went back to an older opset against its schemas: the converter lets some forms pass."""
    context = onnx.checker.DEFAULT_CONTEXT
    context.ir_version = model.ir_version
    context.opset_imports = {each.domain: each.version for each in model.opset_import}
    for node in model.graph.node:
        onnx.checker.check_node(node, context)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)


def _changed(nodes: Iterable[onnx.NodeProto], given: int, opset: int) -> Iterable[tuple[str, int]]:
    """The operators whose schema is not the same in both opsets, with the version in `given`."""
    for node in nodes:
        if node.domain in _OWN and onnx.defs.has(node.op_type, given):
            since = onnx.defs.get_schema(node.op_type, given).since_version
            there = onnx.defs.has(node.op_type, opset)
            if not there or onnx.defs.get_schema(node.op_type, opset).since_version != since:
                yield node.op_type, since
        for graph in subgraphs(node):
            yield from _changed(graph.node, given, opset)


def _readable(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that the converter reads: an IR version it knows."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.ir_version = max(copy.ir_version, 4)
    return copy
