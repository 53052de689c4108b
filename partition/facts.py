"""Facts: what the rules of a support table see of ops, groups and matches, read from a Graph.

Everything is read when first asked for and kept with the graph (`Graph.memo`): a vendor's rules ask for the same
tensors many times, and reading one from TVM costs about 10 us.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from tvm import ir, relax
from tvm_ffi.core import CObject

from byoc.partition._plain import array, dim, plain
from byoc.partition.graph import Graph, Group, Kind, listed
from byoc.support.facts import Attribute, Dim, Facts, Input, Quant, Tensor
from byoc.support.ops import known_ops

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Stored = Mapping[int, Tensor]
"""In a quantised form: the stored tensor of each `dequantize` before it and each value quantised after it."""

_ADDRESS = CObject.__hash__
_READS = "reads"
_LITERAL, _CONSTANT, _TUPLE = Kind.LITERAL, Kind.CONSTANT, Kind.TUPLE

AXES = ("axis", "axes")
WIDER = frozenset({"expand_dims", "stack", "one_hot"})
"""Ops whose axes count in the output's rank."""


def tensor(graph: Graph, node: int) -> Tensor:
    """The tensor that `node` holds; of a tuple, or of a value without a tensor type, dtype "" and no shape."""
    found = value(graph, node)
    return found if isinstance(found, Tensor) else Tensor("", None)


def value(graph: Graph, node: int) -> Input:
    """The tensor that `node` holds, the tensors of a tuple, or None when it holds none (a shape, a number)."""
    memo = graph.memo
    if node in memo:
        known: Input = memo[node]
        return known
    found = memo[node] = _value(graph, node)
    return found


def quant(graph: Graph, node: int) -> Quant | None:
    """The parameters of a `quantize` or `dequantize` call; None unless scale and zero point are constants."""
    _, scale, zero = (tensor(graph, each) for each in graph.operands[node])
    if scale.value is None or zero.value is None:
        return None
    scales, zeros = scale.value(), zero.value()
    if scales.ndim == 0:
        return Quant(float(scales), int(zeros.reshape(-1)[0]))
    axis = op_facts(graph, node).attrs.get("axis")
    return Quant(
        tuple(float(each) for each in scales.reshape(-1)),
        tuple(int(each) for each in zeros.reshape(-1)),
        axis if isinstance(axis, int) else None,
    )


def attributes(graph: Graph, node: int) -> Mapping[str, Attribute]:
    """The attributes of the call `node`, and its operands that hold no tensor by their argument names."""
    return op_facts(graph, node).attrs


def op_facts(graph: Graph, node: int, stored: Stored | None = None) -> Facts:
    """Facts of the call `node`, with the tensors of `stored` in place of the values they stand for."""
    memo = graph.memo
    if stored and not stored.keys().isdisjoint((*graph.operands[node], node)):
        return _op_facts(graph, node, stored)
    found: Facts | None = memo.get(("op", node))
    if found is None:
        found = memo["op", node] = _op_facts(graph, node, {})
    return found


def group_facts(graph: Graph, group: Group, stored: Stored | None = None) -> Facts:
    """Facts of an ONNX group, by ONNX's names; an output that nobody reads is left out."""
    inputs = {name: _group_input(graph, each, stored or {}) for name, each in group.inputs.items()}
    outputs = [_held(graph, node, stored or {}) for node in group.outputs if node >= 0]
    return Facts(group.op, inputs, tuple(_flat(outputs)), dict(group.attrs))


def match_facts(
    graph: Graph,
    name: str,
    named: Mapping[str, Any],
    parts: Sequence[Facts],
    outputs: Sequence[int],
    inner: Iterable[str] = (),
    stored: Stored | None = None,
) -> Facts:
    """Facts of the composite `name`.

    `named` maps the pattern's names to what they matched: a node, data of an ONNX group, a tuple of those, or
    None where an optional part is absent. `parts` are the facts of the ops it took, in evaluation order: the
    first that has an attribute gives it. `inner` are the names that stand for values inside the match.
    """
    attrs: dict[str, Attribute] = {}
    for part in reversed(parts):
        attrs.update(part.attrs)
    inputs: dict[str, Input] = {}
    for key, each in named.items():
        if isinstance(each, int) and graph.kinds[each] is _LITERAL:
            attrs[key] = plain(graph.exprs[each])
        else:
            inputs[key] = _group_input(graph, each, stored or {})
    results = [_held(graph, node, stored or {}) for node in outputs]
    return Facts(name, inputs, tuple(_flat(results)), attrs, frozenset(inner))


def from_data(data: npt.NDArray[np.generic]) -> Tensor:
    """A constant that an ONNX group holds as data."""
    return Tensor(data.dtype.name, tuple(data.shape), value=lambda: data)


def _value(graph: Graph, node: int) -> Input:
    kind = graph.kinds[node]
    if kind is _LITERAL:
        return None
    if kind is _TUPLE:
        return tuple(_flat(value(graph, each) for each in graph.operands[node]))
    var, expr = graph.vars[node], graph.exprs[node]
    if kind is _CONSTANT:
        # The data knows its shape in plain numbers, the type in TVM's, at 3 us more.
        return Tensor(
            _dtype(graph, expr.ty.dtype), expr.value.shape, value=partial(_data, graph, expr)
        )
    return _typed(graph, (expr if var is None else var).ty)


def _typed(graph: Graph, ty: Any) -> Input:
    if type(ty) is relax.TensorType:
        return _tensor(graph, ty)
    if type(ty) is relax.TupleType:
        return tuple(_flat([_typed(graph, each) for each in listed(ty.fields)]))
    return None


def _data(graph: Graph, constant: Any) -> npt.NDArray[np.generic]:
    graph.memo[_READS] = reads(graph) + 1
    return array(constant)


def reads(graph: Graph) -> int:
    """How often the data of a constant has been looked at through its `Tensor.value`."""
    count: int = graph.memo.get(_READS, 0)
    return count


def _tensor(graph: Graph, ty: Any) -> Tensor:
    shape, dtype = ty.shape, ty.dtype
    # `type(...) is`: isinstance asks TVM's abstract base classes, at 0.7 us each.
    if type(shape) is not relax.ShapeExpr or dtype is None:
        return Tensor(_dtype(graph, dtype), _shape(ty))
    # Ops that keep their input's shape share its object, which lives as long as the graph's variables.
    key = (_ADDRESS(shape), _ADDRESS(dtype))
    found: Tensor | None = graph.memo.get(key)
    if found is None:
        dims = tuple([dim(each) for each in listed(shape.values)])
        found = graph.memo[key] = Tensor(_dtype(graph, dtype), dims)
    return found


def _shape(ty: Any) -> tuple[Dim, ...] | None:
    if ty.shape is None:
        return None if ty.ndim < 0 else (None,) * ty.ndim
    known = ty.shape.ty.values
    return (None,) * ty.ndim if known is None else tuple(map(dim, known))


def _dtype(graph: Graph, dtype: Any) -> str:
    """The dtype's name, "" when it is not known."""
    if dtype is None:
        return ""
    # Types share the object of a dtype; its own hash reads it again, at 1 us.
    key = ("dtype", _ADDRESS(dtype))
    name: str | None = graph.memo.get(key)
    if name is None:
        name = graph.memo[key] = "" if dtype.is_missing() else str(dtype)
    return name


def _op_facts(graph: Graph, node: int, stored: Stored) -> Facts:
    op, operands, expr = graph.ops[node], graph.operands[node], graph.exprs[node]
    inputs: dict[str, Input] = {}
    attrs = _fields(op, expr.attrs)
    names = arguments(op)
    for index, operand in enumerate(operands):
        name = names[index] if index < len(names) else f"arg{index}"
        _operand(graph, operand, name, stored, inputs, attrs)
    if len(operands) < len(names):
        absent = _tensors(op)
        inputs.update((name, None) for name in names[len(operands) :] if name in absent)
    outputs = tuple(_flat([_held(graph, node, stored)]))
    _normalise(op, inputs, outputs, attrs)
    return Facts(op, *_laid_out(inputs, outputs, attrs), attrs)


def _operand(
    graph: Graph,
    operand: int,
    name: str,
    stored: Stored,
    inputs: dict[str, Input],
    attrs: dict[str, Attribute],
) -> None:
    held = _held(graph, operand, stored)
    if held is not None:
        inputs[name] = held
    elif graph.kinds[operand] is not _LITERAL:
        attrs[name] = _shape_value(graph, operand)
    elif isinstance(graph.exprs[operand], ir.Call):  # null_value stands for an absent operand
        inputs[name] = None
    else:
        attrs[name] = plain(graph.exprs[operand])


def _shape_value(graph: Graph, node: int) -> Attribute:
    """What is known of a shape or number that is computed: its dimensions, None for each unknown one."""
    var, expr = graph.vars[node], graph.exprs[node]
    ty = (expr if var is None else var).ty
    if not isinstance(ty, relax.ShapeType) or ty.ndim < 0:
        return None
    return (None,) * ty.ndim if ty.values is None else tuple(map(dim, ty.values))


@cache
def arguments(op: str) -> tuple[str, ...]:
    """The names of an op's operands, in order."""
    info = known_ops().get(op)
    if info is not None:
        return info.arguments
    try:
        return tuple([str(each.name) for each in ir.Op.get(f"relax.{op}").arguments])
    except (AttributeError, RuntimeError):  # a call of a function, or of an op of another dialect
        return ()


@cache
def _tensors(op: str) -> tuple[str, ...]:
    info = known_ops().get(op)
    return () if info is None else info.inputs


_FIELDS: dict[type, tuple[str, ...]] = {}


def _fields(op: str, attrs: Any) -> dict[str, Attribute]:
    """An op's attributes; a foreign call's dictionary of attributes as it is."""
    if attrs is None:
        return {}
    kind = type(attrs)
    names = _FIELDS.get(kind)
    if names is None:
        if isinstance(attrs, ir.DictAttrs):
            return {str(key): plain(attrs[key]) for key in sorted(attrs.keys())}
        names = _FIELDS[kind] = tuple([each.name for each in kind.__tvm_ffi_type_info__.fields])
    return {name: plain(getattr(attrs, name)) for name in names}


def _normalise(
    op: str, inputs: Mapping[str, Input], outputs: Sequence[Tensor], attrs: dict[str, Attribute]
) -> None:
    """Count negative axes from the front, where the rank is known."""
    for key in AXES:
        given = attrs.get(key)
        if given is None:
            continue
        first = outputs if op in WIDER else _flat(list(inputs.values())[:1])
        shape = first[0].shape if first else None
        if shape:
            attrs[key] = _from_front(given, len(shape))


def _from_front(axis: Attribute, rank: int) -> Attribute:
    if isinstance(axis, tuple):
        return tuple([_from_front(each, rank) for each in axis])
    return axis + rank if isinstance(axis, int) and axis < 0 else axis


def _laid_out(
    inputs: dict[str, Input], outputs: tuple[Tensor, ...], attrs: Mapping[str, Attribute]
) -> tuple[dict[str, Input], tuple[Tensor, ...]]:
    """Give tensors the layouts that the op's attributes name."""
    data = attrs.get("data_layout") or attrs.get("layout")
    if not isinstance(data, str):
        return inputs, outputs
    for index, (name, each) in enumerate(inputs.items()):
        layout = data if index == 0 else attrs.get("kernel_layout")
        if isinstance(each, Tensor) and isinstance(layout, str):
            inputs[name] = _in_layout(each, layout)
        if index == 1:
            break
    out = attrs.get("out_layout") or data
    return inputs, tuple([_in_layout(each, str(out)) for each in outputs])


def _in_layout(held: Tensor, layout: str) -> Tensor:
    # Not `replace`, which costs five times as much.
    return Tensor(held.dtype, held.shape, layout, held.quant, held.value)


def _held(graph: Graph, node: int, stored: Stored) -> Input:
    if node in stored:
        return stored[node]
    if stored and graph.kinds[node] is _TUPLE:
        return tuple(_flat(_held(graph, each, stored) for each in graph.operands[node]))
    return value(graph, node)


def _group_input(graph: Graph, given: Any, stored: Stored) -> Input:
    if given is None:
        return None
    if isinstance(given, int):
        return _held(graph, given, stored)
    if isinstance(given, tuple):
        return tuple(_flat(_group_input(graph, each, stored) for each in given))
    return from_data(given)


def _flat(values: Iterable[Input]) -> list[Tensor]:
    """The tensors of `values`, those of tuples in their places."""
    found: list[Tensor] = []
    for each in values:
        if isinstance(each, Tensor):
            found.append(each)
        elif each is not None:
            found += each
    return found
