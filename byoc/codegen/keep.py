"""Keep: a folder that shows what a vendor was given for a segment, and what should come of it.

    README.md        what this is and how to run it
    bundle.json      segment, vendor, versions, options (no secrets), ports, and why it failed if it did
    segment.onnx     the segment as the vendor's toolchain would read it, where ONNX has words for it
    inputs.npz       inputs, drawn at random, the same every time
    expected.npz     what the host computes of them
    worker.log       what the vendor's compiler printed
    files/           what else it had to show (`Blob.files`), if anything
    partition/       the segment by itself as a written partition, from which byoc runs it again

It can be attached to a vendor's ticket: no more of the model is in it than the segment itself.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from byoc._version import __version__
from byoc.blob import Blob
from byoc.codegen.toolchain import BUILT_WITH, Toolchain, installed_version
from byoc.device import this_device
from byoc.errors import ByocError, UsageError
from byoc.manifest import Port
from byoc.support.refusal import Refusal

if TYPE_CHECKING:
    from byoc.codegen.service import Outcome
    from byoc.pipeline import Partition
    from byoc.segment import Segment

FORMAT = 1
ABOUT, ONNX, INPUTS, EXPECTED, LOG, FILES, PARTITION, README = (
    "bundle.json",
    "segment.onnx",
    "inputs.npz",
    "expected.npz",
    "worker.log",
    "files",
    "partition",
    "README.md",
)
UNKNOWN_EXTENT = 4
"""What a dimension is taken to be that only running tells."""

Array = npt.NDArray[np.generic]


def keep(folder: Path, segment: Segment, outcome: Outcome, chain: Toolchain) -> Path:
    """Write the bundle of `segment` into `folder`, in place of one of the same segment; its path.

    What cannot be made (a segment that ONNX has no words for, a reference that fails) is left out and noted. Raises
    UsageError when the folder cannot be written or holds something else of that name.
    """
    from byoc.store import new_folder

    failed = isinstance(outcome.answer, Refusal)
    name = re.sub(r"[^\w.-]", "_", segment.symbol) + ("-failed" if failed else "")
    path = folder / name
    if path.exists() and not (path / ABOUT).is_file():
        raise UsageError(
            f"cannot keep a repro bundle in {path}: it is no bundle; name another folder"
        )
    notes: list[str] = []
    with new_folder(path, "the repro bundle") as made:
        alone(segment).save(made / PARTITION)
        with _noted(notes, "segment.onnx"):
            model = segment.to_onnx(chain.spec.opset)
            (made / ONNX).write_bytes(model.SerializeToString(deterministic=True))
        inputs = draw(segment.signature.inputs)
        with _noted(notes, "inputs.npz and expected.npz"):
            expected = segment.reference([inputs[port.name] for port in segment.signature.inputs])
            write_arrays(made / INPUTS, inputs)
            names = [port.name for port in segment.signature.outputs]
            write_arrays(made / EXPECTED, dict(zip(names, expected, strict=True)))
        (made / LOG).write_text(outcome.log, "utf-8")
        if isinstance(outcome.answer, Blob) and outcome.answer.files:
            (made / FILES).mkdir()
            for file, data in outcome.answer.files.items():
                (made / FILES / file).write_bytes(data)
        about = describe(segment, outcome, chain, notes)
        (made / ABOUT).write_text(json.dumps(about, indent=1) + "\n", "utf-8")
        (made / README).write_text(_readme(about, path.name), "utf-8")
    return path


def describe(
    segment: Segment, outcome: Outcome, chain: Toolchain, notes: Sequence[str]
) -> dict[str, Any]:
    """What `bundle.json` says."""
    failure = outcome.answer.message if isinstance(outcome.answer, Refusal) else ""
    return {
        "format": FORMAT,
        "byoc": __version__,
        "segment": segment.symbol,
        "vendor": segment.vendor,
        "fingerprint": segment.fingerprint,
        **asdict(chain.maker),
        "opset": chain.spec.opset,
        "failure": failure,
        "nodes": sorted({node for each in segment.composites for node in each.nodes}),
        "inputs": [asdict(port) for port in segment.signature.inputs],
        "outputs": [asdict(port) for port in segment.signature.outputs],
        "packages": {name: installed_version(name) for name in BUILT_WITH},
        "device": this_device(),
        "notes": list(notes),
    }


def alone(segment: Segment) -> Partition:
    """The segment as a model of its own, wholly given to its vendor."""
    from tvm import IRModule

    from byoc.frontends.model import Model
    from byoc.partition._extent import candidate, members
    from byoc.partition.graph import attach_groups, read_module
    from byoc.partition.outline import Outline
    from byoc.partition.plan import BlockPlan, Region
    from byoc.partition.record import record
    from byoc.pipeline import Partition

    model = Model(
        name=segment.symbol,
        module=IRModule({"main": segment.function.with_attr("global_symbol", "main")}),
        origins={"main": segment.origins},
        groups={"main": segment.groups},
        host_nodes=segment.host_nodes,
    )
    (graph,) = read_module(model.module)
    graph.origins, graph.host_nodes = segment.origins, segment.host_nodes
    attach_groups(graph, model.groups)
    ids = {name: node for node, name in enumerate(graph.names) if name}
    candidates = tuple(
        candidate(
            graph, segment.vendor, each.name, members(graph, [ids[name] for name in each.bindings])
        )
        for each in segment.composites
    )
    region = Region(segment.vendor, tuple(range(len(candidates))))
    blocks = [(graph, BlockPlan(candidates, (region,), {}))]
    outlined = Outline()(model.module, blocks)
    plan = record(
        model.name, blocks, outlined, vendors=[segment.vendor], options={}, notes=[], verified=False
    )
    return Partition(model, outlined.module, plan, {}, (), outlined, tuple(blocks))


def draw(ports: Sequence[Port]) -> dict[str, Array]:
    """Inputs for `ports` by name, the same every time: numbers around 0, of both signs where the dtype has them."""
    extents: dict[str, int] = {}
    return {port.name: _draw(port, extents) for port in ports}


def _draw(port: Port, extents: dict[str, int]) -> Array:
    import ml_dtypes

    known = hasattr(ml_dtypes, port.dtype) and port.dtype not in np.sctypeDict
    dtype = np.dtype(getattr(ml_dtypes, port.dtype) if known else port.dtype)
    shape = [
        extents.setdefault(str(each), UNKNOWN_EXTENT) if not isinstance(each, int) else each
        for each in port.shape or ()
    ]
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(port.name.encode())))
    if dtype.kind == "b":
        return generator.random(shape) < 0.5
    if dtype.itemsize == 1 and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.asarray(generator.integers(limits.min, limits.max + 1, shape)).astype(dtype)
    if dtype.kind in "iu":  # wide integers are indices, as a rule
        return np.asarray(generator.integers(0, 2, shape)).astype(dtype)
    return np.asarray(generator.standard_normal(shape)).astype(dtype)


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write a `.npz`; unlike numpy's own writer it takes any name, and the same arrays give the same bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)


class _noted:  # noqa: N801  # reads as a word: with _noted(...)
    """Turns an error into a note that `what` is missing, and why."""

    def __init__(self, notes: list[str], what: str) -> None:
        self.notes, self.what = notes, what

    def __enter__(self) -> None:
        return

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        words = str(error) if isinstance(error, ByocError) else f"{type(error).__name__}: {error}"
        self.notes.append(f"{self.what} could not be made: {words[:1000]}")
        return True


def _readme(about: Mapping[str, Any], name: str) -> str:
    what = f"failed: {about['failure']}" if about["failure"] else "compiled"
    made_by = f"Plugin {about['plugin']}, toolchain {about['toolchain'] or 'of no version'}"
    lines = [
        f"# Segment {about['segment']} for vendor {about['vendor']}",
        "",
        f"It {what}",
        "",
        f"{made_by}, byoc {about['byoc']}.",
        "",
        "Run it with byoc and the vendor's plugin installed:",
        "",
        f"    byoc repro {name}",
        "",
        "Or without byoc: `segment.onnx` is the segment as ONNX; feed it `inputs.npz` and compare with",
        "`expected.npz`. `bundle.json` has options, versions and ports, `worker.log` what the compiler printed.",
    ]
    if about["notes"]:
        lines += ["", "Missing here:", "", *(f"- {note}" for note in about["notes"])]
    return "\n".join(lines) + "\n"
