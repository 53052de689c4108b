"""Raw Relax objects, made through TVM's registered constructors.

The Python classes look up modules and convert arguments on every call, which costs more than the object
itself (8 us against 2 for a Call); outlining makes several objects an op. Nothing here normalises: whoever
builds an expression gives its type.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import tvm_ffi
from tvm import ir, relax

_CALL = tvm_ffi.get_global_func("ir.Call")
_VAR = tvm_ffi.get_global_func("ir.Var")
_DATAFLOW_VAR = tvm_ffi.get_global_func("relax.DataflowVar")
_VAR_BINDING = tvm_ffi.get_global_func("relax.VarBinding")
_MATCH_CAST = tvm_ffi.get_global_func("relax.MatchCast")
_SEQ_EXPR = tvm_ffi.get_global_func("relax.SeqExpr")
_DATAFLOW_BLOCK = tvm_ffi.get_global_func("relax.DataflowBlock")
_FUNCTION = tvm_ffi.get_global_func("relax.Function")
_UPDATE_TYPE = tvm_ffi.get_global_func("relax.UpdateType")
_COPY_WITH_NEW_VARS = tvm_ffi.get_global_func("relax.CopyWithNewVars")


def call(op: Any, args: Sequence[Any], ty: Any) -> Any:
    """A call of a function."""
    return _CALL(ty, op, args, None, [], None)


def call_again(original: Any, args: Sequence[Any]) -> Any:
    """The same call of other arguments."""
    return _CALL(original.ty, original.op, args, original.attrs, original.ty_args, original.span)


def variable(name: str, ty: Any, *, dataflow: bool) -> Any:
    """A variable; a dataflow variable is visible in its own block only."""
    return _DATAFLOW_VAR(name, ty, None) if dataflow else _VAR(name, ty, None)


def bind(var: Any, value: Any) -> Any:
    """Bind `var` to `value`."""
    return _VAR_BINDING(var, value, None)


def match_cast(var: Any, value: Any, ty: Any) -> Any:
    """Bind `var` to `value` held to be of type `ty`."""
    return _MATCH_CAST(var, value, ty, None)


def global_variable(name: str, ty: Any) -> Any:
    """The name of a function of a module."""
    var = ir.GlobalVar(name)
    _UPDATE_TYPE(var, ty)
    return var


def branch(original: Any, condition: Any, then: Any, otherwise: Any) -> Any:
    """The same If of another condition and branches of the same type."""
    again = relax.If(condition, then, otherwise, original.span)
    _UPDATE_TYPE(again, original.ty)
    return again


def sequence(blocks: Sequence[Any], result: Any) -> Any:
    """A SeqExpr with its type."""
    body = _SEQ_EXPR(blocks, result, None)
    _UPDATE_TYPE(body, result.ty)
    return body


def function(
    params: Sequence[Any], bindings: Sequence[Any], result: Any, ret_ty: Any, attributes: Any
) -> Any:
    """A pure function of one dataflow block."""
    body = sequence([_DATAFLOW_BLOCK(bindings, None)], result)
    return _FUNCTION(params, body, ret_ty, True, attributes, None)


@lru_cache(maxsize=512)
def attrs(**values: str) -> Any:
    """Attributes of a function. Immutable, so equal ones are one object."""
    return ir.DictAttrs(values)


def renewed(original: Any) -> Any:
    """The same pure function of one dataflow block, with variables and symbolic dimensions of its own."""
    made = _COPY_WITH_NEW_VARS(original)
    (block,) = made.body.blocks
    if not any(isinstance(binding.value, relax.Function) for binding in block.bindings):
        return made
    # TVM leaves the old dimensions in the type of a local function's variable.
    typed: dict[int, Any] = {}
    bindings = []
    for binding in block.bindings:
        value = binding.value
        if isinstance(value, relax.Function):
            typed[hash(binding.var)] = variable(binding.var.name, value.ty, dataflow=True)
            binding = bind(typed[hash(binding.var)], value)
        elif isinstance(value, ir.Call) and hash(value.op) in typed:
            binding = bind(binding.var, call(typed[hash(value.op)], value.args, value.ty))
        bindings.append(binding)
    return function(made.params, bindings, made.body.body, made.ret_ty, made.attrs)
