"""Verify: the partitioned module means what its input meant, and TVM accepts it.

Every segment and every composite is inlined back, both modules are brought into one canonical form
(`_flatten.py`) and compared by structural equality, constants and attributes included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tvm_ffi
from tvm import IRModule, relax

from byoc.errors import ModelError, VerificationError
from byoc.partition._flatten import flatten
from byoc.partition._segment import lift_composites
from byoc.partition.graph import is_outlined


@dataclass(frozen=True, slots=True)
class Verify:
    """Compare a module with its partition."""

    def __call__(self, before: IRModule, after: IRModule) -> None:
        """Raise VerificationError unless `after` is well formed and computes exactly what `before` does.

        Raises ModelError when `before` is not well formed itself.
        """
        error = _ill_formed(_lifted(after))
        if error is not None:
            own = _ill_formed(before)
            if own is not None:
                raise ModelError(
                    f"the module is not well formed Relax: {own}; expected one that "
                    "tvm.relax.analysis.well_formed accepts"
                ) from own
            raise VerificationError(
                f"the partitioned module is not well formed: {error}; this is a defect of byoc, please "
                "report it with the model"
            ) from error
        old, new = _host_functions(before), _host_functions(after)
        if list(old) != list(new):
            raise VerificationError(
                f"the partitioned module has the functions {', '.join(new)}, its input {', '.join(old)}; "
                "this is a defect of byoc, please report it with the model"
            )
        for name, function in old.items():
            _compare(name, before, function, after, new[name])


def _ill_formed(module: IRModule) -> Exception | None:
    """What TVM has against a module. Types are not deduced again, at 0.8 ms an op: the comparison holds them."""
    try:
        relax.analysis.well_formed(module, check_ty=False)
    except (TypeError, ValueError, RuntimeError) as error:
        return error
    return None


def _lifted(module: IRModule) -> IRModule:
    """The module with composites as functions of the module, for the check alone.

    TVM checks each local function with a copy of all that is defined around it: quadratic in their number.
    """
    functions: dict[Any, Any] = {}
    for var, function in module.functions.items():
        if isinstance(function, relax.Function) and "Codegen" in function.attrs:
            function = lift_composites(var.name_hint, function, functions)
        functions[var] = function
    return IRModule(functions, attrs=module.attrs, global_infos=module.global_infos)


def _host_functions(module: IRModule) -> dict[str, Any]:
    """The functions that no vendor has, in order of name."""
    functions = {var.name_hint: function for var, function in module.functions.items()}
    return {
        name: functions[name]
        for name in sorted(functions)
        if not (isinstance(functions[name], relax.Function) and is_outlined(functions[name]))
    }


def _compare(name: str, before: IRModule, old: Any, after: IRModule, new: Any) -> None:
    if isinstance(old, relax.Function) and isinstance(new, relax.Function):
        try:
            old, new = flatten(before, old), flatten(after, new)
        except TypeError as error:
            raise VerificationError(
                f"function {name!r} of the partitioned module calls a segment against its type: {error}; this "
                "is a defect of byoc, please report it with the model"
            ) from error
    if not tvm_ffi.structural_equal(old, new):
        mismatch = tvm_ffi.get_first_structural_mismatch(old, new)
        raise VerificationError(
            f"function {name!r} of the partitioned module does not compute what its input does: they differ "
            f"at {mismatch}; this is a defect of byoc, please report it with the model"
        )
