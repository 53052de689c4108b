"""Blob: what a vendor's codegen makes of a segment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from byoc.errors import BlobError


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes that a vendor's driver runs.

    `parts` are bytes, or bytes by name; equal parts of several segments are stored once. `compat` is the vendor's
    own, for `byoc_compatible` and a native driver's `validate` to judge where the blob may run. `report` is JSON
    that `byoc inspect` shows. `alignment` is what the driver demands of a tensor's address, in bytes. `orders`
    gives, by the name of a port of the segment, the axes of the segment's tensor in the order in which the driver
    has them ((0, 2, 3, 1) for a driver that keeps an NCHW tensor as NHWC): byoc transposes at the border. `files`
    are for people, by file name (a listing, a log): `byoc compile --keep` writes them, the artefact has none.
    """

    parts: bytes | Mapping[str, bytes]
    compat: bytes = b""
    report: Mapping[str, Any] = field(default_factory=dict)
    alignment: int = 64
    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def named(self) -> dict[str, bytes]:
        """The parts by name; bytes alone are the part `payload`."""
        if isinstance(self.parts, Mapping):
            return {name: bytes(part) for name, part in self.parts.items()}
        return {"payload": bytes(self.parts)}

    @property
    def payload(self) -> bytes:
        """The only part. Raises BlobError when there are several, or none."""
        parts = self.named
        if len(parts) != 1:
            raise BlobError(
                f"the blob has the parts {', '.join(parts) or 'none'}; payload is for a blob of one: use `named`"
            )
        return next(iter(parts.values()))
