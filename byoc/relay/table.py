"""Table: a Relay pattern table becomes byoc's rows; checks are asked with a Relay-shaped view of the match."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Final

from byoc.errors import PatternError
from byoc.partition.patterns import api
from byoc.partition.patterns.ast import Pattern, Row, Where
from byoc.relay.convert import Converter
from byoc.relay.dataflow_pattern import DFPattern, is_op
from byoc.relay.expr import Call
from byoc.relay.integers import is_real
from byoc.relay.register import get_pattern_table, registered_ops, registered_tables
from byoc.relay.spelling import forms
from byoc.support.refusal import Refusal

if TYPE_CHECKING:
    from byoc.region import Region

_MARK: Final = "relay:"
"""What the annotation of an anchor starts with: `relay:PLACE:NAME`, `relay:PLACE:NAME:sum`."""


def rows(compiler: str, vendor: str = "") -> list[Row]:
    """The rows of what is registered for `compiler`, for byoc_pattern_table of `vendor` (the same name when empty).

    First the pattern table in its own order, as MergeComposite takes it, then the single ops of
    `register_op_attr(op, "target.COMPILER")`, each a composite `COMPILER.OP`. Raises PatternError when nothing is
    registered, and for a malformed row.
    """
    ops = registered_ops(compiler)
    listed = compiler in registered_tables() or not ops
    given = list(get_pattern_table(compiler)) if listed else []
    name = vendor or compiler
    made = rows_from_relay(name, given)
    single = [_single(name, op, ask) for op, ask in ops.items() if op in forms()]
    return [*made, *single]


def rows_from_relay(vendor: str, given: Iterable[Any]) -> list[Row]:
    """Rows (name, pattern[, check]) of a Relay table as byoc's, in Relay's order: the first is tried first.

    Names that do not start with the vendor's get it as a prefix. Raises PatternError, naming the row.
    """
    found = list(given)
    return [_row(vendor, each, len(found) - place) for place, each in enumerate(found)]


@dataclass(frozen=True)
class RelayCheck:
    """A check written for Relay: takes the match's last expression. An op's may take attributes and operands."""

    function: Callable[..., Any]
    op: bool = False

    def __call__(self, region: Region) -> bool | Refusal:
        """Ask about a match; Relay counts everything but true as a refusal."""
        extract = extracted(region)
        if self.op and self._apart:
            assert isinstance(extract, Call)
            said = self.function(extract.attrs, extract.args)
        else:
            said = self.function(extract)
        return said if isinstance(said, Refusal) else bool(said)

    @cached_property
    def _apart(self) -> bool:
        """Whether an op's check takes (attrs, args), as Relay had it at first, and not the call."""
        kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
        given = signature(self.function).parameters.values()
        needed = [each for each in given if each.kind in kinds and each.default is Parameter.empty]
        return len(needed) > 1


def extracted(region: Region) -> Any:
    """The match as Relay's expression: its last operator, from which `args` lead to the others."""
    from byoc.relay.view import View

    graph, candidate = region.graph, region.candidate
    spelled: dict[int, str] = {}
    sums: set[int] = set()
    for name, node in candidate.named:
        if name.startswith(_MARK):
            _, _, relay, *kind = name.split(":")
            spelled[node] = relay
            if kind:
                sums.add(node)
    return View(graph, spelled, frozenset(sums)).expr(candidate.outputs[-1])


def _row(vendor: str, row: Any, priority: int) -> Row:
    if not isinstance(row, tuple) or not 2 <= len(row) <= 3 or not isinstance(row[0], str):
        raise PatternError(
            f"a row of a Relay table is {reprlib.repr(row)}; expected (name, pattern[, check])"
        )
    name, pattern, check = (*row, None)[:3]
    if check is not None and not callable(check):
        raise PatternError(f"the check is {check!r}; expected a function or None", where=name)
    return _made(vendor, name, pattern, priority, None if check is None else RelayCheck(check))


def _single(vendor: str, op: str, ask: Any) -> Row:
    """A single op, after all rows of the table."""
    check = RelayCheck(ask if callable(ask) else lambda _: bool(ask), op=True)
    return _made(vendor, op, is_op(op)(None), -1, check)


def _made(
    vendor: str, name: str, pattern: DFPattern, priority: int, check: RelayCheck | None
) -> Row:
    full = name if name.startswith(f"{vendor}.") else f"{vendor}.{name}"
    converter = Converter()
    try:
        output = _ends_real(converter, pattern, converter.convert(pattern).pattern)
        api.validate((output,), full)
    except PatternError as error:
        raise PatternError(error.what, where=full) from None
    return Row(
        vendor,
        full,
        (output,),
        priority,
        check=check,
        annotations=_marks(converter) if check else {},
        once=True,
    )


def _ends_real(converter: Converter, pattern: DFPattern, made: Pattern) -> Pattern:
    """A row that ends with `qnn.dequantize`: Relay has none where an integer operator reads the stored values."""
    if converter.names.get(pattern) != ("qnn.dequantize",):
        return made
    return Where(made, is_real, "read as real numbers")


def _marks(converter: Converter) -> dict[str, Pattern]:
    return {
        f"{_MARK}{place}:{name}{':sum' if anchor in converter.sums else ''}": anchor
        for place, (anchor, name) in enumerate(converter.anchors.items())
    }
