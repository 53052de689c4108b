"""Artefacts made by hand: host code around one segment of the vendor testchip."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tvm
from tvm import relax, tirx

from byoc.artefact import write_artefact
from byoc.blob import Blob
from byoc.device import this_device
from byoc.manifest import Manifest, Port, SegmentEntry

Shape = tuple["int | str", ...]


def make(
    path: Path,
    do: Mapping[str, Any] | None = None,
    *,
    shapes: Sequence[Shape] = ((2, 3),),
    dtype: str = "float32",
    host: Callable[[Any], Any] = relax.op.abs,
    compat: bytes = b"",
    vendor: str = "testchip",
    toolchain: str = "2.0",
    alignment: int = 1,
    **manifest: Any,
) -> Path:
    """An artefact that gives, for each input, `host` of it through the segment `chip_0` and then as it is.

    The segment does `do` (a function of `tests.runtime.testchip`), the default multiplies by 2.
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
            given = [builder.emit(host(each)) for each in params]
            called = builder.emit(relax.op.call_dps_packed("chip_0", given, out_ty=types))
            single = len(types) == 1
            outs = [called] if single else [builder.emit(called[i]) for i in range(len(types))]
            result = builder.emit_output(relax.Tuple([*outs, *params]))
        builder.emit_func_output(result)
    ports = [tuple(shape) for shape in shapes]
    inputs = tuple(Port(f"x{i}", dtype, each, alignment) for i, each in enumerate(ports))
    outputs = tuple(Port(f"y{i}", dtype, each, alignment) for i, each in enumerate(ports))
    entry = SegmentEntry(
        "chip_0", vendor, "0", inputs, outputs, {}, compat=compat, toolchain=toolchain
    )
    passed = tuple(Port(f"same{i}", dtype, each) for i, each in enumerate(ports))
    return link(path, builder.get(), entry, do, inputs, (*outputs, *passed), **manifest)


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
    **manifest: Any,
) -> Path:
    about = {"device": this_device(), **manifest}
    whole = Manifest("0", "0.27", "made", inputs, outputs, (entry,), (), 0, **about)
    blob = Blob(json.dumps(do or {"do": "Multiply"}).encode(), compat=entry.compat)
    executable = tvm.compile(module, "llvm")
    write_artefact(path, executable, whole, {"chip_0": blob}, {"made": "by hand"})
    return path
