"""Host calls: ONNX nodes that stay ONNX, as `call_pure_packed` of a model of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from onnx import TypeProto
from tvm import relax

from byoc.errors import ModelError
from byoc.frontends.onnx.groups import add_group
from byoc.frontends.onnx.host import host_model, is_embedded, reads
from byoc.frontends.onnx.infer import model_outputs
from byoc.frontends.onnx.state import State, carried
from byoc.frontends.onnx.types import TensorSpec, element_type, is_tensor, spec_of, type_name
from byoc.frontends.onnx.values import Value


def host_call(
    state: State,
    nodes: Sequence[onnx.NodeProto],
    reason: str,
    specs: Sequence[TensorSpec | None] | None = None,
) -> None:
    """Make one host call of `nodes`; `specs` is what is known of a single node's outputs.

    Raises ModelError when a value that no Relax tensor holds would have to cross the border.
    """
    inputs = {name: value for name in reads(nodes) if (value := state.read(name)) is not None}
    outputs = _outputs(state, nodes, inputs, specs)
    symbol = f"byoc.host.{len(state.host_nodes)}"
    args = [state.tensor(value) for value in inputs.values() if not is_embedded(value)]
    start = len(state.emitter.bindings)
    origins = tuple(
        dict.fromkeys([*(node.name for node in nodes), *carried(list(inputs.values()))])
    )
    results = _emit(state, relax.call_pure_packed, symbol, args, outputs, nodes[-1].name, origins)
    bindings = [each.var.name for each in state.emitter.bindings[start:]]
    listed = (
        [state.read(name) for name in nodes[0].input] if len(nodes) == 1 else list(inputs.values())
    )
    types = {name: _declared(spec) for name, spec in outputs.items()}
    state.host_nodes[symbol] = host_model(nodes, inputs, types, state.source.proto)
    for name, expr in zip(outputs, results, strict=True):
        state.values[name] = Value(name, expr=expr)
    positions = dict(zip(outputs, results, strict=True))
    ordered = [positions.get(name) for node in nodes for name in state.outputs(node)]
    in_order = ordered if len(nodes) == 1 else results
    add_group(state, nodes, listed, in_order, bindings, symbol, reason)


def _emit(
    state: State,
    packed: Any,
    symbol: str,
    args: Sequence[Any],
    outputs: Mapping[str, TensorSpec],
    label: str,
    origins: tuple[str, ...],
) -> list[Any]:
    """Bind the call, the items of its tuple, and casts of what is not static."""
    emitter, specs = state.emitter, list(outputs.values())
    types = [_called(spec) for spec in specs]
    alone = len(specs) == 1
    call = packed(symbol, *args, ty_args=[types[0] if alone else relax.TupleType(types)])
    only = next(iter(outputs))
    var = emitter.bind(
        only if alone and _static(specs[0]) else f"{only if alone else label}_host", call, origins
    )
    results = []
    for index, (name, spec) in enumerate(outputs.items()):
        expr = var
        if not alone:
            item = relax.TupleGetItem(var, index)
            expr = emitter.bind(name if _static(spec) else f"{name}_host", item, origins)
        if not _static(spec):
            expr = emitter.match_cast(name, expr, _cast_type(state, spec), origins)
        results.append(expr)
    return results


def _static(spec: TensorSpec) -> bool:
    return spec.shape is not None and all(isinstance(dim, int) for dim in spec.shape)


def _called(spec: TensorSpec) -> Any:
    """The type that the call states: the shape when it is static, else the rank."""
    if _static(spec):
        return relax.TensorType(list(spec.shape or ()), spec.dtype)
    return relax.TensorType(None, spec.dtype, ndim=-1 if spec.shape is None else len(spec.shape))


def _cast_type(state: State, spec: TensorSpec) -> Any:
    """The type that is checked at run time; a name that inference made up is no symbol of the function."""
    if spec.shape is None:
        return relax.TensorType(None, spec.dtype)
    known = state.emitter.symbols
    dims = [
        dim if isinstance(dim, int) else state.emitter.symbol(dim if dim in known else "")
        for dim in spec.shape
    ]
    return relax.TensorType(dims, spec.dtype)


def _declared(spec: TensorSpec) -> TypeProto:
    return onnx.helper.make_tensor_type_proto(element_type(spec.dtype), spec.shape)


def _outputs(
    state: State,
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Value],
    specs: Sequence[TensorSpec | None] | None,
) -> dict[str, TensorSpec]:
    """The outputs that somebody else reads, with the best that is known of their types."""
    if len(nodes) == 1 and specs is None:
        specs = state.specs(nodes[0], [state.read(name) for name in nodes[0].input])
    known = dict(zip(state.outputs(nodes[0]), specs, strict=True)) if specs is not None else {}
    outer = _read_outside(state, nodes)
    together: dict[str, TypeProto] | None = None
    outputs: dict[str, TensorSpec] = {}
    for node in nodes:
        for name in (each for each in state.outputs(node) if each and each in outer):
            proto = state.types.get(name, TypeProto())
            _must_be_tensor(state, name, proto)
            spec = known.get(name) or spec_of(proto)
            if spec is None and together is None:
                together = _inferred(state, nodes, inputs)
            outputs[name] = (
                spec or spec_of((together or {}).get(name)) or _guess(state, node, inputs, name)
            )
    return outputs


def _must_be_tensor(state: State, name: str, proto: TypeProto) -> None:
    if not is_tensor(proto):
        raise ModelError(
            f"{state.source.name}: {name!r} is a {type_name(proto)} and the model returns it; byoc returns "
            "tensors of numbers. Let the model return the tensors that it holds."
        )


def _read_outside(state: State, nodes: Sequence[onnx.NodeProto]) -> set[str]:
    """The values that the graph's result or other nodes read; of a single node, all that are used."""
    if len(nodes) == 1:
        return state.used
    members = {id(node) for node in nodes}
    names = {each.name for each in state.source.proto.graph.output}
    for node in state.nodes:
        if id(node) not in members:
            names.update(reads([node]))
    return names


def _inferred(
    state: State, nodes: Sequence[onnx.NodeProto], inputs: Mapping[str, Value]
) -> dict[str, TypeProto]:
    """Infer the types of the host model by itself: branches and bodies need their outer values."""
    wanted = {name: TypeProto() for node in nodes for name in state.outputs(node) if name}
    return model_outputs(host_model(nodes, inputs, wanted, state.source.proto))


def _guess(
    state: State, node: onnx.NodeProto, inputs: Mapping[str, Value], name: str
) -> TensorSpec:
    specs = [spec_of(each.type) for each in inputs.values()]
    dtype = next((each.dtype for each in specs if each is not None), "float32")
    state.notes.append(
        f"{node.name}: nothing states the type of {name!r}; {dtype} is assumed, as its first input has, and "
        "checked when the model runs"
    )
    return TensorSpec(dtype, None)
