"""Load a support table: read, merge what it extends, validate, check every name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from byoc.errors import TableError
from byoc.support.located import Located, merge, read_yaml
from byoc.support.rules import SupportTable

MAX_ERRORS = 20

_loaded: dict[str, tuple[Mapping[Path, bytes], SupportTable]] = {}
"""The tables loaded so far by path, each with the bytes of the files that it is made of."""


def load_table(path: Path | str) -> SupportTable:
    """Load the support table at `path`, or give it again while its files have the same bytes.

    Raises TableError, which starts with `file:line:column`; when several things are wrong, each has its line.
    """
    files, table = _loaded.get(str(path), ({}, None))
    if table is not None and all(_bytes(file) == data for file, data in files.items()):
        return table
    files = {}
    table = _load(Path(path), files)
    _loaded[str(path)] = files, table
    return table


def bytes_digest(path: Path) -> str:
    """What tells a table from another without parsing it: the SHA-256 (hexadecimal) of its bytes.

    A table that may extend others is loaded after all, for it takes parsing to find them. Raises TableError then.
    """
    data = _bytes(path)
    # A backslash may spell the key otherwise.
    if data is None or b"extends" in data or b"\\" in data:
        return load_table(path).digest
    return hashlib.sha256(data).hexdigest()


def _bytes(path: Path) -> bytes | None:
    """The bytes of a file, None when it cannot be read."""
    with suppress(OSError):
        return path.read_bytes()
    return None


def _load(path: Path, files: dict[Path, bytes]) -> SupportTable:
    """The table at `path`, read anew; `files` are told what it is made of."""
    from pydantic import ValidationError

    from byoc.support.mistakes import mistake
    from byoc.support.names import check_names
    from byoc.support.schema import Table

    source = _read(path, (), files)
    try:
        table = Table.model_validate(source.plain())
    except ValidationError as e:
        _raise([mistake(source, each) for each in e.errors()], e)
    _raise(check_names(source))
    return SupportTable(
        vendor=table.vendor,
        description=table.description,
        file=str(path),
        source=source,
        digest=_digest(source.plain()),
    )


def _read(path: Path, above: tuple[Path, ...], files: dict[Path, bytes]) -> Located:
    """The table at `path` merged onto the tables it extends; `above` are the tables that led here."""
    # Before it is parsed: a file that changes meanwhile is then loaded again, not taken for the old one.
    files[path] = _bytes(path) or b""
    here = read_yaml(path)
    if not isinstance(here.value, dict):
        raise here.mark.error("a support table is a mapping; it starts with 'vendor: NAME'")
    extends = here.value.get("extends")
    if extends is None:
        return here
    if not isinstance(extends.value, str):
        raise extends.mark.error(f"'extends' names one file, got {extends.plain()!r}")
    base = path.parent / extends.value
    chain = (*above, path.resolve())
    if base.resolve() in chain:
        names = " -> ".join(each.name for each in (*chain, base))
        raise extends.mark.error(f"tables that extend each other: {names}; break the circle")
    if not base.is_file():
        raise extends.mark.error(
            f"there is no file {extends.value!r} to extend, next to this table"
        )
    own = {key: value for key, value in here.value.items() if key != "extends"}
    return merge(_read(base, chain, files), Located(own, here.mark, here.key))


def _digest(table: Mapping[str, Any]) -> str:
    text = json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _raise(errors: Iterable[TableError], cause: Exception | None = None) -> None:
    """Raise the first error, the others on lines of their own below it, in the order of the file."""
    found = sorted(errors, key=lambda e: (e.file, e.line, e.column))
    if not found:
        return
    first, *others = list(dict.fromkeys(map(str, found)))
    if len(others) >= MAX_ERRORS:
        others = [*others[: MAX_ERRORS - 1], f"and {len(others) - MAX_ERRORS + 1} more"]
    error = TableError("\n".join([first, *others]))
    error.file, error.line, error.column = found[0].file, found[0].line, found[0].column
    raise error from cause
