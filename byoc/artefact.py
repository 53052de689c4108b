r"""Artefact: host code, blobs and manifest as one shared library that any TVM runtime loads, and its reading back.

`export_library` embeds the container (`byoc.container`) as the module `byoc.segments`; behind the library stands a
trailer, which dlopen ignores:

    JSON | u64 length of the JSON, little endian | 8 bytes "BYOCEND\x01"

The JSON has `format`, `bytes` and `sha256` of all before it, the `container`'s [offset, length] in the file, and
`signature` where there is one. Reading never loads the library: a file that was cut short would crash the process.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from byoc.blob import Blob
from byoc.container import MAGIC, pack, unpack
from byoc.errors import ArtefactError, BlobError, UsageError
from byoc.manifest import Manifest
from byoc.signing import Signature, is_valid, read_private_key, sign

FORMAT = 1
END = b"BYOCEND\x01"
MAX_BYTES = 1 << 30
"""The most that the container may take up; blobs beyond it are refused."""

_HOST_BYTES = 16 << 20
"""Room that is asked for beside the blobs: host code is smaller."""

_ELF_HEADER = 64
_TAIL = 8 + len(END)
_LINK = ["-Wl,--build-id=none", "-Wl,--as-needed", "-s"]


@dataclass(frozen=True, slots=True)
class ArtefactFile:
    """An artefact that was read and found whole: every SHA-256 is right, and so is the signature if there is one.

    `sha256` (hexadecimal) is that of the library without its trailer, `bytes` the size of the file. `plan` is the
    plan as JSON. `signature` has the signer's key; whose key it is `byoc.signing.require` finds out.
    """

    path: Path
    manifest: Manifest
    plan: Mapping[str, Any]
    sha256: str
    bytes: int
    signature: Signature | None = None

    def require_signature(self, key: Path) -> None:
        """Raise ArtefactError unless it is signed with the partner of the Ed25519 public key in `key` (PEM)."""
        from byoc.signing import require

        require(self.path, self.signature, bytes.fromhex(self.sha256), key)


def write_artefact(
    path: Path | str,
    executable: Any,
    manifest: Manifest,
    blobs: Mapping[str, Blob],
    plan: Mapping[str, Any],
    *,
    key: Path | None = None,
) -> ArtefactFile:
    """Link `executable` (a Relax VM executable) and the segments' `blobs` (by name) to the artefact `path`.

    `manifest` need not know its parts. `key` is an Ed25519 private key (PEM). The file appears whole or not at
    all; the same arguments give the same bytes. Raises BlobError when the blobs are larger than `MAX_BYTES`,
    UsageError when `path` cannot be written, the key is none or no C++ compiler is there to link with.
    """
    import tvm_ffi

    import byoc.runtime  # noqa: F401  # registers byoc.runtime.create

    path = Path(path)
    parts = {name: blobs[name].named for name in (each.name for each in manifest.segments)}
    _hold_size(parts)
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"), allow_nan=False)
    manifest, container = pack(manifest, parts, text.encode("utf-8"))
    if key is not None:
        read_private_key(key)  # before the work, not after it
    with _folder(path) as folder:
        _reserve(folder, len(container))
        made = folder / "artefact.so"
        executable.mod.import_module(tvm_ffi.get_global_func("byoc.runtime.create")(container))
        _link(executable, made, folder)
        _append_trailer(made, container, key)
        read = read_artefact(made)  # before anybody else does
        made.replace(path)
    return ArtefactFile(path, manifest, read.plan, read.sha256, read.bytes, read.signature)


def read_artefact(path: Path | str) -> ArtefactFile:
    """Read what `write_artefact` wrote, without loading it: trailer, both levels of SHA-256, manifest, plan.

    Raises ArtefactError for a file that is missing, not byoc's, cut short, altered or of another format version.
    """
    path = Path(path)
    view = memoryview(_read(path))
    trailer, end = _trailer(path, view)
    digest = hashlib.sha256(view[:end]).digest()
    if digest.hex() != trailer["sha256"]:
        raise ArtefactError(
            f"{path} is altered: its SHA-256 is not what its trailer says{_which(view, trailer)}; get it again or "
            "compile the model again"
        )
    offset, length = trailer["container"]
    try:
        container = unpack(view[offset : offset + length])
        plan = json.loads(bytes(container.parts[container.manifest.plan]))
    except (ArtefactError, ValueError) as error:
        raise ArtefactError(f"{path}: {error}") from error
    signature = _signature(path, trailer, digest)
    return ArtefactFile(path, container.manifest, plan, digest.hex(), len(view), signature)


def read_blobs(path: Path | str) -> dict[str, dict[str, bytes]]:
    """The blobs of an artefact: for each segment its parts by name. Raises what `read_artefact` does."""
    manifest = read_artefact(path).manifest
    view = memoryview(_read(Path(path)))
    offset, length = _trailer(Path(path), view)[0]["container"]
    parts = unpack(view[offset : offset + length]).parts
    return {
        entry.name: {name: bytes(parts[index]) for name, index in entry.parts.items()}
        for entry in manifest.segments
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtefactError(
            f"cannot read the artefact {path}: {error.strerror or error}; give the path of a file that `byoc "
            "compile` wrote"
        ) from error


def _trailer(path: Path, view: memoryview) -> tuple[dict[str, Any], int]:
    """The trailer's JSON, and where it begins."""
    tail = bytes(view[-_TAIL:])
    if len(tail) < _TAIL or tail[-8:-1] != END[:7]:
        # The library itself is searched last: it may be large, and may hold the container's beginning.
        if MAGIC[:7] in bytes(view):
            raise ArtefactError(
                f"{path} is cut short: it ends before its trailer; get it again or compile the model again"
            )
        raise ArtefactError(
            f"{path} is no artefact of byoc: it does not end with byoc's trailer; expected a file that `byoc "
            "compile` wrote"
        )
    if tail[-1:] != END[-1:]:
        raise _version(path, tail[-1])
    size = int.from_bytes(tail[:8], "little")
    start = len(view) - _TAIL - size
    if start < 0:
        raise _altered(path, "its trailer is longer than the file")
    try:
        trailer = json.loads(bytes(view[start : start + size]))
    except (ValueError, RecursionError) as error:
        raise _altered(path, f"its trailer is no JSON: {error}") from error
    if isinstance(trailer, dict) and trailer.get("format", FORMAT) != FORMAT:
        raise _version(path, trailer["format"])
    if not _is_trailer(trailer, start):
        raise _altered(path, "its trailer does not hold together")
    return trailer, start


def _is_trailer(trailer: Any, start: int) -> bool:
    """Whether the trailer has what it must have, and speaks of a file whose trailer begins at `start`."""
    if not isinstance(trailer, dict):
        return False
    keys = set(trailer) - {"signature"}
    if keys != {"format", "bytes", "sha256", "container"} or trailer["bytes"] != start:
        return False
    place = trailer["container"]
    numbers = isinstance(place, list) and [type(each) for each in place] == [int, int]
    signature = trailer.get("signature")
    signed = signature is None or (
        isinstance(signature, dict)
        and sorted(signature) == ["key", "value"]
        and all(isinstance(each, str) for each in signature.values())
    )
    return numbers and signed and place[0] >= 0 and 0 <= place[1] <= start - place[0]


def _which(view: memoryview, trailer: Mapping[str, Any]) -> str:
    """What of an altered file is altered, as far as the container tells."""
    offset, length = trailer["container"]
    try:
        unpack(view[offset : offset + length])
    except ArtefactError as error:
        return f" ({error})"
    return " (the host code is altered, not the segments)"


def _signature(path: Path, trailer: Mapping[str, Any], digest: bytes) -> Signature | None:
    """The signature, checked where `cryptography` is installed; `require_signature` always checks it."""
    if "signature" not in trailer:
        return None
    signature = Signature(**trailer["signature"])
    if find_spec("cryptography") is not None and not is_valid(signature, digest):
        raise _altered(path, "its signature is not of this content")
    return signature


def _hold_size(blobs: Mapping[str, Mapping[str, bytes]]) -> None:
    sizes = {id(part): len(part) for parts in blobs.values() for part in parts.values()}
    total = sum(sizes.values())
    if total > MAX_BYTES:
        name = max(blobs, key=lambda each: sum(map(len, blobs[each].values())))
        own = sum(map(len, blobs[name].values()))
        raise BlobError(
            f"the segments' blobs are {total:,} bytes, {own:,} of them of segment {name!r}; an artefact holds "
            f"{MAX_BYTES:,}; partition into fewer or smaller segments, or quantise the model"
        )


def _link(executable: Any, made: Path, folder: Path) -> None:
    try:
        executable.export_library(str(made), workspace_dir=str(folder), options=_LINK)
    except (RuntimeError, OSError, ValueError) as error:
        if _is_full(error):
            raise UsageError(f"cannot write the artefact: {os.strerror(errno.ENOSPC)}") from error
        raise UsageError(
            f"linking the artefact failed: {error}; byoc links with the C++ compiler that CXX names, or with g++ "
            "or clang++ on the PATH"
        ) from error


def _is_full(error: BaseException) -> bool:
    words = os.strerror(errno.ENOSPC)
    return getattr(error, "errno", None) == errno.ENOSPC or words in str(error)


def _reserve(folder: Path, size: int) -> None:
    """Raise OSError unless there is room for an artefact of a container of `size` bytes.

    On a full disk LLVM would end the process without a word to Python.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        # The container is written twice, as an object file and linked.
        os.posix_fallocate(file.fileno(), 0, 2 * size + _HOST_BYTES)


def _append_trailer(made: Path, container: bytes, sign_with: Path | None) -> None:
    data = made.read_bytes()
    offset = data.find(container)
    if offset < 0 or len(data) < _elf_end(data):
        raise UsageError(
            f"linking the artefact failed: the compiler reported success and left {len(data):,} bytes that are no "
            "whole library; see that the disk is not full, and which compiler CXX names"
        )
    digest = hashlib.sha256(data).digest()
    trailer: dict[str, Any] = {
        "format": FORMAT,
        "bytes": len(data),
        "sha256": digest.hex(),
        "container": [offset, len(container)],
    }
    if sign_with is not None:
        trailer["signature"] = asdict(sign(digest, sign_with))
    text = json.dumps(trailer, sort_keys=True, separators=(",", ":")).encode("ascii")
    with made.open("ab") as file:
        file.write(text + len(text).to_bytes(8, "little") + END)
        file.flush()
        os.fsync(file.fileno())


def _elf_end(data: bytes) -> int:
    """Where an ELF file of 64 bits has to end: its section headers are the last of it."""
    if len(data) < _ELF_HEADER or not data.startswith(b"\x7fELF\x02\x01"):
        return _ELF_HEADER
    (start,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    return int(start + size * count)


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` to make it in, which is gone afterwards whatever happens.

    A process that is killed leaves its folder: the next one that makes something there removes it.
    """
    from byoc.scratch import scratch_folder

    try:
        with scratch_folder(path.parent) as folder:
            yield folder
    except OSError as error:
        raise UsageError(
            f"cannot write the artefact {path}: {error.strerror or error}; name a file in a folder that can be "
            "written"
        ) from error


def _version(path: Path, version: Any) -> ArtefactError:
    return ArtefactError(
        f"{path} is an artefact of format {version!r}, this byoc reads format {FORMAT}; compile the model again, "
        "or use the byoc that wrote it"
    )


def _altered(path: Path, words: str) -> ArtefactError:
    return ArtefactError(f"{path} is altered: {words}; get it again or compile the model again")
