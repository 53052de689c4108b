"""Compile: a lowered module to a Relax VM executable for the CPU."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import IRModule, relax

from byoc.errors import ModelError, UsageError
from byoc.host.kernels import KERNELS

NATIVE = "native"


def compile_module(module: IRModule, target: Any) -> Any:
    """Compile every function of `module` for `target` (`tvm.target.Target`); a `tvm.relax.VMExecutable`.

    An `If` is beyond some passes: FuseOps does not find what its branches read, and after StaticPlanBlockMemory the
    program can crash on storage that nobody made. FuseOps fails on other rare forms too, with an exception; such a
    module is compiled op by op. Raises ModelError when TVM cannot compile it at all.
    """
    if not _branches(module):
        try:
            return _compile(module, target, fused=True)
        except Exception:  # TVM raises its own InternalError, Python's of its legalizers, ...
            return compile_plainly(module, target)
    return compile_plainly(module, target)


def compile_plainly(module: IRModule, target: Any) -> Any:
    """Compile op by op, which TVM always manages where it has the ops. Raises ModelError where it has not."""
    try:
        return _compile(module, target, fused=False)
    except Exception as error:
        words = str(error).strip().splitlines()
        raise ModelError(
            f"TVM cannot compile the host's part: {words[-1] if words else type(error).__name__}; give more of the "
            "model to a vendor, or to the host library with --host onnxruntime"
        ) from error


def _compile(module: IRModule, target: Any, *, fused: bool) -> Any:
    passes = [
        # FuseOps prints warnings about what nobody reads.
        relax.transform.DeadCodeElimination(),
        relax.transform.LambdaLift(),
        relax.backend.DispatchSortScan(),
        relax.transform.LegalizeOps(dict(KERNELS)),
        relax.transform.AnnotateTIROpPattern(),
        *([relax.transform.FuseOps(), relax.transform.FuseTIR()] if fused else []),
        relax.transform.RewriteDataflowReshape(),
        *lowering(planned=fused),
    ]
    with tvm.transform.PassContext(opt_level=3):
        return tvm.compile(module, target=target, relax_pipeline=tvm.transform.Sequential(passes))


def lowering(*, planned: bool) -> list[Any]:
    """The passes from calls of kernels to what the VM runs; with `planned` tensors share storage."""
    return [
        relax.transform.ToNonDataflow(),
        relax.transform.RemovePurityChecking(),
        relax.transform.CallTIRRewrite(),
        *([relax.transform.StaticPlanBlockMemory()] if planned else []),
        relax.transform.LowerAllocTensor(),
        relax.transform.KillAfterLastUse(),
        relax.transform.LowerRuntimeBuiltin(),
        relax.transform.ComputePrimValue(),
        relax.transform.VMShapeLower(),
        relax.transform.AttachGlobalSymbol(),
    ]


def target_of(text: str) -> Any:
    """The TVM target that `text` names: `llvm`, `native` for the CPU of this machine, or TVM's JSON.

    Raises UsageError for what TVM does not know and for targets that are no CPU.
    """
    if text == NATIVE:
        cpu = tvm.target.codegen.llvm_get_system_cpu()
        return tvm.target.Target({"kind": "llvm", "mcpu": cpu})
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
    """Whether there is an `If` anywhere."""
    found = []

    def visit(expr: Any) -> None:
        if isinstance(expr, relax.If):
            found.append(expr)

    for function in module.functions.values():
        if isinstance(function, relax.Function):
            relax.analysis.post_order_visit(function, visit)
    return bool(found)
