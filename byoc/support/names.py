"""Names: the ops, inputs, attributes and expression names of a table, held to what exists, before anything runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from byoc.errors import TableError, nearest
from byoc.support.expressions import Expression, parse
from byoc.support.located import Located
from byoc.support.operations import FUNCTIONS, QUANT_FIELDS, TENSOR_FIELDS
from byoc.support.ops import is_foreign, known_ops

_NAME = re.compile(r"(?<![\w.)])([A-Za-z_]\w*(?:\.\w+)*)(\??\s*\()?")
_BINDING = re.compile(r"^[ \t]*([A-Za-z_]\w*)[ \t]*=", re.MULTILINE)
_ATTRIBUTES = re.compile(r"\{[^{}]*\}")
_OPERATORS = re.compile(r"\(([\w.]+(?:\s*\|\s*[\w.]+)+)\)\s*\??\s*\(")


@dataclass(frozen=True, slots=True)
class PatternNames:
    """What the rules of a pattern may name: `values` (wildcards and named values), and its `ops`.

    `interior` are the named values: their dtypes are not held.
    """

    values: tuple[str, ...]
    interior: frozenset[str]
    ops: tuple[str, ...]


def pattern_names(text: str) -> PatternNames:
    """Read the names of a pattern's text. Lenient: the pattern's own parser judges the text."""
    bare = _ATTRIBUTES.sub("", text)
    ops: dict[str, None] = {}
    for choice in _OPERATORS.findall(bare):
        ops.update(dict.fromkeys(part.strip() for part in choice.split("|")))
    bare = re.sub(r":\s*const\b", "", _OPERATORS.sub("(", bare))
    names: dict[str, None] = {}
    for name, call in _NAME.findall(bare):
        (ops if call else names)[name] = None
    return PatternNames(tuple(names), frozenset(_BINDING.findall(bare)), tuple(ops))


@dataclass(frozen=True, slots=True)
class Scope:
    """The names one row may use. None for `inputs` or `attrs`: nothing is known, everything is allowed."""

    owner: str
    inputs: tuple[str, ...] | None
    attrs: tuple[str, ...] | None
    tuples: frozenset[str] = frozenset()

    def names(self) -> tuple[str, ...]:
        """Everything an expression may start with."""
        fixed = ("hw", "options", "toolchain", "output", "outputs")
        return (*(self.inputs or ()), *(self.attrs or ()), *fixed)


def op_scope(op: str) -> Scope:
    """The scope of a row of `ops`."""
    info = known_ops().get(op)
    if info is None:
        return Scope(op, None, None)
    return Scope(op, info.inputs, info.attrs, info.tuples)


def pattern_scope(name: str, text: str) -> Scope:
    """The scope of a row of `patterns`: attributes are those of its ops, when all of them are known."""
    found = pattern_names(text)
    infos = [known_ops().get(op) for op in found.ops]
    attrs = None
    if all(infos):
        attrs = tuple(dict.fromkeys(a for info in infos if info for a in info.attrs))
    tuples = frozenset(re.findall(r"\(\s*\*\s*([A-Za-z_]\w*)", text))
    return Scope(f"pattern {name}", found.values, attrs, tuples)


def check_names(table: Located) -> Iterator[TableError]:
    """Every name in a valid table that does not exist, each where it stands, with the nearest right one."""
    hardware = table.child("hardware")
    hw = _Hardware(hardware)
    for key in ("hardware", "segments", "defaults"):
        part = table.child(key)
        if part is not None:
            yield from _expressions(part, Scope(key, (), ()), hw)
    for op, rows in _entries(table.child("ops")):
        if op not in known_ops() and not is_foreign(op):
            yield rows.key.error(f"there is no op {op!r}{nearest(op, known_ops())}")
            continue
        for row in rows.value if isinstance(rows.value, list) else [rows]:
            yield from _row(row, op_scope(op), hw)
    for name, row in _entries(table.child("patterns")):
        yield from _row(row, pattern_scope(name, str(row.at("match").value)), hw)
        use = row.child("use")
        if use is not None and use.value == "fused":
            yield use.mark.error("a pattern is alone or joined; fused is for the ops inside one")


def _entries(written: Located | None) -> Iterable[tuple[str, Located]]:
    if written is None or not isinstance(written.value, dict):
        return ()
    return written.value.items()


class _Hardware:
    """The figures of `hw` that a table states, by their dotted names."""

    def __init__(self, written: Located | None) -> None:
        self.written = written

    def fields(self, path: tuple[str, ...]) -> tuple[str, ...] | None:
        """The figures under `path`; None when that is no mapping."""
        here = self.written
        for step in path:
            here = here.child(step) if here is not None else None
        if here is None:
            return None if path else ()
        return tuple(here.value) if isinstance(here.value, dict) else None


def _row(row: Located, scope: Scope, hw: _Hardware) -> Iterator[TableError]:
    for kind, known in (("inputs", scope.inputs), ("attrs", scope.attrs)):
        for name, written in _entries(row.child(kind)):
            if known is not None and name not in known:
                what = kind[:-1] if kind == "inputs" else "attribute"
                listed = ", ".join(known) or "none"
                yield written.key.error(
                    f"{scope.owner} has no {what} {name!r}{nearest(name, known)} (it has: {listed})"
                )
    yield from _expressions(row, scope, hw)
    when = row.child("when")
    for each in when.value if when is not None and isinstance(when.value, list) else ():
        for text in (each.child("if"), each.at("holds")):
            if text is not None:
                yield from _names(str(text.value), text, 0, scope, hw)


def _expressions(written: Located, scope: Scope, hw: _Hardware) -> Iterator[TableError]:
    """The `=EXPRESSION` scalars anywhere under `written`."""
    if isinstance(written.value, dict):
        for each in written.value.values():
            yield from _expressions(each, scope, hw)
    elif isinstance(written.value, list):
        for each in written.value:
            yield from _expressions(each, scope, hw)
    elif isinstance(written.value, str) and written.value.startswith("="):
        yield from _names(written.value[1:], written, 1, scope, hw)


def _names(
    text: str, written: Located, offset: int, scope: Scope, hw: _Hardware
) -> Iterator[TableError]:
    expression = parse(text)
    offset += len(text) - len(text.lstrip())
    for column, message in _unknown_names(expression, scope, hw):
        mark = written.mark
        yield TableError(
            message, file=mark.file, line=mark.line, column=mark.column + offset + column
        )


def _unknown_names(
    expression: Expression, scope: Scope, hw: _Hardware
) -> Iterator[tuple[int, str]]:
    known = scope.names()
    open_scope = scope.inputs is None or scope.attrs is None
    reported = set()
    for node in ast.walk(expression.node):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if name not in FUNCTIONS:
                functions = ", ".join(FUNCTIONS)
                yield (
                    node.func.col_offset,
                    f"there is no function {name!r}{nearest(name, FUNCTIONS)} (functions: {functions})",
                )
        elif isinstance(node, ast.Name) and node.id in expression.names and not open_scope:
            if node.id not in known and node.id not in reported:
                reported.add(node.id)
                listed = ", ".join(known)
                yield (
                    node.col_offset,
                    f"{scope.owner} has no {node.id!r}{nearest(node.id, known)} (names: {listed})",
                )
        elif isinstance(node, ast.Attribute):
            message = _unknown_field(node, scope, hw)
            if message:
                yield node.value.end_col_offset or 0, message


def _unknown_field(node: ast.Attribute, scope: Scope, hw: _Hardware) -> str:
    """What is wrong with `node.attr`, as far as can be known without a model."""
    path = _dotted(node.value)
    if path and path[0] == "hw":
        figures = hw.fields(path[1:])
        if figures is not None and node.attr not in figures:
            where = ".".join(path)
            known = ", ".join(figures) or "none"
            return (
                f"{where} has no {node.attr!r}{nearest(node.attr, figures)}; "
                f"give it a default under 'hardware' (it has: {known})"
            )
        return ""
    if path and path[0] not in scope.tuples and len(path) == 1 and _is_tensor(path[0], scope):
        return _no_field("a tensor", node.attr, TENSOR_FIELDS)
    if path and path[-1] == "quant" and len(path) == 2:
        return _no_field("quant", node.attr, QUANT_FIELDS)
    return ""


def _is_tensor(name: str, scope: Scope) -> bool:
    return name == "output" or name in (scope.inputs or ())


def _no_field(owner: str, field: str, known: Iterable[str]) -> str:
    fields = tuple(known)
    if field in fields:
        return ""
    return f"{owner} has no {field!r}{nearest(field, fields)} (it has: {', '.join(fields)})"


def _dotted(node: ast.expr) -> tuple[str, ...]:
    """`("hw", "memory")` of `hw.memory`; empty for anything that is not names and dots."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        start = _dotted(node.value)
        return (*start, node.attr) if start else ()
    return ()
