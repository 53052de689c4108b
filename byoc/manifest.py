"""Manifest: what an artefact says of its segments; JSON in the artefact, frozen dataclasses here.

`docs/manifest.md` describes the JSON for other readers, `byoc/manifest.schema.json` holds it, and the C++ runtime
reads the same text. Nothing in it depends on when or where it was written but `device`.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from byoc.errors import ArtefactError

if TYPE_CHECKING:
    import jsonschema

Extent: TypeAlias = "int | str | None"
"""A dimension: known, symbolic (an expression over names), or unknown until run time."""

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Port:
    """A tensor at a border: of a segment, or of the whole model.

    `name` is the model's own where there is one. `dtype` is numpy's or ml_dtypes' name. `shape` is None when not
    even the rank is known. `alignment` (bytes) is what the driver demands of the address. `order` is the driver's
    order of the segment's axes, () for the same.
    """

    name: str
    dtype: str
    shape: tuple[Extent, ...] | None
    alignment: int = 64
    order: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes in the container: `sha256` in hexadecimal, `offset` and `bytes` within the container."""

    sha256: str
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """One segment of the artefact.

    `name` is the function that host code calls. `host` says that it is the host library's, not an offload. `plugin`
    is the distribution and version of the vendor's plugin, `toolchain` the version of its compiler, `table` the
    SHA-256 of its support table ("" without one), `hardware` the chip's figures, `options` the public compile-time
    options.
    `fingerprint` is the segment's (`Region.fingerprint`). `parts` maps a part's name to its index in the manifest's
    parts. `convention`: "dps" is called with inputs and outputs and fills the outputs; "returns" is called with
    inputs alone and returns the outputs, for shapes that only running tells. `fallback` says that the host version
    is compiled in. `nodes` are the source nodes it covers.
    """

    name: str
    vendor: str
    fingerprint: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parts: Mapping[str, int]
    host: bool = False
    plugin: str = ""
    toolchain: str = ""
    table: str = ""
    hardware: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    compat: bytes = b""
    report: Mapping[str, Any] = field(default_factory=dict)
    convention: Literal["dps", "returns"] = "dps"
    fallback: bool = False
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole artefact: its signature, its segments, the parts in the container.

    `inputs` and `outputs` are those of `main`, in order. `device` is the machine that compiled
    (`byoc.device.this_device`). `target` is TVM's target of the host code, `host` the host library ("onnxruntime
    1.31.1") or "tvm". `plan` is the index of the part that holds the plan (JSON).
    """

    byoc: str
    tvm: str
    model: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    segments: tuple[SegmentEntry, ...]
    parts: tuple[Part, ...]
    plan: int
    target: str = "llvm"
    host: str = "tvm"
    device: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT


def to_json(manifest: Manifest) -> str:
    """The manifest as JSON text: keys sorted, nothing but what is needed between them; `compat` is base64.

    Raises TypeError or ValueError for what JSON cannot hold among `hardware`, `options`, `report` and `device`.
    """
    document = asdict(manifest)
    for segment in document["segments"]:
        segment["compat"] = base64.b64encode(segment["compat"]).decode("ascii")
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def from_json(text: str | bytes) -> Manifest:
    """Read what `to_json` wrote, held to the schema. Raises ArtefactError saying what is wrong and where."""
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"the manifest is no JSON: {error}; compile the model again") from error
    given = document.get("format") if isinstance(document, dict) else None
    if type(given) is int and given != FORMAT:
        raise ArtefactError(
            f"the manifest is of format {given}, this byoc reads format {FORMAT}; compile the model again, or use "
            "the byoc that wrote it"
        )
    mistake = next(_validator().iter_errors(document), None)
    if mistake is not None:
        where = "/".join(str(each) for each in mistake.absolute_path) or "its top"
        raise ArtefactError(
            f"the manifest is not of format {FORMAT}: at {where}: {mistake.message}; compile the model again"
        )
    manifest = _manifest(document)
    _hold_together(manifest)
    return manifest


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the manifest."""
    from importlib import resources

    text = resources.files("byoc").joinpath("manifest.schema.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@cache
def _validator() -> jsonschema.Draft202012Validator:
    import jsonschema

    return jsonschema.Draft202012Validator(schema())


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _manifest(document: dict[str, Any]) -> Manifest:
    fields = dict(document)
    fields["inputs"] = _ports(document["inputs"])
    fields["outputs"] = _ports(document["outputs"])
    fields["parts"] = tuple(Part(**each) for each in document["parts"])
    fields["segments"] = tuple(_entry(each) for each in document["segments"])
    return Manifest(**fields)


def _entry(document: dict[str, Any]) -> SegmentEntry:
    fields = dict(document)
    fields["inputs"] = _ports(document["inputs"])
    fields["outputs"] = _ports(document["outputs"])
    fields["nodes"] = tuple(document["nodes"])
    try:
        fields["compat"] = base64.b64decode(document["compat"], validate=True)
    except ValueError as error:
        raise ArtefactError(
            f"the manifest is altered: compat of segment {document['name']!r} is no base64: {error}; compile the "
            "model again"
        ) from error
    return SegmentEntry(**fields)


def _ports(documents: list[dict[str, Any]]) -> tuple[Port, ...]:
    return tuple(
        Port(
            each["name"],
            each["dtype"],
            None if each["shape"] is None else tuple(each["shape"]),
            each["alignment"],
            tuple(each["order"]),
        )
        for each in documents
    )


def _hold_together(manifest: Manifest) -> None:
    """What the schema cannot say: names are unique, indices are of parts that exist, orders are permutations."""
    names = Counter(each.name for each in manifest.segments)
    twice = next((name for name, count in names.items() if count > 1), None)
    if twice is not None:
        raise ArtefactError(f"the manifest has two segments {twice!r}; compile the model again")
    indices = [("the plan", manifest.plan)]
    for segment in manifest.segments:
        indices += [
            (f"part {name!r} of segment {segment.name!r}", index)
            for name, index in segment.parts.items()
        ]
    borders: list[Manifest | SegmentEntry] = [manifest, *manifest.segments]
    for port in (port for each in borders for port in (*each.inputs, *each.outputs)):
        rank = len(port.order if port.shape is None else port.shape)
        if port.order and sorted(port.order) != list(range(rank)):
            raise ArtefactError(
                f"the manifest gives {port.name!r} the order {list(port.order)}, expected axes 0 to {rank - 1}; "
                "compile the model again"
            )
    for what, index in indices:
        if index >= len(manifest.parts):
            raise ArtefactError(
                f"the manifest says that {what} is part {index}, of {len(manifest.parts)}; compile the model again"
            )
