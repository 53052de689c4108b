"""Answer: what a vendor's `byoc_codegen` gave, held to the contract of the hook."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from byoc.blob import Blob
from byoc.errors import BlobError
from byoc.segment import Segment
from byoc.support.refusal import Refusal
from byoc.verdicts import shown

MAX_BYTES: Final = 1 << 30
"""The most that the parts of one blob may take up."""


def checked(given: Any, segment: Segment) -> Blob | Refusal:
    """`given` as it is if it is a Blob that holds together; a Refusal as `codegen-failed`, in the vendor's words.

    Raises BlobError saying what was given and what was expected for anything else.
    """
    if isinstance(given, Refusal):
        return _refusal(given)
    if not isinstance(given, Blob):
        raise BlobError(f"answered {shown(given)}; expected a byoc.Blob or a byoc.Refusal")
    _parts(given)
    if not isinstance(given.compat, bytes):
        raise BlobError(f"gave a Blob whose compat is {shown(given.compat)}; expected bytes")
    if not isinstance(given.report, Mapping):
        raise BlobError(f"gave a Blob whose report is {shown(given.report)}; expected a mapping")
    try:
        json.dumps(dict(given.report), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BlobError(f"gave a Blob whose report is no JSON: {error}") from error
    alignment = given.alignment
    if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
        raise BlobError(f"gave a Blob of alignment {alignment!r}; expected a power of two")
    _orders(given, segment)
    _files(given)
    return given


def _refusal(given: Refusal) -> Refusal:
    nodes = given.nodes if isinstance(given.nodes, tuple | list) else (given.nodes,)
    if not all(isinstance(node, str) for node in nodes):
        raise BlobError(f"refused with the nodes {shown(given.nodes)}; expected names of nodes")
    words = str(given.message).strip() or "byoc_codegen refused without a word"
    return Refusal("codegen-failed", words, str(given.rule), nodes=tuple(nodes))


def _parts(blob: Blob) -> None:
    parts: Any = blob.parts
    if isinstance(parts, bytes | bytearray | memoryview):
        parts = {"payload": parts}
    if not isinstance(parts, Mapping):
        raise BlobError(
            f"gave a Blob whose parts are {shown(parts)}; expected bytes, or bytes by name"
        )
    for name, part in parts.items():
        if not isinstance(name, str) or not name:
            raise BlobError(f"gave a Blob with a part named {shown(name)}; expected text")
        if not isinstance(part, bytes | bytearray | memoryview):
            raise BlobError(f"gave a Blob whose part {name!r} is {shown(part)}; expected bytes")
    size = sum(memoryview(part).nbytes for part in parts.values())
    if not size:
        raise BlobError("gave an empty Blob; expected at least one byte in one part")
    if size > MAX_BYTES:
        raise BlobError(
            f"gave a Blob of {size:,} bytes; an artefact takes at most {MAX_BYTES:,} of one segment: limit the "
            "segment (`segments` of the support table)"
        )


def _files(blob: Blob) -> None:
    if not isinstance(blob.files, Mapping):
        raise BlobError(f"gave a Blob whose files are {shown(blob.files)}; expected a mapping")
    for name, data in blob.files.items():
        if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):
            raise BlobError(
                f"gave a Blob with a file named {shown(name)}; expected letters, digits, '_', '-' and '.'"
            )
        if not isinstance(data, bytes):
            raise BlobError(f"gave a Blob whose file {name!r} is {shown(data)}; expected bytes")


def _orders(blob: Blob, segment: Segment) -> None:
    if not isinstance(blob.orders, Mapping):
        raise BlobError(f"gave a Blob whose orders are {shown(blob.orders)}; expected a mapping")
    ports = {port.name: port for side in segment.signature for port in side}
    for name, order in blob.orders.items():
        if name not in ports:
            raise BlobError(
                f"gave a Blob with an order for {name!r}; expected one of the segment's ports: {', '.join(ports)}"
            )
        shape = ports[name].shape
        rank = len(order) if shape is None else len(shape)
        if sorted(order) != list(range(rank)):
            raise BlobError(
                f"gave a Blob with the order {shown(order)} for {name!r}; expected each of its {rank} axes once"
            )
