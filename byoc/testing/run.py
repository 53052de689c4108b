"""The reference runner: an imported model, compiled by TVM as it stands, host calls run by onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import tvm
import tvm_ffi
from tvm import relax, tirx, topi

from byoc.errors import UsageError
from byoc.frontends.model import Model

Array = npt.NDArray[np.generic]

__all__ = ["compile_model", "host_function", "run_model"]


def _extreme(greatest: bool) -> Callable[..., Any]:
    """A maximum or minimum over axes that is right for infinities; TVM's starts from the last finite number."""
    operation = topi.max if greatest else topi.min

    def lower(builder: Any, call: Any) -> Any:
        axes = None if call.attrs.axis is None else [int(axis) for axis in call.attrs.axis]
        keep = bool(call.attrs.keepdims)

        def reduced(tensor: Any) -> Any:
            found = operation(tensor, axes, keep)
            if tensor.dtype not in ("float16", "float32", "float64"):
                return found
            infinity = -tirx.infinity(tensor.dtype) if greatest else tirx.infinity(tensor.dtype)
            every = topi.all(topi.equal(tensor, infinity), axes, keep)
            return topi.where(every, topi.full_like(found, infinity), found)

        return builder.call_te(reduced, call.args[0])

    return lower


_KERNELS = {"relax.max": _extreme(True), "relax.min": _extreme(False)}


def run_model(model: Model, inputs: Mapping[str, Array]) -> list[Array]:
    """Run `main` of an imported model on the CPU; slow, and meant to hold other results against.

    `inputs` has an array for each parameter, by the parameter's name. Returns the outputs in order. Raises
    UsageError when an input is missing or unknown.
    """
    executable = compile_model(model)
    names = [param.name for param in model.module["main"].params]
    if sorted(names) != sorted(inputs):
        raise UsageError(f"{model.name} has the inputs {names}; got {sorted(inputs)}.")
    with _registered(model.host_nodes):
        machine = relax.VirtualMachine(executable, tvm.cpu())
        result = machine["main"](*[_tensor(inputs[name]) for name in names])
    results = [result] if isinstance(result, tvm.runtime.Tensor) else list(result)
    return [each.numpy() for each in results]


def _tensor(array: Array) -> Any:
    contiguous = np.ascontiguousarray(array).reshape(
        array.shape
    )  # ascontiguousarray makes scalars vectors
    return tvm.runtime.tensor(contiguous)


def compile_model(model: Model) -> Any:
    """Compile the module with TVM's plain CPU schedules and no optimisation.

    Memory is not planned: after StaticPlanBlockMemory a program with an `If` can crash on storage nobody made.
    """
    pipeline = tvm.transform.Sequential(
        [
            relax.backend.DispatchSortScan(),
            relax.transform.LegalizeOps(_KERNELS),
            relax.transform.AnnotateTIROpPattern(),
            relax.transform.ToNonDataflow(),
            relax.transform.RemovePurityChecking(),
            relax.transform.CallTIRRewrite(),
            relax.transform.LowerAllocTensor(),
            relax.transform.KillAfterLastUse(),
            relax.transform.LowerRuntimeBuiltin(),
            relax.transform.ComputePrimValue(),
            relax.transform.VMShapeLower(),
            relax.transform.AttachGlobalSymbol(),
        ]
    )
    with tvm.transform.PassContext(opt_level=0):
        return tvm.compile(model.module, target="llvm", relax_pipeline=pipeline)


@contextmanager
def _registered(host_nodes: Mapping[str, bytes]) -> Iterator[None]:
    for symbol, serialised in host_nodes.items():
        tvm_ffi.register_global_func(symbol, _packed(host_function(serialised)), override=True)
    try:
        yield
    finally:
        for symbol in host_nodes:
            tvm_ffi.registry.remove_global_func(symbol)


def _packed(function: Callable[[Sequence[Array]], Sequence[Array]]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        results = [tvm.runtime.tensor(each) for each in function([each.numpy() for each in args])]
        return results[0] if len(results) == 1 else results

    return call


def host_function(serialised: bytes) -> Callable[[Sequence[Array]], Sequence[Array]]:
    """Return what computes a host node: onnxruntime, or onnx's reference evaluator where that has no kernel."""
    proto = onnx.load_model_from_string(serialised)
    names = [each.name for each in proto.graph.input]

    def reference(args: Sequence[Array]) -> Sequence[Array]:
        from onnx.reference import ReferenceEvaluator

        with np.errstate(all="ignore"):  # log(0) is -inf, without a word
            results: Any = ReferenceEvaluator(proto).run(None, dict(zip(names, args, strict=True)))
        return [np.asarray(each) for each in results]

    if any(_small(each) for each in [*proto.graph.input, *proto.graph.output]):
        return reference
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(
            serialised, options, providers=["CPUExecutionProvider"]
        )
    except Exception:  # no kernel for this operator, opset or type
        return reference

    def run(args: Sequence[Array]) -> Sequence[Array]:
        try:
            results: Any = session.run(None, dict(zip(names, args, strict=True)))
        except (
            Exception
        ):  # it takes no arrays of this dtype from Python, or a kernel leaves a case out
            return reference(args)
        return [np.asarray(each) for each in results]

    return run


def _small(value: onnx.ValueInfoProto) -> bool:
    """Whether onnxruntime's Python interface loses the dtype: bfloat16 and 8-bit floats."""
    element = value.type.tensor_type.elem_type
    return bool(element) and onnx.helper.tensor_dtype_to_np_dtype(element).kind not in "fiub"
