"""What TVM's patterns demand of a matched value beyond structure: the predicates of `Where`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tvm_ffi
from tvm import ir, relax

from byoc.partition.facts import attributes, tensor
from byoc.partition.graph import Graph, Kind
from byoc.partition.patterns._fits import fits
from byoc.partition.patterns.ast import Pattern
from byoc.partition.patterns.attributes import hold
from byoc.support.facts import Dim


@dataclass(frozen=True, slots=True)
class HasAttrs:
    """AttrPattern: the value is a call with these attributes."""

    attrs: Mapping[str, Any]

    def __call__(self, graph: Graph, node: int) -> bool:
        """Look at node `node` of the graph."""
        if graph.kinds[node] is not Kind.CALL:
            return False
        operands = graph.operands[node]
        shape = tensor(graph, operands[0]).shape if operands else None
        return hold(self.attrs, attributes(graph, node), None if shape is None else len(shape))


@dataclass(frozen=True, slots=True)
class HasType:
    """TypePattern: the value has exactly this type."""

    type: Any

    def __call__(self, graph: Graph, node: int) -> bool:
        """Look at node `node` of the graph."""
        return bool(tvm_ffi.structural_equal(graph.exprs[node].ty, self.type))


@dataclass(frozen=True, slots=True)
class IsVariable:
    """VarPattern and DataflowVarPattern: the value is bound to a variable, of this name unless it is empty."""

    name: str
    dataflow: bool

    def __call__(self, graph: Graph, node: int) -> bool:
        """Look at node `node` of the graph."""
        var = graph.vars[node]
        if var is None or (self.dataflow and not isinstance(var, relax.DataflowVar)):
            return False
        return self.name in ("", graph.names[node])


@dataclass(frozen=True, slots=True)
class NamesFunction:
    """GlobalVarPattern and ExternFuncPattern as operands: a function, of this name unless it is empty."""

    name: str
    external: bool = False

    def __call__(self, graph: Graph, node: int) -> bool:
        """Look at node `node` of the graph."""
        expr = graph.exprs[node]
        if self.external:
            return isinstance(expr, relax.ExternFunc) and self.name in ("", expr.global_symbol)
        return isinstance(expr, ir.GlobalVar) and self.name in ("", expr.name_hint)


@dataclass(frozen=True, slots=True)
class CallsExtern:
    """A call of an ExternFuncPattern: the external function called has this name unless it is empty."""

    symbol: str

    def __call__(self, graph: Graph, node: int) -> bool:
        """Look at node `node` of the graph."""
        callee = graph.exprs[node].op
        return isinstance(callee, relax.ExternFunc) and self.symbol in ("", callee.global_symbol)


@dataclass(frozen=True, slots=True)
class IsShape:
    """PrimArrPattern: the operand is this shape itself."""

    shape: tuple[Dim, ...]

    def __call__(self, graph: Graph, node: int) -> bool:
        """Look at node `node` of the graph."""
        expr = graph.exprs[node]
        return isinstance(expr, relax.ShapeExpr) and dims(expr.values) == self.shape


@dataclass(frozen=True, slots=True)
class IsExpr:
    """ExprPattern of anything but an op: the value is structurally equal to the expression."""

    expr: Any

    def __call__(self, graph: Graph, node: int) -> bool:
        """Look at node `node` of the graph."""
        given = graph.exprs[node]
        same = given.same_as(self.expr) or tvm_ffi.structural_equal(given, self.expr)
        return bool(same)


@dataclass(frozen=True, slots=True)
class Fits:
    """AndPattern and NotPattern: whether a second pattern fits here is `wanted`."""

    pattern: Pattern
    wanted: bool

    def __call__(self, graph: Graph, node: int) -> bool:
        """Look at node `node` of the graph."""
        return fits(self.pattern, graph, node) is self.wanted


def dims(values: Any) -> tuple[int | str, ...]:
    """Return a TVM shape as facts have it: extents, and symbolic dimensions by their text."""
    return tuple([each if isinstance(each, int) else _dim(each) for each in values])


def _dim(value: Any) -> int | str:
    return int(value.value) if hasattr(value, "value") else str(value)
