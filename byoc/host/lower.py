"""Lower: calls of segments become packed calls, which the artefact's module answers.

    lv = npu_0(x, y)        ->  lv = call_dps_packed("npu_0", (x, y), out_ty)      the host allocates the outputs
    lv = host_0(x, shape)   ->  lv = call_pure_packed("host_0", x, shape_to_tensor(shape))    the call returns them

With a fallback, `npu_0` stays as a function that tries the driver and computes the result on the host where that
fails:

    out = alloc_tensor(...)
    if call_packed("npu_0.try", x, y, out): out  else: npu_0_host(x, y)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import tvm_ffi
from tvm import IRModule, ir, relax

from byoc.host.border import is_allocatable
from byoc.partition.graph import is_outlined

Convention = Literal["dps", "returns"]


@dataclass(frozen=True, slots=True)
class Lowered:
    """A module without segments, and the convention by which each is called, by name."""

    module: IRModule
    conventions: Mapping[str, Convention]


def host_name(segment: str) -> str:
    """The name of the function that is the host version of `segment`."""
    return f"{segment}_host"


def lower(module: IRModule, fallbacks: Sequence[str] = ()) -> Lowered:
    """Lower the calls of every function with `Codegen`.

    Those in `fallbacks` have a host version in the module, a function called `host_name`.
    """
    lowering = _Lowering(module, frozenset(fallbacks))
    return Lowered(lowering.run(), lowering.conventions)


class _Lowering:
    def __init__(self, module: IRModule, fallbacks: frozenset[str]) -> None:
        self.module, self.fallbacks = module, fallbacks
        self.conventions: dict[str, Convention] = {}
        self.segments = {
            var.name_hint: function
            for var, function in module.functions.items()
            if isinstance(function, relax.Function) and is_outlined(function)
        }

    def run(self) -> IRModule:
        functions = {}
        for var, function in self.module.functions.items():
            name = var.name_hint
            if name in self.fallbacks:
                functions[var] = self._trying(name)
            elif name not in self.segments:
                functions[var] = self._calls(function)
        lowered = IRModule(
            functions, attrs=self.module.attrs, global_infos=self.module.global_infos
        )
        return relax.transform.Normalize()(lowered)

    def _calls(self, function: Any) -> Any:
        if not isinstance(function, relax.Function):
            return function
        return tvm_ffi.structural_map(function, (ir.Call, self._call))

    def _call(self, call: Any) -> Any:
        callee = call.op
        if not isinstance(callee, ir.GlobalVar) or callee.name_hint not in self.segments:
            return call
        name = callee.name_hint
        if name in self.fallbacks:
            self.conventions[name] = "dps"
            return call
        args = [_tensor(each) for each in call.args]
        if is_allocatable(call.ty):
            self.conventions[name] = "dps"
            types = list(call.ty.fields) if isinstance(call.ty, relax.TupleType) else call.ty
            return relax.call_dps_packed(name, relax.Tuple(args), types)
        self.conventions[name] = "returns"
        return relax.call_pure_packed(name, *args, ty_args=[call.ty])

    def _trying(self, name: str) -> Any:
        """The function that asks the driver first."""
        segment = relax.utils.copy_with_new_vars(self.segments[name])
        params, ty = list(segment.params), segment.ret_ty
        many = isinstance(ty, relax.TupleType)
        builder = relax.BlockBuilder()
        with builder.function(name, params, attrs={"relax.force_pure": True}, private=True):
            outputs = [
                builder.emit(relax.op.builtin.alloc_tensor(each.shape, str(each.dtype), 0))
                for each in (ty.fields if many else [ty])
            ]
            done = builder.emit(
                relax.call_pure_packed(
                    f"{name}.try", *params, *outputs, ty_args=[ir.PrimType("bool")]
                )
            )
            given = relax.Tuple(outputs) if many else outputs[0]
            host = self.module.get_global_var(host_name(name))
            found = builder.emit(relax.If(done, _sequence(given), _sequence(host(*params))))
            builder.emit_func_output(found)
        return builder.get()[name]


def _tensor(argument: Any) -> Any:
    """An argument as a tensor; segments get shapes as int64 tensors of one axis."""
    if isinstance(argument.ty, relax.ShapeType):
        return relax.op.shape_to_tensor(argument)
    return argument


def _sequence(expr: Any) -> Any:
    return relax.SeqExpr([], expr)
