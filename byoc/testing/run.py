"""The reference runner: an imported model, compiled by TVM as it stands, host calls run by onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
import tvm_ffi
from tvm import relax

from byoc.errors import UsageError
from byoc.frontends.model import Model
from byoc.host.compile import lowering
from byoc.host.kernels import KERNELS
from byoc.host.reference import host_function

Array = npt.NDArray[np.generic]

__all__ = ["compile_model", "run_model"]


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
            relax.transform.LegalizeOps(dict(KERNELS)),
            relax.transform.AnnotateTIROpPattern(),
            *lowering(planned=False),
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
