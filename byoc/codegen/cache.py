"""Cache: what was compiled once, by the SHA-256 of everything that went into it.

    keys/ab/abcd....json     what a key stands for: the SHA-256 of an object, its size, and notes about it
    objects/12/1234....      the bytes, under their own SHA-256

Objects are content-addressed and every file appears by one rename, so that any number of processes may read,
write and evict at a time without a lock. Bytes are held to their SHA-256 whenever they are read: a damaged entry
is dropped and counts as a miss. Nothing that goes wrong with the folder fails a compilation.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from byoc.errors import UsageError

FORMAT = "v1"
SIZE = 10 << 30
"""How many bytes the cache may take up unless `$BYOC_CACHE_SIZE` says otherwise."""

STALE = 86_400
"""Seconds after which a file that was never finished is taken for the leftover of a process that was killed."""

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """What a key stands for: `path` holds the bytes, of which `sha256` (hexadecimal) has yet to be held to them."""

    key: str
    path: Path
    sha256: str
    bytes: int
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """How full a cache is, in entries and in bytes."""

    entries: int
    bytes: int
    limit: int


@dataclass(slots=True)
class Cache:
    """The cache in `folder`, of at most `limit` bytes. `notes` say what could not be done, each once."""

    folder: Path
    limit: int = SIZE
    notes: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, folder: Path | None = None) -> Cache:
        """The cache in `folder`, else in `$BYOC_CACHE_DIR`, else in the user's cache folder.

        Raises UsageError when `$BYOC_CACHE_SIZE` is no number of bytes.
        """
        given = os.environ.get("BYOC_CACHE_DIR")
        if folder is None and given:
            folder = Path(given)
        if folder is None:
            from platformdirs import user_cache_path

            folder = user_cache_path("byoc", appauthor=False)
        size = os.environ.get("BYOC_CACHE_SIZE", "")
        if size and not size.isdecimal():
            raise UsageError(
                f"BYOC_CACHE_SIZE is {size!r}; expected a number of bytes, such as {SIZE}"
            )
        return cls(folder, int(size) if size else SIZE)

    def find(self, key: str) -> Entry | None:
        """The entry of `key`, None when there is none."""
        try:
            stored = json.loads(self._key(key).read_text("utf-8"))
            sha256, size, about = str(stored["sha256"]), int(stored["bytes"]), stored["about"]
            found = self._object(sha256)
            if not isinstance(about, dict) or found.stat().st_size != size:
                raise ValueError(f"{found} is cut short")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._note("read", error)
            self.drop(key)
            return None
        with suppress(OSError):
            os.utime(found)
        return Entry(key, found, sha256, size, about)

    def read(self, key: str) -> tuple[bytes, Mapping[str, Any]] | None:
        """The bytes of `key` and what was noted of them, None when there are none or they are damaged."""
        entry = self.find(key)
        if entry is None:
            return None
        try:
            data = entry.path.read_bytes()
        except OSError as error:
            self._note("read", error)
            return None
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            self.drop(key)
            return None
        return data, entry.about

    def write(self, key: str, data: Iterable[bytes], about: Mapping[str, Any]) -> None:
        """Keep the bytes of all chunks of `data` under `key`; whatever goes wrong becomes a note."""
        try:
            with self._new("objects") as file:
                digest = hashlib.sha256()
                for chunk in data:
                    digest.update(chunk)
                    file.write(chunk)
                size, sha256 = file.tell(), digest.hexdigest()
                self._publish(file, self._object(sha256))
            with self._new("keys") as file:
                stored = {"sha256": sha256, "bytes": size, "about": dict(about)}
                file.write(json.dumps(stored, sort_keys=True).encode())
                self._publish(file, self._key(key))
            self.evict()
        except OSError as error:
            self._note("write", error)

    def write_file(self, key: str, path: Path, about: Mapping[str, Any]) -> None:
        """Keep the bytes of the file `path` under `key`."""
        try:
            with path.open("rb") as file:
                self.write(key, iter(lambda: file.read(CHUNK), b""), about)
        except OSError as error:
            self._note("write", error)

    def drop(self, key: str) -> None:
        """Forget `key`, and its bytes."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            stored = json.loads(self._key(key).read_text("utf-8"))
            self._object(str(stored["sha256"])).unlink(missing_ok=True)
        with suppress(OSError):
            self._key(key).unlink(missing_ok=True)

    def usage(self) -> Usage:
        """How full the cache is."""
        keys = sum(1 for _ in _files(self.folder / FORMAT / "keys"))
        held = sum(size for _, _, size in _files(self.folder / FORMAT / "objects"))
        return Usage(keys, held, self.limit)

    def clear(self) -> Usage:
        """Remove everything; what was there. Raises OSError when that is not allowed."""
        before = self.usage()
        for kind in ("keys", "objects"):
            for path, _, _ in list(_files(self.folder / FORMAT / kind)):
                path.unlink(missing_ok=True)
        return before

    def evict(self) -> None:
        """Remove what was used longest ago until the cache is within its limit."""
        root = self.folder / FORMAT
        for path, when, _ in list(_files(root)):
            if path.name.startswith(".") and time.time() - when > STALE:
                path.unlink(missing_ok=True)
        objects = [each for each in _files(root / "objects") if not each[0].name.startswith(".")]
        total = sum(size for _, _, size in objects)
        gone = set()
        for path, _, size in sorted(objects, key=lambda each: each[1]):
            if total <= self.limit:
                break
            path.unlink(missing_ok=True)
            gone.add(path.name)
            total -= size
        for path, _, _ in list(_files(root / "keys")) if gone else ():
            with suppress(OSError, ValueError, KeyError, TypeError):
                if json.loads(path.read_text("utf-8"))["sha256"] in gone:
                    path.unlink(missing_ok=True)

    def _key(self, key: str) -> Path:
        return self.folder / FORMAT / "keys" / key[:2] / f"{key}.json"

    def _object(self, sha256: str) -> Path:
        return self.folder / FORMAT / "objects" / sha256[:2] / sha256

    @contextmanager
    def _new(self, kind: str) -> Iterator[IO[bytes]]:
        """A file that is gone again unless it was published."""
        folder = self.folder / FORMAT / kind
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(prefix=".", dir=folder, delete=False) as file:
            try:
                yield file
            finally:
                Path(file.name).unlink(missing_ok=True)

    def _publish(self, file: IO[bytes], path: Path) -> None:
        file.flush()
        path.parent.mkdir(exist_ok=True, mode=0o700)
        Path(file.name).replace(path)

    def _note(self, what: str, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or error
        words = f"the cache in {self.folder} could not be {_DONE[what]} ({reason}); nothing else is affected"
        if words not in self.notes:
            self.notes.append(words)


_DONE = {"read": "read", "write": "written"}


def _files(folder: Path) -> Iterator[tuple[Path, float, int]]:
    """Every file below `folder`, when it was last used, its size; those that vanish meanwhile are left out."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        with suppress(OSError):
            about = path.stat()
            if path.is_file():
                yield path, about.st_mtime, about.st_size
