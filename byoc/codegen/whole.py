"""Whole: the artefact of a model that was compiled before, without importing TVM.

The key is made of the model's bytes, all options, all vendors and everything that their compilers depend on. An
artefact is kept only when every compiler did what it was asked: what failed may work the next time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byoc.codegen.cache import Cache, Entry
from byoc.codegen.toolchain import digest, installed_version, surroundings, tree_digest
from byoc.errors import ArtefactError, UsageError
from byoc.options import CompileOptions

if TYPE_CHECKING:
    from byoc.artefact import ArtefactFile
    from byoc.codegen.toolchain import Toolchain

_FICLONE = 0x40049409
_ELSEWHERE = ("partition", "jobs", "timeout", "memory", "cache", "cache_dir", "keep", "sign")
"""Options that the key does not take as they are: what they do not change, and what has a better name."""

ZOO_PACKAGES = ("rapidocr-onnxruntime", "silero-vad")
"""The distributions that models of the zoo come from, beside those of `BUILT_WITH`."""

_NOT_IN_RESULT = ("check_timeout", "vendor_options")


def whole_key(
    source: Any, chains: Sequence[Toolchain], options: CompileOptions, further: Mapping[str, Any]
) -> str | None:
    """The cache key of the artefact, None for a source that has no bytes to go by.

    `further` is whatever else went into it. A key's file is known by its own SHA-256.
    """
    model = _source_digest(source)
    if model is None:
        return None
    given = {
        each.name: getattr(options, each.name)
        for each in fields(options)
        if each.name not in _ELSEWHERE
    }
    partition = asdict(options.partition)
    for name in _NOT_IN_RESULT:
        partition.pop(name)
    params = options.partition.params
    partition["params"] = "" if params is None or not params.is_file() else _file_digest(params)
    return digest(
        {
            "model": model,
            "by": [each.unread() for each in chains],
            "options": given,
            "partition": partition,
            "sign": "" if options.sign is None else _file_digest(options.sign),
            "with": surroundings(),
            "runtime": _runtime(),
            "further": dict(further),
        }
    )


def restore(cache: Cache, key: str, output: Path) -> tuple[ArtefactFile, Entry] | None:
    """Write the artefact kept under `key` to `output`, None when there is none or it is damaged.

    Raises UsageError when `output` cannot be written.
    """
    from byoc.artefact import read_artefact

    entry = cache.find(key)
    if entry is None:
        return None
    with _beside(output) as made:
        if not _copy(entry.path, made):
            return None
        try:
            found = read_artefact(made)
        except ArtefactError:
            cache.drop(key)
            return None
        _put(made, output)
    return found, entry


@contextmanager
def _beside(output: Path) -> Iterator[Path]:
    """A file in the folder of `output` that is gone again unless it was moved."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
    except OSError as error:
        raise _unwritable(output, error) from error
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _put(made: Path, output: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    try:
        made.chmod(0o777 & ~mask)
        made.replace(output)
    except OSError as error:
        raise _unwritable(output, error) from error


def _copy(source: Path, target: Path) -> bool:
    """Copy, by reference where the file system can; False when the source vanished."""
    try:
        with source.open("rb") as given, target.open("wb") as made:
            if not _by_reference(given.fileno(), made.fileno()):
                while os.sendfile(made.fileno(), given.fileno(), None, 1 << 30):
                    pass
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unwritable(target, error) from error
    return True


def _by_reference(given: int, made: int) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.ioctl(made, _FICLONE, given)
        return True
    return False


def _unwritable(output: Path, error: OSError) -> UsageError:
    return UsageError(
        f"cannot write the artefact to {output}: {error.strerror}; name a path that can be written"
    )


def _source_digest(source: Any) -> Any:
    """What tells one model from another; None for what is in memory only."""
    if isinstance(source, str) and source.startswith("zoo:"):
        return _zoo_digest(source.removeprefix("zoo:"))
    if isinstance(source, str | Path):
        return _model_digest(Path(source))
    if type(source).__name__ == "StoredPartition":
        return ["partition", source.digest] if source.digest else None
    if type(source).__name__ == "ModelProto":
        data = source.SerializeToString(deterministic=True)
        # Data in files beside the model cannot be found without the model's folder.
        return None if b"location" in data else ["", hashlib.sha256(data).hexdigest()]
    return None


def _model_digest(path: Path) -> Any:
    """A model file's name (reports speak of it) and bytes, and those of the files that its large tensors are in."""
    try:
        data = path.read_bytes()
        digests = [str(path), hashlib.sha256(data).hexdigest()]
        # Only a model with external data has this word; reading the model for it takes half a second.
        if path.suffix != ".relay" and b"location" in data:
            digests += [_file_digest(path.parent / name) for name in _external(data)]
    except OSError:
        return None
    return digests


def _external(data: bytes) -> list[str]:
    """The files that tensors of the model lie in, sorted."""
    import onnx
    from onnx.external_data_helper import _get_all_tensors, uses_external_data

    model = onnx.load_model_from_string(data)
    found = {
        entry.value
        for tensor in _get_all_tensors(model)
        if uses_external_data(tensor)
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return sorted(found)


def _zoo_digest(name: str) -> Any:
    """A zoo model by what it is made of; importing the zoo to ask it would take longer than all the rest."""
    sources = tree_digest(Path(__file__).parent.parent / "testing" / "zoo")
    return [f"zoo:{name}", sources, [installed_version(each) for each in ZOO_PACKAGES]]


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _runtime() -> str:
    """The C++ runtime that an artefact is linked for, by its size and time."""
    spec = find_spec("byoc.runtime")
    places = None if spec is None else spec.submodule_search_locations
    found = [] if not places else sorted(Path(next(iter(places))).glob("*.so"))
    return digest([[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in found])
