"""Operators: one ONNX node into Relax calls, when the result is what ONNX's inference expects."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import onnx
from tvm import ir, relax

from byoc.errors import ByocError
from byoc.frontends.onnx.context import Context, Decline
from byoc.frontends.onnx.convert import convert
from byoc.frontends.onnx.groups import add_group, is_group
from byoc.frontends.onnx.hosting import host_call
from byoc.frontends.onnx.state import State, carried
from byoc.frontends.onnx.types import TensorSpec, attributes, dtype_of, plain_dim
from byoc.frontends.onnx.values import Value, constant_array


def import_operator(state: State, node: onnx.NodeProto, inputs: Sequence[Value | None]) -> None:
    """Import one operator; a DequantizeLinear afresh for each node that reads it."""
    first = _import(state, node, inputs)
    if node.op_type != "DequantizeLinear":
        return
    made = [first]
    value = state.values[node.output[0]]

    def fresh() -> Any:
        value.read_as = made.pop() if made else _import(state, node, inputs)
        state.values[node.output[0]] = value
        return value.read_as

    value.fresh = fresh
    state.values[node.output[0]] = value


def _import(state: State, node: onnx.NodeProto, inputs: Sequence[Value | None]) -> Any:
    """Convert to Relax calls, or make a host call; return the first output."""
    outputs = state.outputs(node)
    if any(each is not None and each.opaque is not None for each in inputs):
        host_call(state, [node], "it reads a value that is no tensor of numbers")
    else:
        specs = state.specs(node, inputs)
        try:
            results, adopted = _convert(state, node, inputs, specs)
        except Decline as reason:
            host_call(state, [node], str(reason), specs)
        else:
            _record(state, node, inputs, results, adopted)
    return next(state.values[name].expr for name in outputs if name)


def _convert(
    state: State,
    node: onnx.NodeProto,
    inputs: Sequence[Value | None],
    specs: Sequence[TensorSpec | None],
) -> tuple[list[Any], list[str]]:
    """Return an expression for each output that is read, None for the others; and the names of the bindings."""
    outputs = state.outputs(node)
    context = Context(
        node=node,
        version=_since(node, state.source.opset),
        attrs=attributes(node, state.source.opset),
        values=inputs,
        read=functools.cache(
            state.tensor
        ),  # one expression an input, however often a converter asks
        specs=specs,
        emitter=state.emitter,
        opset=state.source.opset,
        wanted=len(outputs),
    )
    try:
        steps, results = state.emitter.scratch(lambda: convert(context))
    except (Decline, ByocError):
        raise
    except Exception as error:  # the node breaks ONNX's rules: each converter meets that elsewhere
        words = str(error).strip().splitlines() or [type(error).__name__]
        raise Decline(f"it cannot be converted: {words[-1]}") from error
    if len(results) < len(outputs):
        raise Decline(f"TVM's importer gives {len(results)} of its {len(outputs)} outputs")
    used = [index for index, name in enumerate(outputs) if name]
    for index in used:
        _hold(results[index], specs[index])
    origins = (node.name, *(name for name in carried(inputs) if name != node.name))
    names = [outputs[index] for index in used]
    exprs, adopted = state.emitter.adopt(steps, [results[index] for index in used], names, origins)
    finished: list[Any] = [None] * len(outputs)
    for index, expr in zip(used, exprs, strict=True):
        finished[index] = _plain(state, expr, outputs[index], origins, adopted)
    return finished, adopted


def _since(node: onnx.NodeProto, opset: int) -> int:
    try:
        return int(onnx.defs.get_schema(node.op_type, opset, node.domain).since_version)
    except onnx.defs.SchemaError:
        return 0


def _hold(expr: Any, spec: TensorSpec | None) -> None:
    """Accept a result only when its type is known and is what ONNX's inference says."""
    ty = expr.ty
    if not isinstance(ty, relax.TensorType) or ty.shape is None:
        raise Decline("TVM's importer does not know the shape of its result")
    if spec is None:
        raise Decline("ONNX's inference does not know the type of its result")
    if dtype_of(ty) != spec.dtype:
        raise Decline(f"TVM's importer makes it {dtype_of(ty)} where ONNX says {spec.dtype}")
    if spec.shape is None:
        return
    dims = [plain_dim(dim) for dim in ty.shape.values]
    if len(dims) != len(spec.shape) or any(map(_contradicts, dims, spec.shape)):
        raise Decline("TVM's importer gives it another shape than ONNX's inference")


def _contradicts(ours: int | str | None, theirs: int | str | None) -> bool:
    return isinstance(ours, int) and isinstance(theirs, int) and ours != theirs


def _plain(state: State, expr: Any, name: str, origins: tuple[str, ...], adopted: list[str]) -> Any:
    """Give a result whose dims are expressions plain variables as dims; equal expressions, equal variables."""
    if isinstance(expr, ir.GenericConst) or all(
        plain_dim(dim) is not None for dim in expr.ty.shape.values
    ):
        return expr
    dims = [state.emitter.dim_for(dim) for dim in expr.ty.shape.values]
    cast = state.emitter.match_cast(name, expr, relax.TensorType(dims, dtype_of(expr.ty)), origins)
    adopted.append(cast.name)
    return cast


def _record(
    state: State,
    node: onnx.NodeProto,
    inputs: Sequence[Value | None],
    results: Sequence[Any],
    adopted: Sequence[str],
) -> None:
    names = (*carried(inputs), node.name)
    for name, expr in zip(state.outputs(node), results, strict=True):
        if isinstance(expr, ir.GenericConst):
            state.set_array(name, constant_array(expr), names)
        elif name:
            state.values[name] = Value(name, expr=expr, carried=() if adopted else names)
    # A binding may have moved in between (a quantised bias): it is no part of this node.
    recent = state.emitter.bindings[-2 * len(adopted) - 1 :] if adopted else []
    made = [each for each in recent if each.var.name in adopted]
    if is_group(node, made):
        add_group(state, [node], inputs, results, adopted)
