"""YAML as plain values that remember where they stand, and the JSON merge patch (RFC 7386) between two of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from byoc.errors import TableError, nearest

MAX_BYTES = 1 << 20
MAX_NODES = 100_000
MAX_DEPTH = 32
_CORE = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; lines and columns count from 1. A scalar's is its first character's, after any quote."""

    file: str
    line: int
    column: int

    @property
    def rule(self) -> str:
        """`support.yaml:12`, the file without its folders, as refusals name it."""
        return f"{Path(self.file).name}:{self.line}"

    def error(self, message: str) -> TableError:
        """A TableError that points here."""
        return TableError(message, file=self.file, line=self.line, column=self.column)


Value: TypeAlias = "dict[str, Located] | list[Located] | str | int | float | bool | None"


@dataclass(frozen=True, slots=True)
class Located:
    """A value of a YAML document: where it starts, and where the key that leads to it stands."""

    value: Value
    mark: Mark
    key: Mark

    def plain(self) -> Any:
        """The value as plain dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def at(self, *path: object) -> Located:
        """The value at `path`; steps that lead nowhere (a schema library's own labels) are skipped."""
        here = self
        for step in path:
            here = here.child(step) or here
        return here

    def child(self, step: object) -> Located | None:
        """The value under one key or index, or None."""
        if isinstance(self.value, dict):
            return self.value.get(step) if isinstance(step, str) else None
        if isinstance(self.value, list) and isinstance(step, int) and step < len(self.value):
            return self.value[step]
        return None


def read_yaml(path: Path) -> Located:
    """Read one YAML 1.2 document of mappings, lists and scalars.

    Raises TableError for a missing or oversized file, text that is not UTF-8 or not YAML, a tag, a duplicate key,
    and aliases that would expand beyond `MAX_NODES` values.
    """
    return _Reader(str(path)).read(_text(path))


def merge(base: Located, patch: Located) -> Located:
    """Apply a JSON merge patch: mappings merge, null removes a key, anything else replaces.

    A null for a key that `base` does not have is an error: it is a misspelling more often than not.
    """
    if not isinstance(patch.value, dict):
        return patch
    known = base.value if isinstance(base.value, dict) else {}
    merged = dict(known)
    for key, change in patch.value.items():
        if change.value is None:
            if key not in known:
                raise change.key.error(
                    f"null removes {key!r}, but the table it extends has none{nearest(key, known)}"
                )
            del merged[key]
        elif key in known:
            merged[key] = merge(known[key], change)
        else:
            merged[key] = change
    return Located(merged, patch.mark, patch.key)


def _text(path: Path) -> str:
    start = Mark(str(path), 1, 1)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise start.error(f"{size} bytes are more than a support table may have ({MAX_BYTES})")
        data = path.read_bytes()
    except FileNotFoundError as e:
        raise start.error("no such file; give the path of a support table") from e
    except OSError as e:
        raise start.error(f"cannot be read: {e.strerror or e}") from e
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        before = data[: e.start]
        column = e.start - before.rfind(b"\n")
        mark = Mark(str(path), before.count(b"\n") + 1, column)
        raise mark.error(f"byte 0x{data[e.start]:02x} is not UTF-8; save the table as UTF-8") from e


class _Reader:
    """Turns ruamel.yaml's node graph into Located values: no constructors, so no tags and no objects."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.nodes = 0
        self.lines: list[str] = []

    def read(self, text: str) -> Located:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        start = Mark(self.file, 1, 1)
        self.lines = text.splitlines()
        try:
            node = YAML(typ="safe", pure=True).compose(text)
        except MarkedYAMLError as e:
            where = e.problem_mark or e.context_mark
            mark = Mark(self.file, where.line + 1, where.column + 1) if where else start
            raise mark.error(_yaml_words(e.problem, e.context)) from e
        except YAMLError as e:
            raise start.error(f"not YAML: {str(e).splitlines()[0]}") from e
        except (RecursionError, ValueError) as e:
            raise start.error("not YAML that a support table may hold: nested too deeply") from e
        if node is None:
            raise start.error("the table is empty; it needs at least 'vendor' and 'version'")
        return self.value(node, start, 0)

    def value(self, node: Any, key: Mark | None, depth: int) -> Located:
        mark = self.mark(node)
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise mark.error(
                "the table is too large or nested too deeply (aliases count each time)"
            )
        kind = str(node.tag).removeprefix(_CORE)
        if kind == "map":
            return Located(self.mapping(node.value, depth), mark, key or mark)
        if kind == "seq":
            items: list[Located] = [self.value(each, None, depth + 1) for each in node.value]
            return Located(items, mark, key or mark)
        return Located(_scalar(kind, node.value, mark), mark, key or mark)

    def mapping(self, pairs: Iterable[tuple[Any, Any]], depth: int) -> dict[str, Located]:
        result: dict[str, Located] = {}
        for key, value in pairs:
            mark = self.mark(key)
            if not isinstance(key.value, str) or str(key.tag) == f"{_CORE}merge":
                raise mark.error(
                    "a key must be plain text; to build on another table use 'extends'"
                )
            if key.value in result:
                raise mark.error(f"{key.value!r} stands twice; keep one of them")
            result[key.value] = self.value(value, mark, depth + 1)
        return result

    def mark(self, node: Any) -> Mark:
        start, style = node.start_mark, getattr(node, "style", None)
        if style in ("|", ">"):
            content = next((each for each in self.lines[start.line + 1 :] if each.strip()), "")
            return Mark(self.file, start.line + 2, len(content) - len(content.lstrip()) + 1)
        return Mark(self.file, start.line + 1, start.column + 1 + (style in ("'", '"')))


def _scalar(kind: str, text: str, mark: Mark) -> str | int | float | bool | None:
    if kind in ("str", "timestamp"):
        return text
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    try:
        if kind == "int":
            return int(text.replace("_", ""), 0 if re.match(r"[-+]?0[xob]", text) else 10)
        if kind == "float":
            return float(
                text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan")
            )
    except ValueError as e:
        raise mark.error(f"{text!r} is not a number") from e
    raise mark.error(f"the tag {kind!r} is not allowed in a support table; remove it")


def _yaml_words(problem: str | None, context: str | None) -> str:
    if problem and "'\\t'" in problem:
        return "a tab; YAML indents with spaces"
    hint = "flow" in (context or "") and "; text with brackets or commas needs quotes here"
    return f"not YAML: {', '.join(part for part in (problem, context) if part)}{hint or ''}"
