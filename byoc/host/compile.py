"""Compile: a lowered module to a Relax VM executable for the CPU."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import IRModule, relax

from byoc.errors import UsageError
from byoc.host.kernels import KERNELS


def compile_module(module: IRModule, target: Any) -> Any:
    """Compile every function of `module` for `target` (`tvm.target.Target`); a `tvm.relax.VMExecutable`."""
    passes = [
        relax.backend.DispatchSortScan(),
        relax.transform.LegalizeOps(dict(KERNELS)),
        relax.transform.AnnotateTIROpPattern(),
        relax.transform.FuseOps(),
        relax.transform.FuseTIR(),
        relax.transform.RewriteDataflowReshape(),
        relax.transform.ToNonDataflow(),
        relax.transform.RemovePurityChecking(),
        relax.transform.CallTIRRewrite(),
        *([] if _branches(module) else [relax.transform.StaticPlanBlockMemory()]),
        relax.transform.LowerAllocTensor(),
        relax.transform.KillAfterLastUse(),
        relax.transform.LowerRuntimeBuiltin(),
        relax.transform.ComputePrimValue(),
        relax.transform.VMShapeLower(),
        relax.transform.AttachGlobalSymbol(),
    ]
    with tvm.transform.PassContext(opt_level=3):
        return tvm.compile(module, target=target, relax_pipeline=tvm.transform.Sequential(passes))


def target_of(text: str) -> Any:
    """The TVM target that `text` names (`llvm`, `llvm -mcpu=skylake`, JSON).

    Raises UsageError for what TVM does not know and for targets that are no CPU.
    """
    try:
        target = tvm.target.Target(text)
    except Exception as error:
        words = str(error).strip().splitlines()
        raise UsageError(
            f"target {text!r} is none of TVM's: {words[-1] if words else error}; expected one for the CPU, such as "
            'llvm or \'{"kind": "llvm", "mcpu": "x86-64-v3"}\''
        ) from error
    if target.kind.name != "llvm":
        raise UsageError(
            f"target {text!r} is of kind {target.kind.name!r}; host code is compiled for the CPU, with kind llvm"
        )
    return target


def _branches(module: IRModule) -> bool:
    """Whether there is an `If`: after StaticPlanBlockMemory such a program can crash on storage nobody made."""
    found = []

    def visit(expr: Any) -> None:
        if isinstance(expr, relax.If):
            found.append(expr)

    for function in module.functions.values():
        if isinstance(function, relax.Function):
            relax.analysis.post_order_visit(function, visit)
    return bool(found)
