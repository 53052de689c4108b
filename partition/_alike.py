"""Alike: matches and calls that rules cannot tell apart are judged once.

A model repeats its layers, and what a rule sees of an op are types, attributes and which operands are constants.
Only some rules look at a constant's data too: their answers are not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tvm_ffi import StructuralKey

from byoc.partition.facts import reads, value
from byoc.partition.graph import Graph, Kind
from byoc.support.facts import Tensor

T = TypeVar("T")

_LITERAL = Kind.LITERAL


@dataclass(slots=True)
class Outcomes:
    """What the rules of one vendor have said in one graph, by what they were asked about."""

    graph: Graph
    known: dict[Hashable, Any] = field(default_factory=dict)
    numbers: dict[Hashable, int] = field(default_factory=dict)
    calls: dict[int, int] = field(default_factory=dict)
    values: dict[int, Hashable] = field(default_factory=dict)

    def of(self, question: Hashable, ask: Callable[[], T]) -> T:
        """The known answer, or what `ask` says now; None for a question that stands for itself alone."""
        if question in self.known:
            answer: T = self.known[question]
            return answer
        before = reads(self.graph)
        answer = ask()
        if question is not None and reads(self.graph) == before:
            self.known[question] = answer
        return answer

    def call(self, node: int) -> int:
        """A number shared by the calls whose facts (`op_facts`) differ in the data of constants, if at all."""
        number = self.calls.get(node)
        if number is None:
            graph, value = self.graph, self.value
            attrs = graph.exprs[node].attrs
            operands = tuple([value(each) for each in graph.operands[node]])
            settings = None if attrs is None else StructuralKey(attrs)
            seen = (graph.ops[node], operands, value(node), settings)
            number = self.calls[node] = self.numbers.setdefault(seen, len(self.numbers))
        return number

    def value(self, node: int | None) -> Hashable:
        """What facts have of an operand or a result, without the data."""
        if node is None:
            return None
        kind = self.values.get(node)
        if kind is None:
            kind = self.values[node] = _kind(self.graph, node)
        return kind


def _kind(graph: Graph, node: int) -> Hashable:
    held = value(graph, node)
    if isinstance(held, Tensor):
        return _tensor_kind(held)
    if held is not None:
        return tuple(map(_tensor_kind, held))
    expr, var = graph.exprs[node], graph.vars[node]
    seen = expr if graph.kinds[node] is _LITERAL else (expr if var is None else var).ty
    key: Hashable = StructuralKey(seen)
    return key


def _tensor_kind(held: Tensor) -> Hashable:
    return (held.dtype, held.shape, held.value is not None)
