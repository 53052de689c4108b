"""Emitter: collects the bindings of the function being imported, with names, spans, origins and groups."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tvm_ffi
from tvm import IRModule, ir, relax, sym, tirx

from byoc.frontends.model import SourceGroup
from byoc.frontends.onnx.values import constant_array, make_constant

_NUMPY_OPS = (
    "relax.reshape",
    "relax.astype",
    "relax.permute_dims",
    "relax.expand_dims",
    "relax.squeeze",
)
_RESHAPE, _DEQUANTIZE = ir.Op.get("relax.reshape"), ir.Op.get("relax.dequantize")


class Emitter:
    """The function under construction.

    Converters write into a scratch block; `adopt` takes over what the wanted outputs need and drops the rest, so
    that a failed or wasteful conversion leaves nothing behind.
    """

    def __init__(self, escaping: frozenset[str]) -> None:
        self.builder = relax.BlockBuilder()
        self.params: list[Any] = []
        self.bindings: list[Any] = []
        self.origins: dict[str, tuple[str, ...]] = {}
        self.groups: list[SourceGroup] = []
        self.symbols: dict[str, Any] = {}
        self._names: set[str] = set()
        self._escaping = escaping
        self._exprs: dict[int, list[tuple[Any, Any]]] = {}
        self.moved: dict[str, str] = {}
        self._dequantized: dict[int, Any] = {}
        self._analyzer = sym.Analyzer()

    def parameter(self, name: str, ty: Any) -> Any:
        """Add a parameter of the function; return its variable."""
        self.params.append(relax.Var(self.unique(name), ty))
        return self.params[-1]

    def open(self) -> None:
        """Begin the body; all parameters are known."""
        self.builder.begin_scope(self.params)

    def scratch(self, convert: Callable[[], Any]) -> tuple[list[Any], list[Any]]:
        """Run `convert` in a block of its own; return its bindings and the outputs, variables or constants."""
        self.builder._begin_dataflow_block()
        try:
            outputs = [self._bound(each) for each in self._outputs(convert())]
        finally:
            block = self.builder._end_block()
        return list(block.bindings), outputs

    def _bound(self, expr: Any) -> Any:
        return expr if isinstance(expr, ir.Var | ir.GenericConst) else self.builder.emit(expr)

    def _outputs(self, result: Any) -> list[Any]:
        """A converter's result as the list of its outputs; a call that returns a tuple is taken apart."""
        outputs = [self.builder.normalize(each) for each in as_list(result)]
        if len(outputs) == 1 and isinstance(outputs[0].ty, relax.TupleType):
            var = self.builder.emit(outputs[0])
            count = len(var.ty.fields)
            outputs = [
                self.builder.normalize(relax.TupleGetItem(var, index)) for index in range(count)
            ]
        return outputs

    def unique(self, name: str) -> str:
        """Return a Relax identifier made of an ONNX name, different from all before it."""
        base = re.sub(r"\W", "_", name) or "v"
        base = base if base[0].isalpha() or base[0] == "_" else f"v_{base}"
        candidate, count = base, 0
        while candidate in self._names:
            count += 1
            candidate = f"{base}_{count}"
        self._names.add(candidate)
        return candidate

    def symbol(self, name: str = "") -> Any:
        """Return the symbolic dimension of that name, or a fresh one."""
        if not name:
            name = f"d{len(self.symbols)}"
            while name in self.symbols:
                name = f"{name}_"
        if name not in self.symbols:
            self.symbols[name] = tirx.Var(name, "int64")
        return self.symbols[name]

    def dim_for(self, expr: Any) -> Any:
        """Return the integer or variable that stands for `expr`; equal expressions get the same variable."""
        expr = self._analyzer.simplify(expr)
        if isinstance(expr, int | tirx.IntImm):
            return int(expr)
        if isinstance(expr, tirx.Var):
            return expr
        known = self._exprs.setdefault(tvm_ffi.structural_hash(expr), [])
        for other, var in known:
            if tvm_ffi.structural_equal(other, expr):
                return var
        known.append((expr, self.symbol()))
        return known[-1][1]

    def simplify(self, expr: Any) -> Any:
        """Simplify an integer expression."""
        expr = self._analyzer.simplify(expr) if not isinstance(expr, int) else expr
        return int(expr) if isinstance(expr, tirx.IntImm) else expr

    def adopt(
        self,
        steps: Sequence[Any],
        results: Sequence[Any],
        names: Sequence[str],
        origins: tuple[str, ...],
    ) -> tuple[list[Any], list[str]]:
        """Take over the scratch bindings that `results` need.

        `names` are the ONNX names of the results. Returns the results in terms of the adopted variables, and
        the names of the adopted bindings, in order.
        """
        wanted = {hash(each): name for each, name in zip(results, names, strict=True)}
        new: dict[int, Any] = {}
        adopted: list[str] = []
        for step in _live(steps, results):
            value = self._rewrite(step.value, new)
            folded = _fold(value)
            if folded is not None:
                new[hash(step.var)] = folded
                continue
            if isinstance(value, ir.Var | ir.GenericConst) and not isinstance(
                step, relax.MatchCast
            ):
                new[hash(step.var)] = value
                continue
            name = wanted.get(hash(step.var), "")
            stored = self._reshape_stored(value)
            if stored is not None and not name:
                old, ty, call = stored
                var = self._bind(f"{names[0]}_dequantize", ty, call, self.origins[old], False, "")
                self.moved[old] = var.name
                new[hash(step.var)] = var
                continue
            base = name or f"{names[0]}_{_op_name(value)}"
            var = self._bind(
                base, step.var.ty, value, origins, isinstance(step, relax.MatchCast), name
            )
            new[hash(step.var)] = var
            adopted.append(var.name)
        return [new.get(hash(each), each) for each in results], adopted

    def bind(self, name: str, value: Any, origins: tuple[str, ...]) -> Any:
        """Bind one expression, a tuple too, under a name made of `name`; return the variable."""
        value = self.builder.normalize(value)
        return self._bind(name, value.ty, value, origins, False, name)

    def match_cast(self, name: str, value: Any, ty: Any, origins: tuple[str, ...]) -> Any:
        """Bind `value` with the type `ty`, checked when the model runs."""
        return self._bind(name, ty, value, origins, True, name)

    def alias(self, name: str, value: Any) -> Any:
        """Bind a plain variable to `value`, for a result that is not one already."""
        var = relax.Var(self.unique(name), value.ty)
        self.bindings.append(relax.VarBinding(var, value))
        self.origins[var.name] = ()
        return var

    def _bind(
        self, base: str, ty: Any, value: Any, origins: tuple[str, ...], cast: bool, onnx_name: str
    ) -> Any:
        kind = relax.Var if onnx_name in self._escaping else relax.DataflowVar
        var = kind(self.unique(base), ty)
        value = _with_span(value, origins[0] if origins else base)
        self.bindings.append(
            relax.MatchCast(var, value, ty) if cast else relax.VarBinding(var, value)
        )
        self.origins[var.name] = origins
        if isinstance(value, ir.Call) and value.op == _DEQUANTIZE:
            self._dequantized[hash(var)] = (var, value)
        return var

    def _reshape_stored(self, value: Any) -> tuple[str, Any, Any] | None:
        """For a reshape of a dequantized constant (a quantised bias): the dequantize of the reshaped constant.

        The binding it stands for, its type and the call; None for anything else. A quantised layer then reads
        nothing but `dequantize`, as rows with `qdq: true` expect.
        """
        if not (isinstance(value, ir.Call) and value.op == _RESHAPE):
            return None
        var, call = self._dequantized.get(hash(value.args[0]), (None, None))
        if call is None or not isinstance(call.args[0], ir.GenericConst):
            return None
        array = constant_array(call.args[0])
        if not all(isinstance(dim, tirx.IntImm) for dim in value.ty.shape.values):
            return None
        shape = [int(dim) for dim in value.ty.shape.values]
        axis = 0
        if call.args[1].ty.ndim > 0:
            if array.ndim != 1 or array.size == 1 or shape.count(array.size) != 1:
                return None
            axis = shape.index(array.size)
        data = make_constant(array.reshape(shape))
        again = relax.op.dequantize(
            data, call.args[1], call.args[2], axis=axis, out_dtype=call.attrs.out_dtype
        )
        return var.name, value.ty, self.builder.normalize(again)

    def _rewrite(self, value: Any, new: dict[int, Any]) -> Any:
        if not new:
            return value
        if isinstance(value, ir.Call):
            args = [self._rewrite(each, new) for each in value.args]
            return ir.Call(value.op, args, value.attrs, list(value.ty_args), value.span, value.ty)
        if isinstance(value, ir.Tuple):
            return self.builder.normalize(
                relax.Tuple([self._rewrite(each, new) for each in value.fields])
            )
        if isinstance(value, ir.TupleGetItem):
            item = relax.TupleGetItem(self._rewrite(value.tuple_value, new), value.index)
            return self.builder.normalize(item)
        return new.get(hash(value), value)

    def finish(self, results: Sequence[Any]) -> IRModule:
        """Assemble the module: one dataflow block, and the PrimFuncs that its calls use."""
        self._drop_dead(results)
        body = results[0] if len(results) == 1 else relax.Tuple(results)
        block = relax.DataflowBlock(self.bindings)
        seq = self.builder.normalize(relax.SeqExpr([block], body))
        function = relax.Function(self.params, seq, ret_ty=self._return_type(seq.ty), is_pure=True)
        module = IRModule({"main": function.with_attr("global_symbol", "main")})
        for var, primitive in self.builder.get().functions.items():
            module[var] = primitive
        return (
            relax.transform.DeadCodeElimination(["main"])(module)
            if len(module.functions) > 1
            else module
        )

    def _drop_dead(self, results: Sequence[Any]) -> None:
        """Drop what failed conversions read and nobody else does."""
        self.bindings = _live(self.bindings, results)
        kept = {each.var.name for each in self.bindings}
        self.origins = {name: nodes for name, nodes in self.origins.items() if name in kept}
        groups = [
            replace(each, bindings=tuple(name for name in each.bindings if name in kept))
            for each in self.groups
        ]
        self.groups = [each for each in groups if each.bindings]

    def _return_type(self, ty: Any) -> Any:
        known = {dim: dim for param in self.params for dim in tirx_vars(param.ty)}
        return relax.analysis.erase_to_well_defined(ty, known, {})


def tirx_vars(ty: Any) -> list[Any]:
    """Return the symbolic variables of a tensor type, in order."""
    found: list[Any] = []
    if isinstance(ty, relax.TensorType) and ty.shape is not None:
        for dim in ty.shape.values:
            found += [each for each in tirx.analysis.undefined_vars(dim) if each not in found]
    return found


def as_list(result: Any) -> list[Any]:
    """Return a converter's result as the list of its outputs."""
    if isinstance(result, list | tuple):
        return list(result)
    return list(result.fields) if isinstance(result, ir.Tuple) else [result]


def _live(steps: Sequence[Any], results: Sequence[Any]) -> list[Any]:
    needed = {hash(each) for each in results}
    kept = []
    for step in reversed(steps):
        if hash(step.var) in needed or isinstance(step, relax.MatchCast):
            kept.append(step)
            needed.update(hash(var) for var in relax.analysis.free_vars(step.value))
    return kept[::-1]


def _op_name(value: Any) -> str:
    if isinstance(value, ir.Call) and isinstance(value.op, ir.Op):
        return str(value.op.name).rpartition(".")[2]
    return "item" if isinstance(value, ir.TupleGetItem) else "value"


def _fold(value: Any) -> Any:
    """Evaluate a reshape, cast or transpose of a constant: what converters do to biases and slopes."""
    if not (
        isinstance(value, ir.Call) and isinstance(value.op, ir.Op) and value.op.name in _NUMPY_OPS
    ):
        return None
    shape = getattr(value.ty, "shape", None)
    if not isinstance(value.args[0], ir.GenericConst) or shape is None:
        return None
    array = constant_array(value.args[0])
    if value.op.name == "relax.astype":
        return make_constant(array.astype(str(value.attrs.dtype)))
    if value.op.name == "relax.permute_dims":
        axes = value.attrs.axes
        return make_constant(
            np.ascontiguousarray(array.transpose(axes and [int(axis) for axis in axes]))
        )
    if not all(isinstance(dim, tirx.IntImm) for dim in shape.values):
        return None
    return make_constant(array.reshape([int(dim) for dim in shape.values]))


def _with_span(value: Any, node: str) -> Any:
    if not isinstance(value, ir.Call):
        return value
    span = ir.Span(ir.SourceName(node), 0, 0, 0, 0)
    return ir.Call(value.op, list(value.args), value.attrs, list(value.ty_args), span, value.ty)
