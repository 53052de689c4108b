"""Binding: a support table's expressions with the figures of one chip, its rows as constraints.

An expression that reads only `hw`, `options` and `toolchain` is evaluated here. One that reads tensors or
attributes is evaluated for each op, and the constraint it belongs to is built from the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from byoc.support.conditions import ENVIRONMENT, AbsentError, WhenTest, values
from byoc.support.constraints import (
    ORDER,
    Author,
    Constraint,
    DtypeTest,
    RankTest,
    attribute_constraint,
    input_constraints,
    read_range,
)
from byoc.support.expressions import parse, where
from byoc.support.facts import Facts
from byoc.support.leaves import parse_signature, parse_size, plain_sizes
from byoc.support.located import Located
from byoc.support.mistakes import mistake
from byoc.support.names import pattern_names
from byoc.support.operations import EvaluationError, NotConstantError, UnknownDim, UnknownError
from byoc.support.refusal import Refusal
from byoc.support.rules import (
    BoundPattern,
    BoundRow,
    BoundTable,
    SegmentLimits,
    SupportTable,
)
from byoc.support.schema import (
    AttributeValue,
    InputRule,
    Rank,
    Segments,
    SignatureText,
    is_expression,
)

_ADAPTERS: Mapping[str, TypeAdapter[Any]] = {
    "dtypes": TypeAdapter(list[SignatureText]),
    "rank": TypeAdapter(Rank),
    "inputs": TypeAdapter(InputRule),
    "attrs": TypeAdapter(AttributeValue),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a row that makes constraints: its kind (a key of `_ADAPTERS`), its own name, what is written."""

    kind: str
    name: str
    author: Author
    own: frozenset[str] = frozenset()
    interior: frozenset[str] = frozenset()

    def constraints(self, written: Any) -> list[Constraint]:
        """The constraints of `written`, in which no expression is left. Raises ValidationError."""
        value = _ADAPTERS[self.kind].validate_python(written)
        because = "" if self.kind in ("dtypes", "rank") else getattr(value, "because", "")
        author = Author(self.author.vendor, self.author.rule, because)
        if self.kind == "inputs":
            return list(input_constraints(self.name, value, author))
        if self.kind == "attrs":
            return [attribute_constraint(self.name, value, author)]
        if self.kind == "rank":
            ranks = RankTest(author, read_range(value), self.own)
            return [Constraint("rank", f"rank {ranks.range.words}", author.rule, ranks)]
        signatures = tuple(parse_signature(each) for each in value)
        dtypes = DtypeTest(author, signatures, self.own, self.interior)
        return [Constraint("dtype", f"dtypes {dtypes.words}", author.rule, dtypes)]


@dataclass(frozen=True, slots=True)
class DeferredTest:
    """A part of a row whose expressions read the op: they are evaluated first, then its constraints are held."""

    part: Part
    written: Any
    environment: Mapping[str, Any]
    kind: str

    def __call__(self, facts: Facts) -> Refusal | None:
        """Evaluate, build, hold: the first refusal, or None."""
        author = self.part.author
        try:
            written = _evaluated(self.written, facts, self.environment)
            constraints = self.part.constraints(written)
        except AbsentError:
            return None
        except UnknownError as e:
            return author.refuse("dynamic", f"{e} is not known, and {self.part.name} depends on it")
        except NotConstantError:
            return author.refuse(
                "constant", f"{self.part.name} depends on data that is no constant"
            )
        except (EvaluationError, ValidationError, ValueError) as e:
            words = str(e).splitlines()[0]
            return author.refuse(self.kind, f"the rule of {self.part.name} has no value: {words}")
        return next(filter(None, (each.holds(facts) for each in constraints)), None)


class Binder:
    """Binds one table to one chip."""

    def __init__(
        self,
        table: SupportTable,
        hardware: Mapping[str, Any],
        options: Mapping[str, Any],
        toolchain: str,
    ) -> None:
        self.source = table.source
        self.written = table
        self.environment: dict[str, Any] = {
            "options": dict(options),
            "toolchain": toolchain,
            "hw": {},
        }
        self._bind_hardware(hardware)

    def table(self) -> BoundTable:
        """The bound table."""
        ops = self.source.child("ops")
        patterns = self.source.child("patterns")
        return BoundTable(
            vendor=self.written.vendor,
            description=self.written.description,
            ops={name: tuple(self._rows(name, rows)) for name, rows in _items(ops)},
            patterns=tuple(self._pattern(name, row) for name, row in _items(patterns)),
            limits=self._limits(),
            hardware=self.environment["hw"],
            digest=self.written.digest,
        )

    def _bind_hardware(self, chosen: Mapping[str, Any]) -> None:
        """The chip's figures over the table's; an expression may use those above it."""
        figures = self.environment["hw"]
        for name, default in _items(self.source.child("hardware")):
            if name not in chosen:
                figures[name] = plain_sizes(self._fixed(default))
            elif isinstance(default.value, dict) and isinstance(chosen[name], Mapping):
                figures[name] = plain_sizes({**self._fixed(default), **chosen[name]})
            else:
                figures[name] = plain_sizes(chosen[name])
        for name in chosen:
            figures.setdefault(name, plain_sizes(chosen[name]))

    def _limits(self) -> SegmentLimits:
        segments = self.source.child("segments")
        if segments is None:
            return SegmentLimits()
        try:
            given = Segments.model_validate(self._fixed(segments))
        except ValidationError as e:
            raise mistake(segments, e.errors()[0]) from e
        size = given.max_constant_bytes
        return SegmentLimits(
            given.max,
            given.max_ops,
            parse_size(size) if isinstance(size, str) else size,
            given.alignment,
        )

    def _rows(self, op: str, written: Located) -> Iterator[BoundRow]:
        rows = written.value if isinstance(written.value, list) else [written]
        for row in rows:
            yield BoundRow(op=op, **self._row(row, frozenset()))

    def _pattern(self, name: str, row: Located) -> BoundPattern:
        match = row.at("match")
        text = str(match.value)
        priority = row.child("priority")
        fields = self._row(row, pattern_names(text).interior)
        if fields["use"] == "fused":  # a default that only means ops
            fields["use"] = "alone"
        return BoundPattern(
            op=name,
            **fields,
            name=name,
            text=text,
            file=match.mark.file,
            line=match.mark.line,
            column=match.mark.column,
            priority=priority.value if priority is not None else 0,  # type: ignore[arg-type]
        )

    def _row(self, row: Located, interior: frozenset[str]) -> dict[str, Any]:
        use, qdq, description = (self._setting(row, key) for key in ("use", "qdq", "description"))
        constraints = [
            c for part, written in self._parts(row, interior) for c in self._bind(part, written)
        ]
        constraints += [self._when(each) for each in _list(row.child("when"))]
        constraints.sort(key=lambda each: ORDER.index(each.kind))
        return {
            "rule": row.key.rule,
            "use": self._fixed(use) if use else "alone",
            "qdq": bool(self._fixed(qdq)) if qdq else False,
            "constraints": tuple(constraints),
            "description": description.value if description else "",
        }

    def _setting(self, row: Located, key: str) -> Located | None:
        """What the row says of `key`, or else the defaults. A pattern is never `fused`."""
        own = row.child(key)
        return own if own is not None else self.source.at("defaults").child(key)

    def _parts(self, row: Located, interior: frozenset[str]) -> Iterator[tuple[Part, Located]]:
        inputs = list(_items(row.child("inputs")))
        for kind in ("dtypes", "rank"):
            written = self._setting(row, kind)
            if written is not None:
                own = frozenset(name for name, each in inputs if each.child(kind) is not None)
                yield (
                    Part(
                        kind,
                        kind,
                        self._author(written),
                        own | (interior if kind == "dtypes" else frozenset()),
                        interior,
                    ),
                    written,
                )
        for name, each in inputs:
            yield Part("inputs", name, self._author(each)), each
        for name, each in _items(row.child("attrs")):
            yield Part("attrs", name, self._author(each)), each

    def _author(self, written: Located) -> Author:
        return Author(self.written.vendor, written.key.rule)

    def _bind(self, part: Part, written: Located) -> list[Constraint]:
        plain = self._substituted(written)
        if not _depends(plain):
            try:
                return part.constraints(plain)
            except ValidationError as e:
                raise mistake(written, e.errors()[0]) from e
        kind = {"dtypes": "dtype", "attrs": "attribute", "inputs": "shape"}.get(
            part.kind, part.kind
        )
        words = f"{part.name}: {_words(written.plain())}"
        return [
            Constraint(
                kind, words, part.author.rule, DeferredTest(part, plain, self.environment, kind)
            )
        ]

    def _when(self, written: Located) -> Constraint:
        condition, because = written.child("if"), written.child("because")
        holds = parse(str(written.at("holds").value))
        rule = holds if condition is None else where(parse(str(condition.value)), holds)
        author = Author(
            self.written.vendor,
            written.mark.rule,
            str(because.value) if because is not None else "",
        )
        test = WhenTest(author, holds, rule, self.environment)
        return Constraint("when", test.words, author.rule, test, author.because)

    def _fixed(self, written: Located) -> Any:
        """A value whose expressions may not read an op."""
        plain = self._substituted(written)
        if _depends(plain):
            raise written.mark.error(
                "this value is fixed for a chip: its expression may read hw, options and toolchain alone"
            )
        return plain

    def _substituted(self, written: Located) -> Any:
        """The plain value, with the expressions that are fixed for a chip evaluated."""
        if isinstance(written.value, dict):
            return {key: self._substituted(each) for key, each in written.value.items()}
        if isinstance(written.value, list):
            return [self._substituted(each) for each in written.value]
        if not is_expression(written.value):
            return written.value
        expression = parse(str(written.value)[1:])
        if not set(expression.names) <= set(ENVIRONMENT):
            return written.value
        try:
            return _plain(expression.evaluate(self.environment))
        except EvaluationError as e:
            raise written.mark.error(f"{expression.text!r} has no value for this chip: {e}") from e


def _items(written: Located | None) -> Iterator[tuple[str, Located]]:
    if written is not None and isinstance(written.value, dict):
        yield from written.value.items()


def _list(written: Located | None) -> list[Located]:
    return written.value if written is not None and isinstance(written.value, list) else []


def _depends(plain: Any) -> bool:
    if isinstance(plain, dict):
        return any(_depends(each) for each in plain.values())
    if isinstance(plain, list):
        return any(_depends(each) for each in plain)
    return is_expression(plain)


def _evaluated(written: Any, facts: Facts, environment: Mapping[str, Any]) -> Any:
    if isinstance(written, dict):
        return {key: _evaluated(each, facts, environment) for key, each in written.items()}
    if isinstance(written, list):
        return [_evaluated(each, facts, environment) for each in written]
    if not is_expression(written):
        return written
    expression = parse(written[1:])
    return _plain(expression.apply(values(expression.names, facts, environment)))


def _plain(value: Any) -> Any:
    """A result as the schema takes it: tuples are lists there, and every dimension has an extent."""
    if isinstance(value, UnknownDim):
        raise UnknownError(value.words)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _words(written: Any) -> str:
    """What is written, on one line, for a constraint that depends on the op."""
    if isinstance(written, dict):
        return ", ".join(f"{key} {_words(each)}" for key, each in written.items())
    if isinstance(written, list):
        return "[" + ", ".join(_words(each) for each in written) + "]"
    return str(written).removeprefix("=")
