"""Write a pattern as text: what `--explain` shows, and what `text.parse` reads back as the same pattern."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from byoc.partition.patterns.ast import (
    Alternatives,
    Item,
    Number,
    Op,
    Pattern,
    Tuple,
    Where,
    Wildcard,
)
from byoc.partition.patterns.walk import children, is_optional, names, nodes


def to_text(*outputs: Pattern) -> str:
    """Write a pattern in the text form.

    Shared nodes without a name get one (`v1`). What the text form cannot say, the demands of a `Where`, stands in
    comments below.
    """
    return _Printer(outputs).text()


class _Printer:
    """Writes one pattern: `lines` name the named and the shared values, in the order of evaluation."""

    def __init__(self, outputs: tuple[Pattern, ...]) -> None:
        self.outputs = outputs
        self.order = nodes(outputs)
        self.taken = set(names(*outputs))
        self.names: dict[Pattern, str] = {}
        self.uses = self._uses()

    def _uses(self) -> Counter[Pattern]:
        """How often the text writes each pattern; an op with a line of its own cannot be written `op?`."""
        lined: set[Pattern] = set()
        while True:
            uses = Counter(self.outputs)
            for pattern in self.order:
                uses.update(_written(pattern, lined))
            shared = {pattern for pattern, count in uses.items() if count > 1}
            if shared <= lined:
                return uses
            lined |= shared

    def text(self) -> str:
        """The whole text."""
        lines, notes = [], []
        for pattern in self.order:
            if isinstance(pattern, Where):
                self._name(pattern.pattern, demanded=True)
        for pattern in self.order:
            name = self._name(pattern)
            if isinstance(pattern, Where):
                notes.append(
                    f"# {self._operand(pattern)}: {pattern.words or 'held to a predicate'}"
                )
            elif name and not _is_leaf(pattern):
                lines.append(f"{name} = {self._value(pattern)}")
        lines.append(", ".join(self._use(output) for output in self.outputs))
        return "\n".join(lines + notes)

    def _name(self, pattern: Pattern, demanded: bool = False) -> str:
        """The name that the pattern is written with, "" when it is written where it is used."""
        if pattern in self.names:
            return self.names[pattern]
        if isinstance(pattern, Number | Where):
            return ""
        name = pattern.name
        if not name and (self.uses[pattern] > 1 or demanded):
            count = 1
            while (name := f"v{count}") in self.taken:
                count += 1
            self.taken.add(name)
        if name:
            self.names[pattern] = name
        return name

    def _use(self, pattern: Pattern) -> str:
        """The pattern where it is used: by its name when a line of its own defines it."""
        if isinstance(pattern, Where):
            return self._use(pattern.pattern)
        if isinstance(pattern, Wildcard):
            return (self._name(pattern) or "_") + (":const" if pattern.constant else "")
        if isinstance(pattern, Tuple) and pattern.fields is None:
            return f"(*{self._name(pattern) or '_'})"
        return self._name(pattern) or self._value(pattern)

    def _operand(self, pattern: Pattern) -> str:
        """As `_use`, in parentheses where `|` would bind wrongly."""
        text = self._use(pattern)
        while isinstance(pattern, Where):
            pattern = pattern.pattern
        bare = isinstance(pattern, Alternatives) and not self._name(pattern)
        return f"({text})" if bare and self._outer(pattern) is None else text

    def _outer(self, pattern: Pattern) -> Op | None:
        """The op that `pattern` is written with as `op?(...)`, if it is."""
        if not is_optional(pattern):
            return None
        outer = children(pattern)[0]
        return outer if isinstance(outer, Op) and not self._name(outer) else None

    def _value(self, pattern: Pattern) -> str:
        if isinstance(pattern, Number):
            return _number(pattern.value)
        if isinstance(pattern, Op):
            return self._call(pattern)
        if isinstance(pattern, Tuple):
            fields = [self._use(each) for each in pattern.fields or ()]
            return f"({fields[0]},)" if len(fields) == 1 else f"({', '.join(fields)})"
        if isinstance(pattern, Item):
            return (
                f"{self._operand(pattern.tuple)}[{'*' if pattern.index is None else pattern.index}]"
            )
        assert isinstance(pattern, Alternatives)
        outer = self._outer(pattern)
        if outer is not None:
            return self._call(outer, "?")
        return " | ".join(self._operand(each) for each in pattern.options)

    def _call(self, op: Op, mark: str = "") -> str:
        callee = op.ops[0] if len(op.ops) == 1 else f"({'|'.join(op.ops)})"
        args = [self._use(each) for each in op.args or ()]
        if op.rest or op.args is None:
            args.append("...")
        attrs = ", ".join(f"{key}={_literal(value)}" for key, value in op.attrs.items())
        return f"{callee}{mark}({', '.join(args)})" + (f"{{{attrs}}}" if attrs else "")


def _written(pattern: Pattern, lined: Collection[Pattern]) -> tuple[Pattern, ...]:
    """The children that the text of `pattern` writes out: `op?(x)` writes `x` once, though two options have it.

    `lined` are patterns with a line of their own.
    """
    if is_optional(pattern):
        outer = children(pattern)[0]
        if isinstance(outer, Op) and not outer.name and outer not in lined:
            return (outer,)
    return children(pattern)


def _is_leaf(pattern: Pattern) -> bool:
    return isinstance(pattern, Wildcard) or (isinstance(pattern, Tuple) and pattern.fields is None)


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _literal(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(_literal(each) for each in value)}]"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value}'" if '"' in value else f'"{value}"'
    return repr(value)
