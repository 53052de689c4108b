"""Relay's pattern language, as pattern tables written for `tvm.relay.dataflow_pattern` use it.

The names, their arguments and what they mean are Relay's. A pattern is a value that byoc converts to its own
(`byoc.relay.convert`) when the table is loaded; nothing here needs TVM. The same object twice in a pattern is the
same node of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from byoc.errors import PatternError, nearest
from byoc.relay.expr import Constant


class DFPattern:
    """What all patterns of Relay offer: calls, alternatives, arithmetic, demands."""

    def __call__(self, *args: Any) -> DFPattern:
        """Match a call of this with `args`; `pattern(None)` takes any operands."""
        return CallPattern(self, None if args == (None,) else tuple(args))

    def __or__(self, other: DFPattern) -> DFPattern:
        """Match this, else `other`."""
        return AltPattern(self, other)

    def __add__(self, other: DFPattern) -> DFPattern:
        """Match a sum."""
        return is_op("add")(self, other)

    def __sub__(self, other: DFPattern) -> DFPattern:
        """Match a difference."""
        return is_op("subtract")(self, other)

    def __mul__(self, other: DFPattern) -> DFPattern:
        """Match a product."""
        return is_op("multiply")(self, other)

    def __truediv__(self, other: DFPattern) -> DFPattern:
        """Match a quotient."""
        return is_op("divide")(self, other)

    def optional(self, option_constructor: Callable[[DFPattern], DFPattern]) -> DFPattern:
        """Match this, else what `option_constructor` makes around it."""
        return self | option_constructor(self)

    def has_attr(self, attrs: Mapping[str, Any]) -> DFPattern:
        """Demand attributes of the call, by Relay's names."""
        return AttrPattern(self, dict(attrs))

    def has_dtype(self, dtype: str) -> DFPattern:
        """Demand a dtype."""
        return DataTypePattern(self, str(dtype))

    def has_shape(self, shape: Sequence[Any]) -> DFPattern:
        """Demand a shape."""
        return ShapePattern(self, tuple(shape))

    def has_type(self, ttype: Any) -> DFPattern:
        """Demand a tensor type: anything with a `shape` and a `dtype`."""
        return TypePattern(self, ttype)

    def match(self, expr: Any) -> bool:
        """Whether this fits an expression, or the result of a Relax function."""
        return match(self, expr)

    def partition(
        self,
        expr: Any,
        attrs: Mapping[str, Any] | None = None,
        check: Callable[[Any], bool] = lambda expr: True,
    ) -> Any:
        """A Relax function with what this matches as functions of their own."""
        return partition(self, expr, attrs, check)

    def dominates(self, parent: DFPattern, path: DFPattern | None = None) -> DFPattern:
        """Match this where every way from it back ends at `parent`, through ops that match `path`."""
        return DominatorPattern(parent, wildcard() if path is None else path, self)


Pattern = DFPattern
"""`relay.Pattern`, as annotations have it."""


@dataclass(frozen=True, eq=False)
class ExprPattern(DFPattern):
    """An operator by name (`expr` is a str), or a constant of one value."""

    expr: str | Constant


@dataclass(frozen=True, eq=False)
class VarPattern(DFPattern):
    """A variable: a parameter of the function, of this name unless it is empty."""

    name_hint: str = ""


@dataclass(frozen=True, eq=False)
class ConstantPattern(DFPattern):
    """A constant."""


@dataclass(frozen=True, eq=False)
class WildcardPattern(DFPattern):
    """Anything."""


@dataclass(frozen=True, eq=False)
class CallPattern(DFPattern):
    """A call of `op`; `args` None takes any operands."""

    op: DFPattern
    args: tuple[DFPattern, ...] | None


@dataclass(frozen=True, eq=False)
class AltPattern(DFPattern):
    """`left`, else `right`."""

    left: DFPattern
    right: DFPattern


@dataclass(frozen=True, eq=False)
class TuplePattern(DFPattern):
    """A tuple; `fields` None takes one of any length."""

    fields: tuple[DFPattern, ...] | None


@dataclass(frozen=True, eq=False)
class TupleGetItemPattern(DFPattern):
    """An item of a tuple; `index` None is any."""

    tuple: DFPattern
    index: int | None = None


@dataclass(frozen=True, eq=False)
class IfPattern(DFPattern):
    """An `if` of this condition and these branches."""

    cond: DFPattern
    true_branch: DFPattern
    false_branch: DFPattern


@dataclass(frozen=True, eq=False)
class LetPattern(DFPattern):
    """`let var = value; body`."""

    var: DFPattern
    value: DFPattern
    body: DFPattern


@dataclass(frozen=True, eq=False)
class AttrPattern(DFPattern):
    """`pattern`, whose call has these attributes."""

    pattern: DFPattern
    attrs: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class DataTypePattern(DFPattern):
    """`pattern`, whose value has this dtype."""

    pattern: DFPattern
    dtype: str


@dataclass(frozen=True, eq=False)
class ShapePattern(DFPattern):
    """`pattern`, whose value has this shape."""

    pattern: DFPattern
    shape: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class TypePattern(DFPattern):
    """`pattern`, whose value has this tensor type."""

    pattern: DFPattern
    type: Any


@dataclass(frozen=True, eq=False)
class DominatorPattern(DFPattern):
    """`child`, all of whose inputs come from `parent` through ops that match `path`."""

    parent: DFPattern
    path: DFPattern
    child: DFPattern


class DFPatternCallback:
    """A rewriting of Relay expressions: what `pattern` matches is replaced by what `callback` gives.

    `rewrite_once` stops after one pass over the function. `require_type` is taken and not used: types are always
    there.
    """

    pattern: DFPattern | None = None

    def __init__(self, require_type: bool = False, rewrite_once: bool = False) -> None:
        self.require_type, self.rewrite_once = require_type, rewrite_once

    def rewrite(self, expr: Any) -> Any:
        """Rewrite a Relax function with this callback alone."""
        return rewrite(self, expr)

    def callback(self, pre: Any, post: Any, node_map: Any) -> Any:
        """What takes the place of a match; the derived class says.

        `pre` and `post` are the match's last expression, `node_map` maps each part of the pattern to a list of what
        it matched. Giving `post` back changes nothing.
        """
        raise PatternError(f"{type(self).__name__} has no callback")


def rewrite(callbacks: Any, expr: Any, mod: Any = None) -> Any:
    """Rewrite a Relax function with one callback, or with each of several in turn, until nothing changes.

    `expr` is a function of a Relax module, `mod["main"]`; `mod` is taken and not used. Raises PatternError, see
    `byoc.relay.rewriting`.
    """
    from byoc.relay.rewriting import rewrite_function

    del mod
    given = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
    return rewrite_function(given, expr)


def match(pattern: DFPattern, expr: Any) -> bool:
    """Whether `pattern` fits an expression that a check sees or `byoc.relay.op` makes, or a function's result.

    Raises PatternError for anything else.
    """
    from byoc.relay.matching import matches

    return matches(pattern, expr)


def partition(
    pattern: DFPattern,
    expr: Any,
    attrs: Mapping[str, Any] | None = None,
    check: Callable[[Any], bool] = lambda expr: True,
) -> Any:
    """A Relax function with what `pattern` matches and `check` takes as local functions with `attrs`.

    Raises PatternError for what is no Relax function.
    """
    from byoc.relay.matching import partitioned

    return partitioned(pattern, expr, attrs, check)


def is_op(op_name: str) -> DFPattern:
    """Match a Relay operator by name; call the result with its operands.

    Raises PatternError for a name that is none of Relay's, with the nearest one. Operators of a vendor's own
    dialect (`contrib.…`, `vendor.…`) are taken and match nothing.
    """
    from byoc.relay.spelling import known

    if op_name not in known() and not op_name.startswith(("contrib.", "dialect.")):
        raise PatternError(f"unknown Relay op {op_name!r}{nearest(op_name, known())}")
    return ExprPattern(op_name)


def is_expr(expr: Any) -> DFPattern:
    """Match one expression: a constant made by `byoc.relay.const`, all of whose elements are one number."""
    if isinstance(expr, int | float):
        from byoc.relay.expr import const

        expr = const(expr)
    if not isinstance(expr, Constant):
        raise PatternError(
            f"is_expr({expr!r}): expected a constant, made by byoc.relay.const; "
            "state other expressions in the check"
        )
    return ExprPattern(expr)


def is_var(name: str = "") -> DFPattern:
    """Match a variable."""
    return VarPattern(name)


def is_constant() -> DFPattern:
    """Match a constant."""
    return ConstantPattern()


def wildcard() -> DFPattern:
    """Match anything."""
    return WildcardPattern()


def is_tuple(fields: Sequence[DFPattern] | None) -> DFPattern:
    """Match a tuple of these fields; None takes any."""
    return TuplePattern(None if fields is None else tuple(fields))


def is_tuple_get_item(tuple_value: DFPattern, index: int | None = None) -> DFPattern:
    """Match an item of a tuple; None is any."""
    return TupleGetItemPattern(tuple_value, None if index == -1 else index)


def is_if(cond: DFPattern, true_branch: DFPattern, false_branch: DFPattern) -> DFPattern:
    """Match an `if`."""
    return IfPattern(cond, true_branch, false_branch)


def is_let(var: DFPattern, value: DFPattern, body: DFPattern) -> DFPattern:
    """Match `let var = value; body`."""
    return LetPattern(var, value, body)


def has_type(ttype: Any, pattern: DFPattern | None = None) -> DFPattern:
    """Demand a tensor type of `pattern` (of anything)."""
    return (pattern or wildcard()).has_type(ttype)


def has_dtype(dtype: str, pattern: DFPattern | None = None) -> DFPattern:
    """Demand a dtype of `pattern` (of anything)."""
    return (pattern or wildcard()).has_dtype(dtype)


def has_shape(shape: Sequence[Any], pattern: DFPattern | None = None) -> DFPattern:
    """Demand a shape of `pattern` (of anything)."""
    return (pattern or wildcard()).has_shape(shape)


def has_attr(attrs: Mapping[str, Any], pattern: DFPattern | None = None) -> DFPattern:
    """Demand attributes of `pattern` (of anything)."""
    return (pattern or wildcard()).has_attr(attrs)


def dominates(parent: DFPattern, path: DFPattern, child: DFPattern) -> DFPattern:
    """Match `child`, all of whose inputs come from `parent` through ops that match `path`."""
    return DominatorPattern(parent, path, child)
