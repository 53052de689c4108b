"""The walk over an ONNX graph: each node becomes a constant, shape arithmetic, Relax calls or a host call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import onnx
from onnx import TypeProto
from tvm import ir, relax

from byoc.errors import ModelError
from byoc.frontends.model import Model
from byoc.frontends.onnx.dims import shape_arithmetic
from byoc.frontends.onnx.fold import constant_node, fold
from byoc.frontends.onnx.host import subgraphs
from byoc.frontends.onnx.hosting import host_call
from byoc.frontends.onnx.load import Source
from byoc.frontends.onnx.names import name_nodes
from byoc.frontends.onnx.operators import import_operator
from byoc.frontends.onnx.regions import schedule
from byoc.frontends.onnx.state import State, carried, live_nodes
from byoc.frontends.onnx.types import attributes, is_tensor, type_name
from byoc.frontends.onnx.values import Value, shape_value
from byoc.frontends.onnx.weights import read_tensor


def import_graph(source: Source, inputs: dict[str, TypeProto]) -> Model:
    """Import the main graph of a loaded model, with the types of its inputs bound."""
    state = State(source, inputs)
    name_nodes(state.nodes, state.node_names)
    for unit in schedule(state.nodes, state.types):
        if len(unit) == 1:
            _node(state, unit[0])
        else:
            host_call(state, unit, "it passes values that are no tensors of numbers")
    results = [_result(state, each) for each in source.proto.graph.output]
    emitter = state.emitter
    module = emitter.finish(results)
    called = {each.host for each in emitter.groups}
    return Model(
        name=source.name,
        module=module,
        origins={"main": emitter.origins},
        groups={"main": tuple(emitter.groups)},
        host_nodes={symbol: data for symbol, data in state.host_nodes.items() if symbol in called},
        notes=tuple(state.notes),
        inputs=tuple(inputs),
        outputs=tuple(each.name for each in source.proto.graph.output),
    )


def _result(state: State, output: onnx.ValueInfoProto) -> Any:
    value = state.values.get(output.name)
    if value is None:
        raise ModelError(
            f"{state.source.name}: no node makes output {output.name!r}. Export the model again."
        )
    if value.opaque is not None or not is_tensor(output.type):
        kind = type_name(value.opaque if value.opaque is not None else output.type)
        raise ModelError(
            f"{state.source.name}: output {output.name!r} is a {kind}; byoc returns tensors of numbers. Let the "
            "model return the tensors that it holds."
        )
    expr = state.tensor(value)
    plain = isinstance(expr, ir.Var) and not isinstance(expr, relax.DataflowVar)
    return expr if plain else state.emitter.alias(output.name, expr)


def _node(state: State, node: onnx.NodeProto) -> None:
    inputs = [state.read(name) for name in node.input]
    if node.domain not in ("", "ai.onnx"):
        host_call(state, [node], f"operators of {node.domain} are not ONNX's own")
    elif subgraphs(node):
        _control_flow(state, node, inputs)
    elif not _without_ops(state, node, inputs):
        import_operator(state, node, inputs)


def _control_flow(state: State, node: onnx.NodeProto, inputs: Sequence[Value | None]) -> None:
    """An If of a constant condition is the branch it takes; other control flow runs on the host."""
    condition = inputs[0].array if node.op_type == "If" and inputs[0] is not None else None
    if condition is None:
        host_call(state, [node], "control flow runs on the host")
        return
    wanted = "then_branch" if bool(condition.reshape(-1)[0]) else "else_branch"
    (branch,) = [each.g for each in node.attribute if each.name == wanted]
    state.notes.append(f"{node.name}: the condition is constant; {wanted} was taken")
    outside = dict(state.values)
    for tensor in branch.initializer:
        state.values[tensor.name] = read_tensor(tensor, state.source)
    nodes, used = live_nodes(branch)
    state.used |= used
    name_nodes(nodes, state.node_names)
    for each in nodes:
        _node(state, each)
    results = [state.read(each.name) for each in branch.output]
    # Another branch may use the same names.
    state.values = outside
    for name, result in zip(node.output, results, strict=True):
        _pass_on(state, result, name, node)


def _pass_on(state: State, value: Value | None, name: str, node: onnx.NodeProto) -> None:
    assert value is not None
    state.values[name] = replace(value, name=name, carried=(*value.carried, node.name))


def _without_ops(state: State, node: onnx.NodeProto, inputs: Sequence[Value | None]) -> bool:
    """Take a node that needs no Relax op: a constant, a constant result, an identity, shape arithmetic."""
    op, names = node.op_type, (*carried(inputs), node.name)
    if op == "Constant":
        array = constant_node(node)
        if array is not None:
            state.set_array(node.output[0], array, ())
        return array is not None
    if op == "Identity" or (op == "Dropout" and _infers(state, node, inputs)):
        _pass_on(state, inputs[0], node.output[0], node)
        return True
    arrays = fold(node, inputs, state.source.opsets)
    if arrays is not None:
        for name, array in zip([each for each in node.output if each], arrays, strict=True):
            state.set_array(name, array, names)
        return True
    known = shape_arithmetic(node.output[0], op, attributes(node, state.source.opset), inputs)
    if known is None:
        return False
    if known.dims is not None:
        dims = tuple(state.emitter.simplify(dim) for dim in known.dims)
        known = shape_value(known.name, dims, known.scalar, known.dtype)
    known.carried = names
    state.values[node.output[0]] = known
    return True


def _infers(state: State, node: onnx.NodeProto, inputs: Sequence[Value | None]) -> bool:
    """Whether a Dropout only passes its input on."""
    if any(state.outputs(node)[1:]):
        return False
    training = inputs[2] if len(inputs) > 2 else None
    return training is None or (training.array is not None and not training.array.any())
