r"""Container: a manifest and the parts it speaks of, as the bytes that the C++ module `byoc.segments` is saved as.

    0   8 bytes  magic "BYOCSEG\x01"
    8   u32      format version, 1
    12  u32      zero
    16  u64      length of the manifest
    24  32 bytes SHA-256 of the manifest
    56  u64      length of the whole container
    64  the manifest, then zeros to a multiple of 64, then the parts, each at a multiple of 64, zeros between

All numbers are little endian. `docs/manifest.md` describes it for other readers.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from byoc.errors import ArtefactError
from byoc.manifest import Manifest, Part, from_json, to_json

MAGIC = b"BYOCSEG\x01"
VERSION = 1
ALIGNMENT = 64
_HEADER = struct.Struct("<8sIIQ32sQ")


@dataclass(frozen=True, slots=True)
class Container:
    """A container that was read and found right; `parts` are views of its bytes, in the manifest's order."""

    manifest: Manifest
    parts: tuple[memoryview, ...]


def pack(
    manifest: Manifest, blobs: Mapping[str, Mapping[str, bytes]], plan: bytes
) -> tuple[Manifest, bytes]:
    """Lay the named parts of each segment's blob and the plan out behind the manifest; equal parts are stored once.

    `blobs` has an entry for every segment of `manifest`, by its name. Returns the manifest with `parts`, `plan` and
    each segment's `parts` filled in, and the container.
    """
    store: dict[bytes, tuple[int, bytes]] = {}

    def index(part: bytes) -> int:
        return store.setdefault(hashlib.sha256(part).digest(), (len(store), part))[0]

    segments = tuple(
        replace(each, parts={name: index(part) for name, part in sorted(blobs[each.name].items())})
        for each in manifest.segments
    )
    place = index(plan)
    contents = [part for _, part in store.values()]
    parts = _lay_out(store.keys(), contents)
    manifest = replace(manifest, segments=segments, plan=place, parts=parts)
    return manifest, _join(to_json(manifest).encode("utf-8"), parts, contents)


def unpack(data: bytes | memoryview) -> Container:
    """Read a container: every length, bound and SHA-256 is checked, and that nothing else stands in it.

    Raises ArtefactError saying what is wrong.
    """
    view = memoryview(data).cast("B")
    text = _manifest_text(view)
    manifest = from_json(bytes(text))
    start = _aligned(_HEADER.size + len(text))
    _apart(view, manifest, start, _HEADER.size + len(text))
    return Container(manifest, tuple(_parts(view, manifest, start)))


def _lay_out(digests: Iterable[bytes], contents: Sequence[bytes]) -> tuple[Part, ...]:
    parts, offset = [], 0
    for digest, content in zip(digests, contents, strict=True):
        parts.append(Part(digest.hex(), offset, len(content)))
        offset = _aligned(offset + len(content))
    return tuple(parts)


def _join(text: bytes, parts: Sequence[Part], contents: Sequence[bytes]) -> bytes:
    start = _aligned(_HEADER.size + len(text))
    length = start + (parts[-1].offset + parts[-1].bytes if parts else 0)
    digest = hashlib.sha256(text).digest()
    header = _HEADER.pack(MAGIC, VERSION, 0, len(text), digest, length)
    pieces, written = [header, text], _HEADER.size + len(text)
    for part, content in zip(parts, contents, strict=True):
        pieces += [bytes(start + part.offset - written), content]
        written = start + part.offset + part.bytes
    return b"".join(pieces)


def _manifest_text(view: memoryview) -> memoryview:
    """The manifest's bytes, after everything before them was found right."""
    if len(view) < _HEADER.size:
        raise _cut_short(f"it has {len(view)} bytes, a container has at least {_HEADER.size}")
    magic, version, zero, size, digest, length = _HEADER.unpack_from(view)
    if magic[:7] != MAGIC[:7]:
        raise ArtefactError(
            f"the segments' container begins with {magic!r}, expected {MAGIC!r}; it is not byoc's, or altered"
        )
    if magic != MAGIC or version != VERSION:
        raise ArtefactError(
            f"the segments' container is of format {version if magic == MAGIC else magic[7]}, this byoc reads "
            f"format {VERSION}; compile the model again, or use the byoc that wrote it"
        )
    if length > len(view):
        raise _cut_short(f"it has {len(view)} of its {length} bytes")
    if zero or length != len(view) or _HEADER.size + size > length:
        raise _altered("its header does not hold together")
    text = view[_HEADER.size : _HEADER.size + size]
    if hashlib.sha256(text).digest() != digest:
        raise _altered("the SHA-256 of its manifest is not what its header says")
    return text


def _parts(view: memoryview, manifest: Manifest, start: int) -> Iterable[memoryview]:
    owners = {
        index: f"part {name!r} of segment {each.name!r} (vendor {each.vendor!r})"
        for each in manifest.segments
        for name, index in each.parts.items()
    }
    owners[manifest.plan] = "the plan"
    for index, part in enumerate(manifest.parts):
        content = view[start + part.offset : start + part.offset + part.bytes]
        if hashlib.sha256(content).hexdigest() != part.sha256:
            raise _altered(
                f"the SHA-256 of {owners.get(index, f'part {index}')} is not what the manifest says"
            )
        yield content


def _apart(view: memoryview, manifest: Manifest, start: int, written: int) -> None:
    """Parts lie within the container and apart from each other; `written` bytes stand before, zeros between."""
    ends = [(start + each.offset, start + each.offset + each.bytes) for each in manifest.parts]
    if any(end > len(view) for _, end in ends):
        raise _altered("a part lies outside it")
    for begin, end in sorted(ends):
        if begin < written:
            raise _altered("its parts overlap")
        if any(view[written:begin]):
            raise _altered("there is something between its parts")
        written = end
    if any(view[written:]):
        raise _altered("there is something behind its parts")


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def _cut_short(words: str) -> ArtefactError:
    return ArtefactError(f"the segments' container is cut short: {words}; compile the model again")


def _altered(words: str) -> ArtefactError:
    return ArtefactError(f"the segments' container is altered: {words}; compile the model again")
