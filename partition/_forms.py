"""Forms: a vendor's pattern rows as the matcher tries them, indexed by root op.

A row has one form, or two with `qdq`: the quantised form (`dequantize` before every tensor input, `quantize`
after every output) is tried just before the plain one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from byoc.errors import PatternError
from byoc.partition.graph import Graph, Group
from byoc.partition.patterns.ast import (
    COMMUTATIVE,
    Alternatives,
    Item,
    Number,
    Op,
    Pattern,
    Row,
    Tuple,
    Where,
    Wildcard,
)
from byoc.partition.patterns.rows import names, ordered
from byoc.partition.patterns.walk import children, nodes, roots

ARITHMETIC: Final = frozenset({"add", "subtract", "multiply", "divide"})
"""Ops that in a quantised form take constants of floats as they are."""

ANY: Final = "*"
"""In a signature: an operand that may match under more than one name (an output of an ONNX group)."""

Signature = tuple[str, tuple[str, ...]]
"""A node's op and its operands' ops: what the shallow test of `Form.plausible` looks at."""


@dataclass(frozen=True)
class Form:
    """One form of a row. `first` is the place of the output where the search starts."""

    row: Row
    quantised: bool
    first: int

    @cached_property
    def name(self) -> str:
        """The composite's name."""
        return f"{self.row.name}.qdq" if self.quantised else self.row.name

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names that rules may use, in the order of evaluation."""
        return names(*self.row.outputs)

    @cached_property
    def named_parts(self) -> Mapping[Pattern, str]:
        """The parts of the pattern that have a name."""
        parts = [(part, getattr(part, "name", "")) for part in nodes(self.row.outputs)]
        return {part: name for part, name in parts if name}

    @cached_property
    def start(self) -> Pattern:
        """The output where the search starts."""
        return self.row.outputs[self.first]

    @cached_property
    def further(self) -> tuple[Pattern, ...]:
        """The other outputs, in the row's order."""
        return tuple([each for each in self.row.outputs if each is not self.start])

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The ops of the node where the search starts, in order of name."""
        if self.quantised:
            return ("quantize",)
        return tuple(sorted(root_ops(self.row)[self.first]))

    def plausible(self, signature: Signature) -> bool:
        """Whether the start and its operands could match by their ops alone."""
        op, operands = signature
        if not self.quantised:
            return _fits(self.start, op, operands, self.quantised)
        return bool(operands) and _may_be(self.start, operands[0], quantised=True)


def forms(rows: Iterable[Row]) -> tuple[Form, ...]:
    """Every form of `rows` in the order of trying.

    Raises PatternError for a row that no op is the root of, or whose outputs have nothing in common.
    """
    found: list[Form] = []
    for row in ordered(rows):
        root_ops(row)
        first = _first(row)
        if row.qdq:
            found.append(Form(row, True, first))
        found.append(Form(row, False, first))
    return tuple(found)


def by_root(table: Sequence[Form]) -> Mapping[str, tuple[int, ...]]:
    """The places in `table` of the forms that can start at an op."""
    found: dict[str, list[int]] = {}
    for place, form in enumerate(table):
        for op in form.roots:
            found.setdefault(op, []).append(place)
    return {op: tuple(places) for op, places in found.items()}


def root_ops(row: Row) -> tuple[frozenset[str], ...]:
    """The ops at the root of each output. Raises PatternError when an output can be any value."""
    found = []
    for output in row.outputs:
        ops = roots(output)
        if ops is None:
            raise PatternError(
                f"pattern {row.name!r} of vendor {row.vendor!r} can match a value that no op computes; "
                f"expected an op at the root of every output"
            )
        found.append(ops)
    return tuple(found)


def reach(output: Pattern, env: Mapping[Pattern, object], graph: Graph) -> Iterator[int]:
    """Nodes at which an output not yet matched could stand: what its matched parts lead to, last first."""
    level: set[int] = set()
    for part in nodes((output,)):
        held = env.get(part)
        level.update(
            held.outputs if isinstance(held, Group) else [held] if isinstance(held, int) else []
        )
    level.discard(-1)
    seen = set(level)
    for _ in range(_depth(output)):
        level = {user for node in level for user in graph.users[node]} - seen
        seen |= level
    yield from sorted(seen, reverse=True)


def _first(row: Row) -> int:
    """The place of the first output that no other contains; the others must share a part with what it matched."""
    inside = {part for each in row.outputs for part in nodes((each,)) if part is not each}
    first = next(place for place, each in enumerate(row.outputs) if each not in inside)
    known = set(nodes((row.outputs[first],)))
    for output in row.outputs:
        parts = set(nodes((output,)))
        if known.isdisjoint(parts):
            raise PatternError(
                f"pattern {row.name!r} of vendor {row.vendor!r}: its outputs have nothing in common; "
                f"expected every output to share a value with the ones before it, or a row of its own"
            )
        known |= parts
    return first


def _depth(pattern: Pattern) -> int:
    """The most steps from a value inside `pattern` to its output."""
    own = 0 if isinstance(pattern, Alternatives | Where) else 1
    return own + max(map(_depth, children(pattern)), default=0)


def _fits(pattern: Pattern, op: str, operands: tuple[str, ...], quantised: bool) -> bool:
    match pattern:
        case Alternatives():
            return any(_fits(option, op, operands, quantised) for option in pattern.options)
        case Where():
            return _fits(pattern.pattern, op, operands, quantised)
        case Op():
            return _call_fits(pattern, op, operands, quantised)
    return True


def _call_fits(pattern: Op, op: str, operands: tuple[str, ...], quantised: bool) -> bool:
    if op not in pattern.ops:
        return op == ANY
    args = pattern.args
    if args is None:
        return True
    if len(args) > len(operands):
        return False
    orders = [args]
    if op in COMMUTATIVE and len(args) == 2:
        orders.append((args[1], args[0]))
    return any(
        all(
            _may_be(arg, operand, quantised=quantised, bare=op in ARITHMETIC)
            for arg, operand in zip(order, operands, strict=False)
        )
        for order in orders
    )


def _may_be(pattern: Pattern, op: str, *, quantised: bool, bare: bool = False) -> bool:
    """Whether `pattern` could match a node of this op; `bare`: it may be a constant that nobody quantised."""
    match pattern:
        case _ if op == ANY:
            return True
        case Number():
            return op in ("constant", "literal")
        case Op():
            return op in pattern.ops
        case Alternatives():
            return any(
                _may_be(option, op, quantised=quantised, bare=bare) for option in pattern.options
            )
        case Where():
            return _may_be(pattern.pattern, op, quantised=quantised, bare=bare)
        case Tuple(fields=fields):
            return fields is None or op == "tuple"
        case Item():
            return op == "item"
        case Wildcard(constant=True):
            if op == "constant":
                return bare or not quantised
            return quantised and op == "dequantize"
    return True
