"""Pattern rows as TVM's `relax.dpl` patterns, so that TVM's passes can be timed with the same rows."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from tvm import ir
from tvm.relax import dpl

from byoc.partition.patterns.ast import (
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


def to_dpl(row: Row) -> Any:
    """The row's pattern; rules and commuted operands are left out, which makes TVM's work less."""
    return _Converter().convert(row.outputs[0])


class _Converter:
    """Converts each node once: the same node means the same value in both worlds."""

    def __init__(self) -> None:
        self.known: dict[int, Any] = {}

    def convert(self, pattern: Pattern) -> Any:
        if id(pattern) not in self.known:
            self.known[id(pattern)] = self._new(pattern)
        return self.known[id(pattern)]

    def _new(self, pattern: Pattern) -> Any:
        if isinstance(pattern, Wildcard):
            return dpl.is_const() if pattern.constant else dpl.wildcard()
        if isinstance(pattern, Number):
            return dpl.is_const()
        if isinstance(pattern, Alternatives):
            return reduce(or_, [self.convert(each) for each in pattern.options])
        if isinstance(pattern, Tuple):
            if pattern.fields is None:
                return dpl.wildcard()
            return dpl.is_tuple([self.convert(each) for each in pattern.fields])
        if isinstance(pattern, Item):
            index = pattern.index
            return dpl.TupleGetItemPattern(
                self.convert(pattern.tuple), -1 if index is None else index
            )
        if isinstance(pattern, Where):
            return self.convert(pattern.pattern)
        return self._op(pattern)

    def _op(self, pattern: Op) -> Any:
        calls = [self._call(op, pattern) for op in pattern.ops]
        made = reduce(or_, calls)
        return made.has_attr(dict(pattern.attrs)) if pattern.attrs and len(calls) == 1 else made

    def _call(self, op: str, pattern: Op) -> Any:
        args = [self.convert(each) for each in pattern.args or ()]
        if pattern.args is None:
            # The matcher looks at both operands of multiply and divide, so they have to be there.
            args = [dpl.wildcard() for _ in range(max(0, int(ir.Op.get(f"relax.{op}").num_inputs)))]
        free = pattern.rest or not args
        return dpl.is_op(f"relax.{op}")(*args, varg_default_wildcard=free)
