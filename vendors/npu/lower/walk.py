"""The walk over a segment, composite by composite: each op becomes layers, or is folded into another's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

import numpy as np
from tvm import ir, relax

import byoc
from byoc.vendors.npu.isa import Dtype
from byoc.vendors.npu.layers import Composite, Epilogue, Layer, Network, Tensor
from byoc.vendors.npu.lower import conv, elementwise, matmul, moves, norm, pool, quantised
from byoc.vendors.npu.lower.builder import PLAIN, Builder, RefusedError
from byoc.vendors.npu.lower.forms import activation, normalisation, variables
from byoc.vendors.npu.lower.groups import GROUPS
from byoc.vendors.npu.lower.op import Lowering, Op, extents
from byoc.vendors.npu.lower.values import DTYPES, Constant, Pending, Value

LOWERINGS: Final[Mapping[str, Lowering]] = {
    name: lowering
    for family in (conv, matmul, pool, norm, elementwise, moves, quantised)
    for name, lowering in family.LOWERINGS.items()
}
"""What lowers each Relax op."""


def lower(segment: byoc.Segment) -> Network | byoc.Refusal:
    """The layers of `segment`, or why there are none, with the nodes at fault."""
    try:
        return Walk(segment).run()
    except RefusedError as refused:
        return refused.refusal


class Walk:
    """One lowering. `values` maps the name of a Relax variable to what it stands for."""

    def __init__(self, segment: byoc.Segment) -> None:
        self.segment = segment
        self.builder = Builder()
        bindings = [each for block in segment.function.body.blocks for each in block.bindings]
        self.bindings: dict[str, Any] = {each.var.name: each for each in bindings}
        self.values: dict[str, Value] = {}
        self.uses = Counter(var.name for each in bindings for var in variables(each.value))
        self.uses.update(var.name for var in variables(segment.function.body.body))

    def run(self) -> Network:
        """Lower everything."""
        inputs = tuple(self._parameter(each) for each in self.segment.function.params)
        for composite in self.segment.composites:
            name = composite.name.removeprefix(f"{self.segment.vendor}.").removesuffix(".qdq")
            bindings = [self.bindings[each] for each in composite.bindings]
            shown = name or next(filter(None, (op_name(each.value) for each in bindings)), "")
            self.builder.composites.append(Composite(shown, composite.nodes))
            self._composite(name, bindings)
        outputs = tuple(self._results(self.segment.function.body.body))
        layers = _needed(self.builder.layers, outputs)
        return Network(inputs, outputs, layers, tuple(self.builder.composites))

    def _parameter(self, param: Any) -> Tensor:
        if not isinstance(param.ty, relax.TensorType):
            raise self.builder.refused(f"{param.name} is no tensor but {param.ty}", "dynamic")
        dtype = str(param.ty.dtype)
        if dtype not in DTYPES:
            raise self.builder.refused(f"{param.name} has dtype {dtype}", "dtype")
        quant = None if dtype == "float32" else self._first_meaning(param.name)
        made = self.builder.tensor(
            param.name, extents(param.ty, self.builder), DTYPES[dtype], quant
        )
        self.values[param.name] = made
        return made

    def _first_meaning(self, name: str) -> Any:
        """What the first dequantize of a parameter says that it means."""
        for binding in self.bindings.values():
            value = binding.value
            if op_name(value) == "dequantize" and getattr(value.args[0], "name", "") == name:
                scale, zero = (self._value(each) for each in value.args[1:3])
                if isinstance(scale, Constant) and isinstance(zero, Constant):
                    return quantised.meaning(scale, zero) or PLAIN
        return PLAIN

    def _composite(self, name: str, bindings: Sequence[Any]) -> None:
        if name in GROUPS:
            self.values[bindings[-1].var.name] = self._group(name, bindings)
            self._settle(bindings[-1].var.name)
            return
        normal = normalisation(name, bindings)
        if normal is not None:
            self.values[normal.result] = self._normalised(normal, bindings)
            return
        form = activation(name, bindings)
        for binding in bindings:
            if form is None or binding.var.name not in form.inside:
                self.values[binding.var.name] = self._bound(binding)
        if form is not None:
            value = self._taken(form.base.name, last=True)
            self.values[form.result] = self.builder.activated(value, form.act, form.result)
        for binding in bindings:
            self._settle(binding.var.name)

    def _group(self, name: str, bindings: Sequence[Any]) -> Value:
        result = bindings[-1].var.name
        group = next(each for each in self.segment.groups if result in each.bindings)
        (given,) = (each for each in group.inputs.values() if isinstance(each, str))
        x = self.builder.floats(self._taken(given), f"{result}.x")
        return GROUPS[name](self.builder, x, group.attrs, result)

    def _normalised(self, normal: Any, bindings: Sequence[Any]) -> Value:
        op = self._op(bindings[-1])
        epsilon, gamma, beta = (
            np.array(default) if each is None else self._value(each).real  # type: ignore[union-attr]  # a GenericConst is a Constant
            for each, default in ((normal.epsilon, 0.0), (normal.gamma, 1.0), (normal.beta, 0.0))
        )
        base = self.builder.floats(self._value(normal.base), f"{op.var}.x")
        return norm.normalised(op, base, gamma, beta, float(np.reshape(epsilon, -1)[0]))

    def _bound(self, binding: Any) -> Value:
        """The value of a binding."""
        name = op_name(binding.value)
        if not name:
            return self._value(binding.value)
        lowering = LOWERINGS.get(name)
        if lowering is None:
            raise self.builder.refused(f"{name} has no layers", "unsupported-op")
        return lowering(self._op(binding))

    def _op(self, binding: Any) -> Op:
        name = op_name(binding.value)
        return Op(name, binding.var.name, binding.value, self.builder, self._value)

    def _value(self, expr: Any) -> Value:
        """What an expression stands for; a value that nobody else reads is used up."""
        if isinstance(expr, ir.Var):
            return self._taken(expr.name)
        if isinstance(expr, ir.GenericConst):
            return Constant(np.asarray(expr.value.numpy()))
        if isinstance(expr, ir.Tuple):
            return tuple(self._value(each) for each in expr.fields)
        if isinstance(expr, ir.TupleGetItem):
            whole = self._value(expr.tuple_value)
            return whole[int(expr.index)] if isinstance(whole, tuple) else whole
        raise self.builder.refused(f"{type(expr).__name__} has no layers")

    def _taken(self, name: str, *, last: bool = False) -> Value:
        """The value of a variable: not stored yet where this is its only, or its `last`, reader."""
        if name not in self.values:
            # A tuple or an item between composites.
            self.values[name] = self._bound(self.bindings[name])
        if self.uses[name] > 1 and not last:
            self._settle(name)
        value = self.values[name]
        if _is_pending(value):
            del self.values[name]
        return value

    def _settle(self, name: str) -> None:
        """Store what is still pending of a variable, if it is not used up."""
        if name in self.values:
            self.values[name] = self._stored(self.values[name], name)

    def _stored(self, value: Value, name: str) -> Value:
        if isinstance(value, tuple):
            return tuple(self._stored(each, name) for each in value)
        return self.builder.stored(value, name) if isinstance(value, Pending) else value

    def _results(self, expr: Any) -> Iterator[Tensor]:
        """The tensors of the result, in the dtypes that it states."""
        value = self._value(expr)
        for each, ty in _flat(value, expr.ty):
            name = getattr(expr, "name", "result")
            tensor = self.builder.stored(each, name)
            wanted = DTYPES.get(str(ty.dtype))
            if wanted is Dtype.F32:
                tensor = self.builder.floats(tensor, name)
            if tensor.dtype is not wanted:
                raise self.builder.refused(f"{name} is to be {ty.dtype}", "dtype")
            yield tensor


def op_name(expr: Any) -> str:
    """The name of the Relax op that an expression calls, "" for anything else."""
    if isinstance(expr, ir.Call) and isinstance(expr.op, ir.Op):
        return str(expr.op.name).removeprefix("relax.")
    return ""


def _flat(value: Value, ty: Any) -> Iterator[tuple[Value, Any]]:
    if isinstance(value, tuple):
        for each, field in zip(value, ty.fields, strict=True):
            yield from _flat(each, field)
    else:
        yield value, ty


def _is_pending(value: Value) -> bool:
    if isinstance(value, tuple):
        return any(map(_is_pending, value))
    return isinstance(value, Pending)


def _needed(layers: Sequence[Layer], outputs: Sequence[Tensor]) -> tuple[Layer, ...]:
    """The layers whose results are read, in order."""
    wanted = {id(each) for each in outputs}
    kept: list[Layer] = []
    for layer in reversed(layers):
        if id(layer.out) in wanted:
            kept.append(layer)
            wanted.update(id(each) for each in reads(layer))
    return tuple(reversed(kept))


def reads(layer: Layer) -> tuple[Tensor, ...]:
    """The tensors that a layer reads."""
    found: list[Tensor] = []
    for field in fields(layer):
        given = getattr(layer, field.name)
        if field.name == "out":
            continue
        if isinstance(given, Tensor):
            found.append(given)
        elif isinstance(given, Epilogue):
            found += [given.other] if given.other is not None else []
        elif isinstance(given, tuple):
            found += [each for each in given if isinstance(each, Tensor)]
    return tuple(found)
