"""Dominators: `child.dominates(parent, path)`, all ways from the child back to one parent, through ops of the path.

As in Relay, every operand of the child, and of every op on the way, is the parent or goes on along the path; and
whatever reads the parent or an op on the way is on the way too, so that the child sees all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from byoc.partition.graph import Graph, Kind
from byoc.partition.patterns._fits import laid
from byoc.partition.patterns.ast import Op, Pattern

if TYPE_CHECKING:
    from byoc.partition.patterns._fits import Bound

_CARRIES: Final = (Kind.TUPLE, Kind.ITEM)


@dataclass(frozen=True, slots=True)
class Dominated:
    """What stands between a child and the `parent` that it dominates, through ops that match `path`."""

    parent: Pattern
    path: Pattern

    def holds(self, graph: Graph, child: int) -> bool:
        """Whether the op at `child` dominates a parent."""
        return self.takes(graph, child) is not None

    def takes(self, graph: Graph, child: int) -> tuple[int, ...] | None:
        """The ops of the parent and of the path, ascending; None when `child` dominates none."""
        memo = ("relay.dominated", self, child)
        if memo not in graph.memo:
            graph.memo[memo] = self._takes(graph, child)
        found: tuple[int, ...] | None = graph.memo[memo]
        return found

    def _takes(self, graph: Graph, child: int) -> tuple[int, ...] | None:
        way: dict[int, None] = {}
        parent: Bound | None = None
        stack = [child]
        while stack:
            given = _operands(graph, stack.pop())
            if not given:
                return None
            for node in given:
                if node in way or (parent is not None and parent[self.parent] == node):
                    continue
                met = laid(self.parent, graph, node, parent or {})
                if met is not None:
                    parent = met
                elif laid(self.path, graph, node, {}) is not None:
                    way[node] = None
                    stack.append(node)
                else:
                    return None
        return None if parent is None else self._closed(graph, child, way, parent)

    def _closed(
        self, graph: Graph, child: int, way: Mapping[int, None], parent: Bound
    ) -> tuple[int, ...] | None:
        """All that is taken, when nothing else reads what is on the way."""
        own = {node for part, node in parent.items() if isinstance(part, Op)}
        inside = {*way, *own}
        for node in (*way, parent[self.parent]):
            if node in graph.escapes or not _readers(graph, node) <= {*inside, child}:
                return None
        return tuple(sorted(inside))


def _operands(graph: Graph, node: int) -> list[int]:
    """The tensors that an op reads, those of tuples one by one."""
    found: list[int] = []
    for each in graph.operands[node]:
        if graph.kinds[each] in _CARRIES:
            found += _operands(graph, each)
        elif graph.kinds[each] is not Kind.LITERAL:
            found.append(each)
    return found


def _readers(graph: Graph, node: int) -> set[int]:
    """The ops that read a node, also through tuples."""
    found: set[int] = set()
    for user in graph.users[node]:
        found |= _readers(graph, user) if graph.kinds[user] in _CARRIES else {user}
    return found
