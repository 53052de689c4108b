"""Load a support table: read, merge what it extends, validate, check every name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from byoc.errors import TableError
from byoc.support.located import Located, merge, read_yaml
from byoc.support.mistakes import mistake
from byoc.support.names import check_names
from byoc.support.rules import SupportTable
from byoc.support.schema import Table

MAX_ERRORS = 20


def load_table(path: Path | str) -> SupportTable:
    """Load the support table at `path`.

    Raises TableError, which starts with `file:line:column`; when several things are wrong, each has its line.
    """
    source = _read(Path(path), ())
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


def _read(path: Path, above: tuple[Path, ...]) -> Located:
    """The table at `path` merged onto the tables it extends; `above` are the tables that led here."""
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
    return merge(_read(base, chain), Located(own, here.mark, here.key))


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
