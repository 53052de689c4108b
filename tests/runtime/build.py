"""Artefacts made by hand: host code around one segment of the vendor testchip."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tvm
from tvm import relax, tirx, topi

from byoc.artefact import write_artefact
from byoc.blob import Blob
from byoc.device import this_device
from byoc.host.compile import compile_module, target_of
from byoc.host.lower import host_name, lower
from byoc.manifest import Manifest, Port, SegmentEntry

Shape = tuple["int | str", ...]


def make(
    path: Path,
    do: Mapping[str, Any] | None = None,
    *,
    shapes: Sequence[Shape] = ((2, 3),),
    dtype: str = "float32",
    host: Callable[[Any], Any] | None = relax.op.abs,
    parallel: bool = False,
    compat: bytes = b"",
    vendor: str = "testchip",
    toolchain: str = "2.0",
    plugin: str = "",
    border: str = "x{}",
    alignment: int = 1,
    **manifest: Any,
) -> Path:
    """An artefact that gives, for each input, `host` of it through the segment `chip_0` and then as it is.

    The segment does `do` (a function of `tests.runtime.testchip`), the default multiplies by 2. With `parallel`,
    `host` is the absolute value in all threads. `border` is the name of the segment's inputs.
    """
    dims: dict[str, Any] = {}

    def dim(extent: int | str) -> Any:
        return (
            extent
            if isinstance(extent, int)
            else dims.setdefault(extent, tirx.Var(extent, "int64"))
        )

    types = [relax.TensorType([dim(each) for each in shape], dtype) for shape in shapes]
    params = [relax.Var(f"x{i}", each) for i, each in enumerate(types)]
    builder = relax.BlockBuilder()
    with builder.function("main", params):
        with builder.dataflow():
            given: list[Any] = params
            if parallel:
                given = [
                    builder.emit_te(topi.abs, each, primfunc_name_hint="parallel")
                    for each in params
                ]
            elif host is not None:
                given = [builder.emit(host(each)) for each in params]
            called = builder.emit(relax.op.call_dps_packed("chip_0", given, out_ty=types))
            single = len(types) == 1
            outs = [called] if single else [builder.emit(called[i]) for i in range(len(types))]
            result = builder.emit_output(relax.Tuple([*outs, *params]))
        builder.emit_func_output(result)
    ports = [tuple(shape) for shape in shapes]
    inputs = tuple(Port(f"x{i}", dtype, each, alignment) for i, each in enumerate(ports))
    outputs = tuple(Port(f"y{i}", dtype, each, alignment) for i, each in enumerate(ports))
    borders = tuple(replace(each, name=border.format(i)) for i, each in enumerate(inputs))
    entry = SegmentEntry(
        "chip_0",
        vendor,
        "0",
        borders,
        outputs,
        {},
        compat=compat,
        toolchain=toolchain,
        plugin=plugin,
    )
    passed = tuple(Port(f"same{i}", dtype, each) for i, each in enumerate(ports))
    module = in_parallel(builder.get()) if parallel else builder.get()
    return link(path, module, entry, do, inputs, (*outputs, *passed), **manifest)


def in_parallel(module: Any) -> Any:
    """`module` with the rows of the kernel `parallel` shared out among threads."""
    schedule = tvm.s_tir.Schedule(module["parallel"])
    (block,) = schedule.get_child_blocks(schedule.get_sblock("root"))
    schedule.parallel(schedule.get_loops(block)[0])
    kernel = schedule.mod["main"].with_attr("global_symbol", "parallel")
    module.update_func(module.get_global_var("parallel"), kernel)
    return module


def make_fallback(path: Path, do: Mapping[str, Any]) -> Path:
    """An artefact of one input and one output, twice the input: by `chip_0`, or where that fails, the host."""
    ty = relax.TensorType((2, 3), "float32")

    def function(name: str, **attrs: str) -> Any:
        x = relax.Var("x", ty)
        builder = relax.BlockBuilder()
        with builder.function(name, [x], attrs=attrs, private=True):
            builder.emit_func_output(builder.emit(relax.op.add(x, x)))
        return builder.get()[name]

    builder = relax.BlockBuilder()
    segment = builder.add_func(function("chip_0", Codegen="testchip"), "chip_0")
    builder.add_func(function(host_name("chip_0")), host_name("chip_0"))
    x = relax.Var("x", ty)
    with builder.function("main", [x]):
        builder.emit_func_output(builder.emit(segment(x)))
    inputs, outputs = (Port("x", "float32", (2, 3), 1),), (Port("y", "float32", (2, 3), 1),)
    entry = SegmentEntry(
        "chip_0", "testchip", "0", inputs, outputs, {}, fallback=True, toolchain="2.0"
    )
    return link(path, lower(builder.get(), ["chip_0"]).module, entry, do, inputs, outputs)


def make_returning(path: Path, do: Mapping[str, Any], *, outputs: Sequence[Port]) -> Path:
    """An artefact of one input `x` (`n` floats) and one segment of convention "returns" that gives `outputs`."""
    n = tirx.Var("n", "int64")
    x = relax.Var("x", relax.TensorType((n,), "float32"))
    builder = relax.BlockBuilder()
    types = [relax.TensorType(dtype=each.dtype, ndim=len(each.shape or ())) for each in outputs]
    with builder.function("main", [x]):
        with builder.dataflow():
            ty = types[0] if len(types) == 1 else relax.TupleType(types)
            called = builder.emit(relax.op.call_pure_packed("chip_0", x, ty_args=[ty]))
            result = builder.emit_output(called)
        builder.emit_func_output(result)
    inputs = (Port("x", "float32", ("n",), 1),)
    entry = SegmentEntry(
        "chip_0", "testchip", "0", inputs, tuple(outputs), {}, convention="returns", toolchain="2.0"
    )
    return link(path, builder.get(), entry, do, inputs, tuple(outputs))


def link(
    path: Path,
    module: Any,
    entry: SegmentEntry,
    do: Mapping[str, Any] | None,
    inputs: tuple[Port, ...],
    outputs: tuple[Port, ...],
    plan: Mapping[str, Any] | None = None,
    **manifest: Any,
) -> Path:
    about = {"device": this_device(), **manifest}
    whole = Manifest("0", "0.27", "made", inputs, outputs, (entry,), (), 0, **about)
    blob = Blob(json.dumps(do or {"do": "Multiply"}).encode(), compat=entry.compat)
    executable = compile_module(module, target_of("llvm"))
    write_artefact(path, executable, whole, {"chip_0": blob}, plan or {"made": "by hand"})
    return path
