"""Whole models: partitioned for the npu, segments compiled and run on the simulator, the rest run by the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import tvm
import tvm_ffi
from tvm import IRModule, ir, relax

import byoc
from byoc.pipeline import partition_for
from byoc.plugins import Plugins
from byoc.testing.run import run_model
from byoc.vendor import VendorSession
from byoc.vendors.npu import hardware, simulate
from byoc.vendors.npu.compiler import Compiled, Options, compiled
from byoc.vendors.npu.layers import Network
from byoc.vendors.npu.lower import lower

Array = Any
DEFAULT = Options()


def partitioned(model: Any, chip: str = "medium") -> byoc.Partition:
    """What the npu takes of a model; unverified, which is the partitioner's own affair."""
    return partition_for(model, [_session(chip)], byoc.PartitionOptions(verify=False))


@cache
def _session(chip: str) -> VendorSession:
    """The npu, ready to be asked."""
    return VendorSession(Plugins.discover(), "npu", {"chip": chip})


def compiled_segment(
    segment: byoc.Segment, chip: str = "medium", options: Options = DEFAULT
) -> Compiled:
    """A segment's program; fails with the words of what refuses it."""
    network = lower(segment)
    assert isinstance(network, Network), network
    return compiled(network, hardware.load(chip), options)


def simulated(made: Compiled, inputs: Sequence[Array]) -> list[Array]:
    """What a program makes of inputs."""
    return simulate.run(made.program.to_bytes(), made.constants, inputs)[0]


def outputs(
    partition: byoc.Partition, inputs: Sequence[Array], chip: str = "medium"
) -> list[Array]:
    """The outputs of a whole model. `inputs` are in the order of its parameters."""
    programs = {each.symbol: compiled_segment(each, chip) for each in partition.segments()}
    if all(op.segment for op in partition.plan.ops):
        return _called(partition.module, programs, inputs)
    module = _with_packed_calls(partition.module, set(programs))
    names = [param.name for param in module["main"].params]
    with _callable(programs):
        return run_model(
            replace(partition.model, module=module), dict(zip(names, inputs, strict=True))
        )


def _called(
    module: IRModule, programs: Mapping[str, Compiled], inputs: Sequence[Array]
) -> list[Array]:
    """What `main` returns, which does nothing but call segments."""
    main = module["main"]
    values: dict[Any, Any] = dict(zip((param.name for param in main.params), inputs, strict=True))

    def value(expr: Any) -> Any:
        if isinstance(expr, ir.Var):
            return values[expr.name]
        if isinstance(expr, ir.Tuple):
            return [value(each) for each in expr.fields]
        if isinstance(expr, ir.TupleGetItem):
            return value(expr.tuple_value)[int(expr.index)]
        if isinstance(expr, ir.GenericConst):
            return expr.value.numpy()
        found = simulated(programs[expr.op.name_hint], [value(each) for each in expr.args])
        return found if isinstance(expr.ty, relax.TupleType) else found[0]

    for block in main.body.blocks:
        for binding in block.bindings:
            values[binding.var.name] = value(binding.value)
    result = value(main.body.body)
    return result if isinstance(result, list) else [result]


def _with_packed_calls(module: IRModule, symbols: set[str]) -> IRModule:
    """`module` with every call of a segment as a call of the global function `npu.SYMBOL`."""
    return IRModule(
        {
            name: _calls_packed(function, symbols)
            for name, function in module.functions.items()
            if name.name_hint not in symbols
        }
    )


def _calls_packed(function: Any, symbols: set[str]) -> Any:
    if not isinstance(function, relax.Function):
        return function
    return _Calls(symbols).visit_expr(function)


@relax.expr_functor.mutator
class _Calls(relax.PyExprMutator):  # type: ignore[misc]  # TVM is untyped
    def __init__(self, symbols: set[str]) -> None:
        super().__init__()
        self.symbols = symbols

    def visit_call_(self, call: Any) -> Any:
        if isinstance(call.op, ir.GlobalVar) and call.op.name_hint in self.symbols:
            return relax.call_pure_packed(f"npu.{call.op.name_hint}", *call.args, ty_args=[call.ty])
        return super().visit_call_(call)


@contextmanager
def _callable(programs: Mapping[str, Compiled]) -> Iterator[None]:
    for symbol, made in programs.items():
        tvm_ffi.register_global_func(f"npu.{symbol}", _packed(made), override=True)
    try:
        yield
    finally:
        for symbol in programs:
            tvm_ffi.registry.remove_global_func(f"npu.{symbol}")


def _packed(made: Compiled) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        found = [tvm.runtime.tensor(each) for each in simulated(made, [a.numpy() for a in args])]
        return found[0] if len(found) == 1 else found

    return call


def difference(ours: Array, theirs: Array, tolerance: float) -> str:
    """How two arrays differ, "" for not at all; floats may by `tolerance` of the largest."""
    if (ours.dtype, ours.shape) != (theirs.dtype, theirs.shape):
        return f"{ours.dtype}{ours.shape} instead of {theirs.dtype}{theirs.shape}"
    if theirs.dtype.kind in "iub":
        return "" if np.array_equal(ours, theirs) else _shown(ours, theirs)
    wide, right = ours.astype(np.float64), theirs.astype(np.float64)
    known = np.isfinite(right)
    if not np.array_equal(wide[~known], right[~known], equal_nan=True):
        return f"other numbers that are not finite: {_shown(wide, right)}"
    apart = np.abs(wide[known] - right[known])
    largest = np.abs(right[known]).max(initial=1e-6)
    if not (apart <= tolerance * largest).all():
        return f"{apart.max()} apart, the largest being {largest}"
    return ""


def _shown(ours: Array, theirs: Array) -> str:
    at = tuple(np.argwhere(~np.isclose(ours, theirs, equal_nan=True))[0])
    return f"{ours[at]} instead of {theirs[at]} at {at}"
