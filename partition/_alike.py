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


def call_kind(graph: Graph, node: int) -> int:
    """A number shared by the calls whose facts (`op_facts`) differ in the data of constants, if at all."""
    memo = graph.memo
    number: int | None = memo.get(("kind", node))
    if number is None:
        attrs = graph.exprs[node].attrs
        seen = (
            graph.ops[node],
            tuple([value_kind(graph, each) for each in graph.operands[node]]),
            value_kind(graph, node),
            None if attrs is None else StructuralKey(attrs),
        )
        numbers = memo.setdefault("kinds", {})
        number = memo["kind", node] = numbers.setdefault(seen, len(numbers))
    return number


def value_kind(graph: Graph, node: int | None) -> Hashable:
    """What facts have of an operand or a result, without the data."""
    if node is None:
        return None
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
