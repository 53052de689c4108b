"""TVM's own patterns: `tvm.relax.dpl` objects, and rows as TVM's `register_patterns` takes them.

Objects that a TVM pattern shares stay shared. What `dpl` demands beyond structure (dtypes, shapes, a variable, a
rejected pattern) becomes the predicate of a `Where`.
"""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import permutations
from types import NoneType
from typing import Any, Final

from tvm import ir
from tvm.relax import dpl
from tvm.relax.dpl import pattern as tvm_pattern
from tvm.relax.transform import FusionPattern

from byoc.errors import PatternError
from byoc.partition.patterns import api
from byoc.partition.patterns._tvm_demands import (
    CallsExtern,
    Fits,
    HasAttrs,
    HasType,
    IsExpr,
    IsShape,
    IsVariable,
    NamesFunction,
    dims,
)
from byoc.partition.patterns.ast import (
    Alternatives,
    Item,
    Op,
    Pattern,
    Row,
    Tuple,
    TvmCheck,
    Where,
    Wildcard,
)
from byoc.partition.patterns.demands import HasDtype, HasShape, words
from byoc.partition.patterns.fluent import plain

_MOST_UNORDERED: Final = 5
"""Fields of an unordered tuple; each order is an alternative, so 5 make 120."""


def from_dpl(pattern: Any) -> Pattern:
    """Turn a `tvm.relax.dpl` pattern into byoc's.

    Raises PatternError for a pattern that byoc does not take, naming its class: constraints of a `PatternContext`
    (`PatternSeq`, `SameShapeConstraint`), functions, and calls of anything but ops and external functions.
    """
    return _Converter([pattern]).convert(pattern)


def rows_from_tvm(vendor: str, rows: Iterable[Any], *, later_first: bool = True) -> list[Row]:
    """Turn rows of TVM's `register_patterns` into rows for `vendor`.

    A row is `(name, pattern)`, `(name, pattern, annotations)`, `(name, pattern, annotations, check)` or a
    `FusionPattern`. As `register_patterns` has it, rows that come later are tried first; with `later_first` False
    rows that come first are, as in the lists of `get_patterns_with_prefix` and `FuseOpsByPattern`. Names that do
    not start with the vendor's get it as a prefix. Raises PatternError for a malformed row, naming it.
    """
    found = list(rows)
    priorities = range(len(found)) if later_first else range(len(found) - 1, -1, -1)
    return [_row(vendor, row, priority) for row, priority in zip(found, priorities, strict=True)]


def _row(vendor: str, row: Any, priority: int) -> Row:
    name, pattern, annotations, check = _parts(row)
    full = name if name.startswith(f"{vendor}.") else f"{vendor}.{name}"
    try:
        converter = _Converter([pattern])
        output = converter.convert(pattern)
        api.validate((output,), full)
    except PatternError as error:
        raise PatternError(error.what, where=full) from None
    parts = {str(key): converter.known(annotations[key]) for key in annotations}
    return Row(
        vendor,
        full,
        (output,),
        priority,
        check=None if check is None else TvmCheck(check),
        annotations={key: part for key, part in parts.items() if part is not None},
    )


def _parts(row: Any) -> tuple[str, Any, Mapping[str, Any], Callable[[Any], Any] | None]:
    """Return name, pattern, annotations and check of a row in any of its forms."""
    if isinstance(row, FusionPattern):
        if row.attrs_getter is not None:
            what = (
                "byoc puts no attributes of a FusionPattern's attrs_getter on composites; drop it"
            )
            raise PatternError(what, where=str(row.name))
        return str(row.name), row.pattern, dict(row.annotation_patterns.items()), row.check
    if not isinstance(row, tuple) or not 2 <= len(row) <= 4:
        raise PatternError(
            f"a row is {reprlib.repr(row)} of type {type(row).__name__}; expected p.row(vendor, name, pattern) "
            "of byoc.patterns (p.parse(text) for a text), a tuple (name, pattern[, annotations[, check]]), or "
            "a FusionPattern"
        )
    name, pattern, annotations, check = (*row, None, None)[:4]
    if not isinstance(name, str):
        given = f"{reprlib.repr(name)} of type {type(name).__name__}"
        raise PatternError(
            f"a row's name is {given}; expected (name, pattern[, annotations[, check]])"
        )
    if check is not None and not callable(check):
        raise PatternError(f"the check is {check!r}; expected a function or None", where=name)
    if not isinstance(annotations, Mapping | NoneType):
        what = f"the annotations are {annotations!r}; expected a dict of names and parts of the pattern"
        raise PatternError(what, where=name)
    return name, pattern, annotations or {}, check


class _Converter:
    """Converts one pattern. TVM gives a new Python object at each access: equality is by address, as hashing."""

    def __init__(self, outputs: Sequence[Any]) -> None:
        for each in outputs:
            if not isinstance(each, dpl.DFPattern):
                raise _unsupported(each)
        self.done: dict[Any, Pattern] = {}
        self.uses: Counter[Any] = Counter(outputs)
        seen: set[Any] = set()
        stack = list(outputs)
        while stack:
            pattern = stack.pop()
            if pattern not in seen:
                seen.add(pattern)
                inside = _inside(pattern)
                self.uses.update(inside)
                stack += inside

    def known(self, pattern: Any) -> Pattern | None:
        """What `pattern` became, without demands; None when it was no part of what was converted."""
        found = self.done.get(pattern)
        while isinstance(found, Where):
            found = found.pattern
        return found

    def convert(self, pattern: Any) -> Pattern:
        """Convert a pattern; the same object gives the same node."""
        if pattern not in self.done:
            convert = _CONVERT.get(type(pattern))
            if convert is None:
                raise _unsupported(pattern)
            self.done[pattern] = convert(self, pattern)
        return self.done[pattern]

    def call(self, pattern: Any) -> Pattern:
        """A call of an op, of one of several, or of an external function."""
        args = tuple([self.convert(each) for each in pattern.args])
        # TVM does not reflect varg_default_wildcard; its text form ends in "..." when it is set.
        rest = str(pattern).endswith("...)")
        callee = pattern.op
        if isinstance(callee, dpl.ExternFuncPattern):
            symbol = str(callee.global_symbol)
            called = Op(("call_packed",), args, rest)
            return Where(called, CallsExtern(symbol), f"calls {symbol or 'an external function'}")
        return Op(_callee(callee), args, rest)

    def either(self, pattern: Any) -> Pattern:
        """Alternatives, in TVM's order: left first."""
        return Alternatives((self.convert(pattern.left), self.convert(pattern.right)))

    def both(self, pattern: Any) -> Pattern:
        """Two patterns of one value: the larger is matched, the other is then asked whether it fits."""
        sides = sorted((pattern.left, pattern.right), key=lambda side: len(_calls(side)))
        if any(self.uses[call] > 1 for call in _calls(sides[0])):
            raise PatternError(
                "AndPattern: its smaller side shares a call with the rest of the pattern, which is matched "
                "apart from it; state it in the row's check"
            )
        other, main = self.convert(sides[0]), self.convert(sides[1])
        return Where(main, Fits(other, True), "a second pattern fits")

    def no(self, pattern: Any) -> Pattern:
        """Anything but what the rejected pattern matches."""
        rejected = self.convert(pattern.reject)
        return Where(Wildcard(), Fits(rejected, False), "the rejected pattern does not fit")

    def attributes(self, pattern: Any) -> Pattern:
        """A call's attributes: the op's own, unless other parts use the call without them."""
        attrs = {str(key): plain(value) for key, value in pattern.attrs.items()}
        inner = self.convert(pattern.pattern)
        if self.uses[pattern.pattern] > 1 or not isinstance(inner, Op):
            said = ", ".join(f"{key}={value}" for key, value in attrs.items())
            return Where(inner, HasAttrs(attrs), f"attributes {said}")
        self.done[pattern.pattern] = result = inner.has_attr(attrs)
        return result

    def unordered(self, pattern: Any) -> Pattern:
        """A tuple in any order of its fields."""
        fields = [self.convert(each) for each in pattern.fields]
        if len(fields) > _MOST_UNORDERED:
            raise PatternError(
                f"UnorderedTuplePattern of {len(fields)} fields; byoc takes {_MOST_UNORDERED} at most"
            )
        return Alternatives(tuple([Tuple(each) for each in permutations(fields)]))

    def item(self, pattern: Any) -> Pattern:
        """An item of a tuple; TVM writes -1 for any."""
        index = int(pattern.index)
        return Item(self.convert(pattern.tuple), None if index < 0 else index)

    def dtype(self, pattern: Any) -> Pattern:
        """A value of one dtype."""
        dtype = str(pattern.dtype)
        return Where(self.convert(pattern.pattern), HasDtype(dtype), f"dtype {dtype}")

    def shape(self, pattern: Any) -> Pattern:
        """A tensor of one shape."""
        shape = dims(pattern.shape)
        return Where(self.convert(pattern.pattern), HasShape(shape), f"shape {words(shape)}")

    def type(self, pattern: Any) -> Pattern:
        """A value of one type."""
        return Where(self.convert(pattern.pattern), HasType(pattern.ty), f"type {pattern.ty}")

    def expr(self, pattern: Any) -> Pattern:
        """One given expression; a bare op is none."""
        if isinstance(pattern.expr, ir.Op):
            raise PatternError(f"ExprPattern: {pattern.expr.name} is not called; give it operands")
        return Where(Wildcard(), IsExpr(pattern.expr), "is the very expression of the pattern")


def _variable(_: _Converter, pattern: Any) -> Pattern:
    dataflow = isinstance(pattern, dpl.DataflowVarPattern)
    name = _printed_name(pattern)
    return Where(Wildcard(name), IsVariable(name, dataflow), f"a variable{name and f' {name}'}")


def _global(_: _Converter, pattern: Any) -> Pattern:
    name = _printed_name(pattern)
    return Where(Wildcard(), NamesFunction(name), f"names the function {name or 'of any name'}")


def _extern(_: _Converter, pattern: Any) -> Pattern:
    symbol = str(pattern.global_symbol)
    return Where(Wildcard(), NamesFunction(symbol, external=True), f"names the function {symbol}")


def _literal(_: _Converter, pattern: Any) -> Pattern:
    shape = dims(pattern.fields)
    return Where(Wildcard(), IsShape(shape), f"is the shape {words(shape)}")


_CONVERT: Final[Mapping[Any, Callable[[_Converter, Any], Pattern]]] = {
    dpl.AndPattern: _Converter.both,
    dpl.AttrPattern: _Converter.attributes,
    dpl.CallPattern: _Converter.call,
    dpl.ConstantPattern: lambda _, __: Wildcard(constant=True),
    dpl.DataTypePattern: _Converter.dtype,
    dpl.DataflowVarPattern: _variable,
    dpl.ExprPattern: _Converter.expr,
    dpl.ExternFuncPattern: _extern,
    dpl.GlobalVarPattern: _global,
    dpl.NotPattern: _Converter.no,
    dpl.OrPattern: _Converter.either,
    dpl.PrimArrPattern: _literal,
    dpl.ShapePattern: _Converter.shape,
    dpl.TupleGetItemPattern: _Converter.item,
    dpl.TuplePattern: lambda self, pattern: Tuple(
        tuple([self.convert(each) for each in pattern.fields])
    ),
    tvm_pattern.TypePattern: _Converter.type,
    dpl.UnorderedTuplePattern: _Converter.unordered,
    dpl.VarPattern: _variable,
    dpl.WildcardPattern: lambda _, __: Wildcard(),
}


def _inside(pattern: Any) -> list[Any]:
    """The patterns directly inside one of TVM's."""
    if isinstance(pattern, dpl.CallPattern):
        return list(pattern.args)
    if isinstance(pattern, dpl.OrPattern | dpl.AndPattern):
        return [pattern.left, pattern.right]
    if isinstance(pattern, dpl.TuplePattern | dpl.UnorderedTuplePattern):
        return list(pattern.fields)
    if isinstance(pattern, dpl.TupleGetItemPattern):
        return [pattern.tuple]
    if isinstance(pattern, dpl.NotPattern):
        return [pattern.reject]
    inner = getattr(pattern, "pattern", None)
    return [] if inner is None else [inner]


def _calls(pattern: Any) -> list[Any]:
    """The calls in a pattern, itself included."""
    found = [pattern] if isinstance(pattern, dpl.CallPattern) else []
    return found + [call for each in _inside(pattern) for call in _calls(each)]


def _callee(callee: Any) -> tuple[str, ...]:
    """The ops that a call's callee names."""
    if isinstance(callee, dpl.OrPattern):
        return (*_callee(callee.left), *_callee(callee.right))
    if isinstance(callee, dpl.ExprPattern) and isinstance(callee.expr, ir.Op):
        return (str(callee.expr.name).removeprefix("relax."),)
    raise PatternError(
        f"CallPattern of a {type(callee).__name__}: expected ops, written is_op(...)"
    )


def _printed_name(pattern: Any) -> str:
    """The name inside `VarPattern(x)`: TVM does not reflect it on the derived classes."""
    return str(pattern).partition("(")[2].removesuffix(")")


def _unsupported(pattern: Any) -> PatternError:
    """The error for an object that is no pattern, or a constraint that only a PatternContext knows."""
    kind = type(pattern).__name__
    if isinstance(pattern, tvm_pattern.PatternSeq | tvm_pattern.DFConstraint):
        return PatternError(f"{kind} is a constraint between patterns; state it in the row's check")
    return PatternError(
        f"{kind} is not supported; expected a pattern of tvm.relax.dpl of calls and values"
    )
