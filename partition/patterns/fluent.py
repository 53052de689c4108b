"""What every pattern offers in Python: alternatives, items, names, and demands on what matched.

Patterns are values: each method returns a new pattern and leaves the old one as it was, so use what it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from byoc.errors import PatternError

if TYPE_CHECKING:
    from byoc.partition.patterns.ast import Alternatives, Item, Pattern, Where


class Fluent:
    """The methods of a pattern, named as in TVM's `dpl`."""

    __slots__ = ()

    def __or__(self, other: Pattern) -> Alternatives:
        """Match this, else `other`; tried in the order written."""
        from byoc.partition.patterns import ast

        this = _pattern(self)
        if isinstance(this, ast.Alternatives) and not this.name:
            return ast.Alternatives((*this.options, other))
        return ast.Alternatives((this, other))

    def __getitem__(self, index: int | None) -> Item:
        """Match item `index` of this tuple; None is any item.

        Raises PatternError for a negative index: a pattern does not know how long the tuple is.
        """
        from byoc.partition.patterns.ast import Item

        if index is not None and index < 0:
            raise PatternError(f"item {index} of a tuple: expected 0 or more, or None for any item")
        return Item(_pattern(self), index)

    def __iter__(self) -> None:
        """Refuse iteration, which `__getitem__` would make endless."""
        raise TypeError("a pattern cannot be iterated; take its items with pattern[0], pattern[1]")

    def __call__(self, *args: Any, rest: bool = False) -> Pattern:
        """Match a call of this op, or of any of these ops, with operands `args`.

        Operands may be patterns, numbers (a constant of that value) and tuples or lists of them. With `rest`
        further operands may follow. Raises PatternError for a pattern that is no uncalled op.
        """
        from byoc.partition.patterns import ast

        ops = _uncalled(_pattern(self))
        if ops is None:
            raise PatternError('only an op can be called: is_op("nn.relu")(x), and only once')
        return ast.Op(ops, tuple([operand(each) for each in args]), rest)

    def optional(self, build: Callable[[Pattern], Pattern]) -> Alternatives:
        """Match `build(self)`, else this alone: `conv.optional(is_op("nn.relu"))`."""
        from byoc.partition.patterns.ast import Alternatives

        this = _pattern(self)
        return Alternatives((build(this), this))

    def named(self, name: str) -> Pattern:
        """Name what matched, so that rules can speak of it. Raises PatternError for a number."""
        from byoc.partition.patterns import ast

        this = _pattern(self)
        if isinstance(this, ast.Number):
            raise PatternError(f"a number cannot be named {name!r}: rules know its value already")
        if isinstance(this, ast.Where):
            return replace(this, pattern=this.pattern.named(name))
        return replace(this, name=name)

    def has_attr(self, attrs: Mapping[str, Any]) -> Pattern:
        """Demand attributes of the call that matched (`attributes.hold` says how values compare).

        Alternatives demand them of every option. Raises PatternError for anything that is no call.
        """
        from byoc.partition.patterns import ast

        this = _pattern(self)
        if isinstance(this, ast.Op):
            return replace(this, attrs={**this.attrs, **{key: plain(attrs[key]) for key in attrs}})
        if isinstance(this, ast.Where):
            return replace(this, pattern=this.pattern.has_attr(attrs))
        if isinstance(this, ast.Alternatives):
            return replace(this, options=tuple([each.has_attr(attrs) for each in this.options]))
        raise PatternError(f"only a call has attributes; {type(this).__name__} is none")

    def has_dtype(self, dtype: str) -> Where:
        """Demand that the value that matched has this dtype (`float32`)."""
        from byoc.partition.patterns import ast, demands

        return ast.Where(_pattern(self), demands.HasDtype(str(dtype)), f"dtype {dtype}")

    def has_shape(self, shape: Sequence[int | str | None]) -> Where:
        """Demand that the tensor that matched has this shape; a str is a symbolic dimension, None any extent."""
        from byoc.partition.patterns import ast, demands

        dims = tuple(shape)
        return ast.Where(_pattern(self), demands.HasShape(dims), f"shape {demands.words(dims)}")


def operand(value: Any) -> Pattern:
    """Return `value` as a pattern: numbers become constants, tuples and lists tuples of patterns.

    Raises PatternError for anything else.
    """
    from byoc.partition.patterns import ast

    if isinstance(value, Fluent):
        return cast("Pattern", value)
    if isinstance(value, tuple | list):
        return ast.Tuple(tuple([operand(each) for each in value]))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PatternError(
            f"operand {value!r} of type {type(value).__name__}: "
            "expected a pattern, a number, or a tuple of them"
        )
    return ast.Number(float(value))


def plain(value: Any) -> Any:
    """Return an attribute's value as the AST keeps it: lists (TVM's too) are tuples, dtypes strings."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Sequence):
        return tuple([plain(each) for each in value])
    return str(value)


def _pattern(this: Fluent) -> Pattern:
    """Say to the type checker that only patterns derive from `Fluent`."""
    return cast("Pattern", this)


def _uncalled(pattern: Pattern) -> tuple[str, ...] | None:
    """Return the ops of `is_op(...)` and of alternatives of such, None for anything else."""
    from byoc.partition.patterns import ast

    if isinstance(pattern, ast.Op):
        return pattern.ops if pattern.args is None else None
    if not isinstance(pattern, ast.Alternatives):
        return None
    found = [_uncalled(each) for each in pattern.options]
    return None if None in found else tuple([op for ops in found if ops is not None for op in ops])
