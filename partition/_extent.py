"""Extent: what a set of matched nodes takes in, reads and gives, and whether it may be one operation."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from byoc.partition.graph import Graph, Kind
from byoc.partition.plan import Candidate

FEW = 8
"""Up to so many nodes a tuple is searched faster than a set is made."""

# An enum's member costs ten times a global's name to look up, and every operand asks.
_CONSTANT, _LITERAL, _TUPLE, _ITEM = Kind.CONSTANT, Kind.LITERAL, Kind.TUPLE, Kind.ITEM


def members(graph: Graph, taken: Iterable[int]) -> tuple[int, ...]:
    """`taken` and the inline tuples and items in their arguments, ascending."""
    kinds, names, operands = graph.kinds, graph.names, graph.operands
    found = set(taken)
    stack = list(found)
    while stack:
        for operand in operands[stack.pop()]:
            kind = kinds[operand]
            is_part = kind is _TUPLE or kind is _ITEM
            if is_part and not names[operand] and operand not in found:
                found.add(operand)
                stack.append(operand)
    return tuple(sorted(found))


def candidate(
    graph: Graph,
    vendor: str,
    name: str,
    nodes: Sequence[int],
    *,
    joined: bool = False,
    row: str = "",
    named: tuple[tuple[str, int], ...] = (),
) -> Candidate:
    """The candidate that takes exactly `nodes` (ascending); a value nobody reads is given as its last node."""
    inside: Collection[int] = nodes if len(nodes) <= FEW else frozenset(nodes)
    kinds, operands = graph.kinds, graph.operands
    inputs: dict[int, None] = {}
    for node in nodes:
        for operand in operands[node]:
            kind = kinds[operand]
            if kind is not _CONSTANT and kind is not _LITERAL and operand not in inside:
                inputs[operand] = None
    outputs = tuple([node for node in nodes if read_outside(graph, node, inside)])
    return Candidate(
        vendor, name, tuple(nodes), tuple(inputs), outputs or (nodes[-1],), joined, row, named
    )


def read_outside(graph: Graph, node: int, inside: Collection[int]) -> bool:
    """Whether another block, the result, or a node that is not `inside` reads `node`."""
    if node in graph.escapes:
        return True
    for user in graph.users[node]:  # noqa: SIM110  # a generator doubles the time
        if user not in inside:
            return True
    return False


@dataclass(slots=True)
class Cycles:
    """Finds out whether a composite would close a cycle with the graph and the composites accepted before.

    A composite with one end cannot: whatever reaches any of its nodes already reached its output. One with
    several (read or not) can, by itself (a path that leaves it and comes back) or with another such composite.
    `owner` maps a node to the candidate that took it.
    """

    graph: Graph
    owner: dict[int, Candidate] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)

    def accept(self, each: Candidate) -> None:
        """Note that `each` stands."""
        self.owner.update(dict.fromkeys(each.nodes, each))
        if self._has_ends(each):
            self._widen(each.nodes[0], each.nodes[-1])

    def closes(self, each: Candidate) -> bool:
        """Whether one of the inputs of `each` depends on one of its outputs."""
        if not self._has_ends(each):
            return False
        floor = self._floor(each.nodes[0])
        inside, seen = set(each.nodes), set[int]()
        stack = [*each.inputs, *self._before(each.nodes)]
        stack = [node for node in stack if node not in inside]
        while stack:
            node = stack.pop()
            if node in inside:
                return True
            if node in seen or node < floor:
                continue
            seen.add(node)
            other = self.owner.get(node)
            if other is None:
                stack += self.graph.operands[node]
                stack += self.graph.after.get(node, ())
            else:
                seen.update(other.nodes)
                stack += other.inputs
                stack += self._before(other.nodes)
        return False

    def _has_ends(self, each: Candidate) -> bool:
        """Whether `each` has several outputs, or several nodes that nothing inside reads."""
        if len(each.outputs) > 1:
            return True
        users, nodes = self.graph.users, each.nodes
        if each.outputs == nodes[-1:]:  # whatever else is read, is read inside
            return not all(map(users.__getitem__, nodes[:-1]))
        inside = frozenset(nodes)
        return any(inside.isdisjoint(users[node]) for node in nodes[:-1])

    def _before(self, nodes: Iterable[int]) -> list[int]:
        """What must come before `nodes` for the sake of effects and symbolic dimensions."""
        after = self.graph.after
        found: list[int] = []
        for node in nodes:
            found += after.get(node, ())
            for operand in self.graph.operands[node]:
                found += after.get(operand, ()) if self.graph.kinds[operand] is _LITERAL else ()
        return [node for node in found if node not in nodes] if found else found

    def _floor(self, first: int) -> int:
        """The smallest id a path can come through: ids ascend but for composites of several outputs."""
        index = bisect_right(self.starts, first) - 1
        if index >= 0 and self.stops[index] >= first:
            return self.starts[index]
        return first

    def _widen(self, first: int, last: int) -> None:
        """Keep `starts` and `stops` as disjoint intervals, ascending."""
        low, high = bisect_left(self.stops, first), bisect_right(self.starts, last)
        if low < high:
            first, last = min(first, self.starts[low]), max(last, self.stops[high - 1])
        self.starts[low:high] = [first]
        self.stops[low:high] = [last]
