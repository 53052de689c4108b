"""Packed: a blob as bytes, for the cache and for the way out of a worker process.

    u64 length of the header, little endian | header, JSON | the parts, then the files, one after the other

Nothing in it is code: a file that somebody else could write is never unpickled.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from byoc.blob import Blob
from byoc.errors import BlobError

WORD = 8


def pack(blob: Blob) -> Iterator[bytes]:
    """The chunks of `blob`, in order."""
    parts = blob.named
    header = {
        "parts": [[name, len(part)] for name, part in parts.items()],
        "files": [[name, len(file)] for name, file in blob.files.items()],
        "compat": base64.b64encode(blob.compat).decode(),
        "report": dict(blob.report),
        "alignment": blob.alignment,
        "orders": {name: list(order) for name, order in blob.orders.items()},
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    yield len(text).to_bytes(WORD, "little")
    yield text
    yield from parts.values()
    yield from blob.files.values()


def unpack(data: bytes) -> Blob:
    """The blob that `pack` wrote. Raises BlobError when `data` is none."""
    try:
        start = WORD + int.from_bytes(data[:WORD], "little")
        header: dict[str, Any] = json.loads(data[WORD:start])
        parts: dict[str, bytes] = {}
        files: dict[str, bytes] = {}
        for given, found in ((header["parts"], parts), (header["files"], files)):
            for name, size in given:
                found[name] = data[start : start + size]
                start += size
        if start != len(data):
            raise ValueError(f"{len(data)} bytes, expected {start}")
        orders = {name: tuple(order) for name, order in header["orders"].items()}
        compat = base64.b64decode(header["compat"], validate=True)
        return Blob(parts, compat, header["report"], header["alignment"], orders, files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BlobError(f"this is no packed blob: {error}") from error
