"""Convert: a pattern of Relay's language becomes one of byoc's, operator by operator (`byoc.relay.forms`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatchmethod
from typing import Any

from byoc.errors import PatternError
from byoc.partition.graph import Kind
from byoc.partition.patterns.ast import (
    Alternatives,
    Item,
    Number,
    Op,
    Pattern,
    Spread,
    Tuple,
    Where,
    Wildcard,
)
from byoc.partition.patterns.demands import HasDtype, HasShape, words
from byoc.relay import dataflow_pattern as relay
from byoc.relay.dominators import Dominated
from byoc.relay.expr import Constant
from byoc.relay.forms import Operand, is_stated
from byoc.relay.kinds import KINDS
from byoc.relay.spelling import forms


@dataclass
class Converter:
    """Converts one pattern. `anchors` maps ops of byoc's pattern to Relay's names; `sums` are int32 in Relay."""

    done: dict[relay.DFPattern, Operand] = field(default_factory=dict)
    anchors: dict[Pattern, str] = field(default_factory=dict)
    sums: set[Pattern] = field(default_factory=set)
    names: dict[relay.DFPattern, tuple[str, ...]] = field(default_factory=dict)

    def convert(self, pattern: Any) -> Operand:
        """Convert a pattern; the same object gives the same one. Raises PatternError for what byoc lacks."""
        if not isinstance(pattern, relay.DFPattern):
            raise PatternError(
                f"{pattern!r} of type {type(pattern).__name__} in a pattern; "
                f"expected one of byoc.relay.dataflow_pattern: wildcard(), is_op(...)(...)"
            )
        if pattern not in self.done:
            self.done[pattern] = self._of(pattern)
        return self.done[pattern]

    @singledispatchmethod
    def _of(self, pattern: Any) -> Operand:
        raise PatternError(f"{type(pattern).__name__} is no pattern that byoc takes")

    @_of.register
    def _(self, _: relay.WildcardPattern) -> Operand:
        return Operand(Wildcard())

    @_of.register
    def _(self, _: relay.ConstantPattern) -> Operand:
        return Operand(Wildcard(constant=True))

    @_of.register
    def _(self, pattern: relay.VarPattern) -> Operand:
        return Operand(Where(Wildcard(), IsParameter(pattern.name_hint), "a parameter"))

    @_of.register
    def _(self, pattern: relay.ExprPattern) -> Operand:
        if not isinstance(pattern.expr, Constant):
            raise PatternError(f"is_op({pattern.expr!r}) is not called; give it operands")
        held = pattern.expr.data.numpy()
        if held.size == 0 or (held != held.flat[0]).any():
            raise PatternError("is_expr takes constants of one value; state others in the check")
        return Operand(Number(float(held.flat[0])))

    @_of.register
    def _(self, pattern: relay.CallPattern) -> Operand:
        options = [self._call(name, pattern) for name in _callee(pattern.op)]
        self.names[pattern] = tuple(_callee(pattern.op))
        if len(options) == 1:
            return options[0]
        sums = any(each.sums for each in options)
        made = Alternatives(tuple([each.pattern for each in options]))
        return Operand(made, sums, stated=is_stated(options))

    def _call(self, name: str, pattern: relay.CallPattern) -> Operand:
        args = None if pattern.args is None else [self.convert(each) for each in pattern.args]
        form = forms().get(name)
        if form is None:
            # Relax has no op for it: a name that no model has keeps the row loadable, and matches nothing.
            return Operand(Op((f"relay.{name}",)))
        built = form.build(args)
        for anchor in built.anchors:
            self.anchors[anchor] = name
            if built.sums:
                self.sums.add(anchor)
        for anchor in built.wide:
            self.anchors[anchor] = name
            self.sums.add(anchor)
        return Operand(built.pattern, built.sums, built.widened, built.averaged, built.stated)

    @_of.register
    def _(self, pattern: relay.AltPattern) -> Operand:
        left, right = self.convert(pattern.left), self.convert(pattern.right)
        both = [each for each in (left.averaged, right.averaged) if each is not None]
        averaged = Alternatives(tuple(both)) if both else None
        made = Alternatives((left.pattern, right.pattern))
        stated = left.stated or right.stated
        return Operand(made, left.sums or right.sums, averaged=averaged, stated=stated)

    @_of.register
    def _(self, pattern: relay.TuplePattern) -> Operand:
        if pattern.fields is None:
            return Operand(Tuple(None))
        fields = [self.convert(each) for each in pattern.fields]
        made = Tuple(tuple([each.pattern for each in fields]))
        return Operand(made, stated=is_stated(fields))

    @_of.register
    def _(self, pattern: relay.TupleGetItemPattern) -> Operand:
        whole = self.convert(pattern.tuple)
        return Operand(Item(whole.pattern, pattern.index), stated=whole.stated)

    @_of.register
    def _(self, pattern: relay.LetPattern) -> Operand:
        """Relax binds every value: the variable is the value itself."""
        self.done[pattern.var] = self.convert(pattern.value)
        return self.convert(pattern.body)

    @_of.register
    def _(self, pattern: relay.IfPattern) -> Operand:
        parts = (pattern.cond, pattern.true_branch, pattern.false_branch)
        if not all(isinstance(each, relay.WildcardPattern) for each in parts):
            raise PatternError(
                "is_if: a composite of byoc does not reach into branches; give wildcards and state the "
                "rest in the check"
            )
        return Operand(Where(Wildcard(), is_branch, "an if"))

    @_of.register
    def _(self, pattern: relay.AttrPattern) -> Operand:
        if isinstance(pattern.pattern, relay.AltPattern):
            both = pattern.pattern
            return self.convert(
                both.left.has_attr(pattern.attrs) | both.right.has_attr(pattern.attrs)
            )
        inner = self.convert(pattern.pattern)
        names = self.names.get(pattern.pattern, ())
        holds = HasRelayAttrs(names, pattern.attrs)
        said = ", ".join(f"{key}={value}" for key, value in pattern.attrs.items())
        made = Where(inner.pattern, holds, f"attributes {said}")
        return Operand(made, inner.sums, stated=inner.stated)

    @_of.register
    def _(self, pattern: relay.DataTypePattern) -> Operand:
        return self._typed(pattern.pattern, dtype=pattern.dtype)

    @_of.register
    def _(self, pattern: relay.ShapePattern) -> Operand:
        return self._typed(pattern.pattern, shape=pattern.shape)

    @_of.register
    def _(self, pattern: relay.TypePattern) -> Operand:
        shape, dtype = getattr(pattern.type, "shape", None), getattr(pattern.type, "dtype", None)
        if shape is None or dtype is None:
            raise PatternError(
                f"has_type({pattern.type!r}): expected a tensor type, with `shape` and `dtype`"
            )
        return self._typed(pattern.pattern, shape=tuple(shape), dtype=str(dtype))

    def _typed(
        self, inside: relay.DFPattern, *, shape: tuple[Any, ...] | None = None, dtype: str = ""
    ) -> Operand:
        inner = self.convert(inside)
        made = inner.pattern
        if shape is not None:
            dims = tuple([int(each) if isinstance(each, int) else None for each in shape])
            made = Where(made, HasShape(dims), f"shape {words(dims)}")
        if dtype and not (inner.sums and dtype == "int32"):
            made = Where(made, HasDtype(dtype), f"dtype {dtype}")
        return Operand(made, inner.sums, stated=inner.stated)

    @_of.register
    def _(self, pattern: relay.DominatorPattern) -> Operand:
        """The child, with all that stands between it and the parent; the path stands for any number of ops."""
        if not isinstance(pattern.child, relay.CallPattern):
            raise PatternError("dominates: the child must be a call")
        child = self.convert(pattern.child)
        between = Dominated(
            Converter().convert(pattern.parent).pattern, Converter().convert(pattern.path).pattern
        )
        words = "all ways lead to the parent"
        made = Spread(child.pattern, between.holds, words, between.takes)
        return Operand(made, child.sums, stated=child.stated)


@dataclass(frozen=True, slots=True)
class IsParameter:
    """VarPattern: a parameter of the function, of this name unless it is empty."""

    name: str

    def __call__(self, graph: Any, node: int) -> bool:
        """Look at node `node` of the graph."""
        return graph.kinds[node] is Kind.INPUT and self.name in ("", graph.names[node])


@dataclass(frozen=True, slots=True)
class HasRelayAttrs:
    """AttrPattern: the call, seen as one of Relay's operators `names`, has these attributes."""

    names: tuple[str, ...]
    attrs: Mapping[str, Any]

    def __call__(self, graph: Any, node: int) -> bool:
        """Look at node `node` of the graph."""
        from byoc.relay.expr import Call, plain
        from byoc.relay.view import View

        if graph.kinds[node] is not Kind.CALL:
            return False
        for name in self.names or ("",):
            seen = View(graph, {node: name} if name else {}).expr(node)
            if isinstance(seen, Call) and all(
                key in seen.attrs and seen.attrs[key] == plain(wanted)
                for key, wanted in self.attrs.items()
            ):
                return True
        return False


def is_branch(graph: Any, node: int) -> bool:
    """An `if`."""
    return bool(graph.kinds[node] is Kind.IF)


def _callee(op: relay.DFPattern) -> list[str]:
    """The operators that a call's callee names."""
    if isinstance(op, relay.AltPattern):
        return [*_callee(op.left), *_callee(op.right)]
    if isinstance(op, relay.AttrPattern):
        return _of_kind(op)
    if isinstance(op, relay.ExprPattern) and isinstance(op.expr, str):
        return [op.expr]
    raise PatternError(f"a call of {type(op).__name__}: expected operators, written is_op(...)")


def _of_kind(op: relay.AttrPattern) -> list[str]:
    """The operators of a kind (`TOpPattern`), of all or of those that are named."""
    kind = op.attrs.get("TOpPattern")
    if kind is None or len(op.attrs) > 1 or kind not in KINDS:
        said = ", ".join(op.attrs)
        raise PatternError(
            f"an operator with the attributes {said}: byoc knows TOpPattern, 0 to 4; "
            f"has_attr of a call speaks of the call's own attributes"
        )
    found = KINDS[int(kind)]
    if isinstance(op.pattern, relay.WildcardPattern):
        return [name for name in found if name in forms()]
    return [name for name in _callee(op.pattern) if name in found]
