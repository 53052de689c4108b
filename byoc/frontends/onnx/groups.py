"""Groups: ONNX nodes that stay visible under ONNX's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
from tvm import ir

from byoc.frontends.model import SourceGroup
from byoc.frontends.onnx.state import State
from byoc.frontends.onnx.types import attributes
from byoc.frontends.onnx.values import Value

ALWAYS = frozenset({"Clip", "Gelu", "LayerNormalization"})
"""Operators that rows name as `onnx.Clip` even where they became one Relax call."""


def is_group(node: onnx.NodeProto, bindings: Sequence[Any]) -> bool:
    """Whether the bindings of a converted node are a group: several calls, or one that hides what it computes."""
    calls = [
        each.value.op.name
        for each in bindings
        if isinstance(each.value, ir.Call) and isinstance(each.value.op, ir.Op)
    ]
    return len(calls) > 1 or "relax.call_tir" in calls or (bool(calls) and node.op_type in ALWAYS)


def qualified(nodes: Sequence[onnx.NodeProto]) -> str:
    """The operator's name for rows: `onnx.LSTM`, `acme.npu.Relu`; those of a fused region are joined by `+`."""
    names = [
        f"{each.domain or 'onnx'}.{each.op_type}".replace("ai.onnx.", "onnx.", 1) for each in nodes
    ]
    first, *rest = dict.fromkeys(names)
    return "+".join([first, *(each.removeprefix("onnx.") for each in rest)])


def add_group(
    state: State,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Value | None],
    results: Sequence[Any],
    bindings: Sequence[str],
    symbol: str = "",
    reason: str = "",
) -> None:
    """Record a group: `inputs` as the first node reads them (of a region: all that it reads)."""
    node, opsets = nodes[0], state.source.opsets
    named = _named(node, inputs, opsets) if len(nodes) == 1 else _numbered(inputs)
    state.emitter.groups.append(
        SourceGroup(
            op=qualified(nodes),
            node=node.name,
            bindings=tuple(bindings),
            inputs={name: _moved(state, each) for name, each in named.items()},
            outputs=tuple(each.name if isinstance(each, ir.Var) else "" for each in results),
            attrs=attributes(node, opsets.get(node.domain, 1)) if len(nodes) == 1 else {},
            host=symbol,
            reason=reason,
            opset=_since(node, opsets) if len(nodes) == 1 else 0,
        )
    )


def _since(node: onnx.NodeProto, opsets: dict[str, int]) -> int:
    """The version of a node's schema, 0 where there is none."""
    try:
        schema = onnx.defs.get_schema(node.op_type, opsets.get(node.domain, 1), node.domain)
    except onnx.defs.SchemaError:
        return 0
    return int(schema.since_version)


def _numbered(inputs: Sequence[Value | None]) -> dict[str, Any]:
    return {f"input{index}": _reference(each) for index, each in enumerate(inputs)}


def _named(
    node: onnx.NodeProto, inputs: Sequence[Value | None], opsets: dict[str, int]
) -> dict[str, Any]:
    """What a node reads, by the schema's input names; numbered where there is no schema."""
    try:
        formal = onnx.defs.get_schema(node.op_type, opsets.get(node.domain, 1), node.domain).inputs
    except onnx.defs.SchemaError:
        return _numbered(inputs)
    read = [_reference(value) for value in inputs]
    named: dict[str, Any] = {}
    for index, parameter in enumerate(formal):
        if parameter.option == onnx.defs.OpSchema.FormalParameterOption.Variadic:
            named[parameter.name] = tuple(read[index:])
        else:
            named[parameter.name] = read[index] if index < len(read) else None
    return named


def _moved(state: State, read: Any) -> Any:
    """What a node reads now, when import gave the binding another place."""
    if isinstance(read, tuple):
        return tuple(_moved(state, each) for each in read)
    return state.emitter.moved.get(read, read) if isinstance(read, str) else read


def _reference(value: Value | None) -> Any:
    if value is None:
        return None
    if value.array is not None:
        return value.array
    expr = value.read_as if value.read_as is not None else value.expr
    return None if expr is None else expr.name
