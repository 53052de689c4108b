"""The dependency graph that place and merge reason about: candidates contracted to units.

A unit is a whole candidate or one node outside every candidate. Parameters, constants and plain literals
are no units: they are there before anything runs. Tuples, tuple items and literals that need a symbolic
dimension are NEUTRAL: they compute nothing, so they never stand between two ops of one vendor.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tvm import relax

from byoc.partition.graph import Graph, Kind
from byoc.partition.plan import Candidate

_LAST = "units"

HOST = -1
NEUTRAL = -2

_FREE = (Kind.INPUT, Kind.CONSTANT)
_NEUTRAL = (Kind.ITEM, Kind.TUPLE, Kind.LITERAL)


class ContractionCycleError(Exception):
    """Candidates need each other's results; `candidates` are the indices that have to give way. Private."""

    def __init__(self, candidates: Sequence[int]) -> None:
        self.candidates = tuple(candidates)
        super().__init__(f"candidates {self.candidates} close cycles")


@dataclass(frozen=True, slots=True)
class Units:
    """Units in an order in which they can run, near to binding order; all lists are indexed by unit.

    `owner` is an index into `vendors`, HOST or NEUTRAL. `candidate` is an index into the candidates, -1 for
    none. `before` are the units whose results it needs, highest first; `behind` those that need its own.
    `unit_of` maps a node to its unit, -1 where it has none.
    """

    vendors: tuple[str, ...]
    owner: list[int]
    candidate: list[int]
    nodes: list[tuple[int, ...]]
    before: list[tuple[int, ...]]
    behind: list[list[int]]
    unit_of: list[int]

    def __len__(self) -> int:
        return len(self.owner)


def contract(graph: Graph, candidates: Sequence[Candidate]) -> Units:
    """Contract each candidate to one unit; raises ContractionCycleError when that closes cycles.

    The last answer is kept with the graph: place, merge and outline mostly ask the same. Nobody changes it.
    """
    known = graph.memo.get(_LAST)
    if known is None or known[0] != list(candidates):
        known = graph.memo[_LAST] = (list(candidates), _contract(graph, candidates))
    units: Units = known[1]
    return units


def _contract(graph: Graph, candidates: Sequence[Candidate]) -> Units:
    owners = [-1] * len(graph)
    for index, candidate in enumerate(candidates):
        for node in candidate.nodes:
            owners[node] = index
    vendors = tuple(dict.fromkeys(candidate.vendor for candidate in candidates))
    members = _members(graph, candidates, owners)
    before = _before(graph, members, _unit_of(len(graph), members))
    if any(needs and needs[0] >= unit for unit, needs in enumerate(before)):
        order = _order(before, members, owners)
        members = [members[unit] for unit in order]
        before = _before(graph, members, _unit_of(len(graph), members))
    behind: list[list[int]] = [[] for _ in members]
    for unit, needs in enumerate(before):
        for need in needs:
            behind[need].append(unit)
    held = [owners[nodes[0]] for nodes in members]
    place = {vendor: index for index, vendor in enumerate(vendors)}
    owner = [
        place[candidates[index].vendor] if index >= 0 else _plain(graph, nodes[0])
        for index, nodes in zip(held, members, strict=True)
    ]
    unit_of = _unit_of(len(graph), members)
    return Units(vendors, owner, held, members, before, behind, unit_of)


def needs_of(graph: Graph) -> list[tuple[int, ...]]:
    """For each node, the nodes that must come first: operands, effects, definitions of dimensions."""
    needs = list(graph.operands)
    for node, further in graph.after.items():
        needs[node] = (*needs[node], *further)
    if Kind.CAST in graph.kinds:
        for node, further in _casts(graph):
            needs[node] = (*needs[node], *further)
    return needs


def _casts(graph: Graph) -> Iterable[tuple[int, tuple[int, ...]]]:
    """Explicit result types name dimensions that a match_cast defines, without an operand to say so."""
    defined: dict[int, int] = {}
    for node, kind in enumerate(graph.kinds):
        if kind is Kind.CAST:
            wanted = [defined[key] for key in _dims(graph.vars[node].ty) if key in defined]
            for key in _dims(graph.vars[node].ty):
                defined.setdefault(key, node)
        elif kind is Kind.CALL and graph.exprs[node].ty_args:
            types = graph.exprs[node].ty_args
            wanted = [defined[key] for each in types for key in _dims(each) if key in defined]
        else:
            continue
        if wanted:
            yield node, tuple(sorted(set(wanted)))


def _dims(ty: object) -> list[int]:
    return [hash(dim) for dim in relax.analysis.tir_vars_in_type(ty)]


def _plain(graph: Graph, node: int) -> int:
    return NEUTRAL if graph.kinds[node] in _NEUTRAL else HOST


def _members(
    graph: Graph, candidates: Sequence[Candidate], owners: Sequence[int]
) -> list[tuple[int, ...]]:
    """The nodes of each unit, units in order of their last node: nearly always a topological order."""
    members: list[tuple[int, ...]] = []
    for node, kind in enumerate(graph.kinds):
        owner = owners[node]
        if owner >= 0:
            if candidates[owner].nodes[-1] == node:
                members.append(candidates[owner].nodes)
        elif kind not in _FREE and (kind is not Kind.LITERAL or node in graph.after):
            members.append((node,))
    return members


def _unit_of(size: int, members: Sequence[tuple[int, ...]]) -> list[int]:
    unit_of = [-1] * size
    for unit, nodes in enumerate(members):
        for node in nodes:
            unit_of[node] = unit
    return unit_of


def _before(
    graph: Graph, members: Sequence[tuple[int, ...]], unit_of: Sequence[int]
) -> list[tuple[int, ...]]:
    needs = needs_of(graph)
    before: list[tuple[int, ...]] = []
    for unit, nodes in enumerate(members):
        found = {unit_of[need] for node in nodes for need in needs[node]}
        found.discard(-1)
        found.discard(unit)
        before.append(tuple(sorted(found, reverse=True)) if len(found) > 1 else tuple(found))
    return before


def _order(
    before: Sequence[tuple[int, ...]], members: Sequence[tuple[int, ...]], owners: Sequence[int]
) -> list[int]:
    """A topological order that stays near to binding order."""
    behind: list[list[int]] = [[] for _ in before]
    missing = [len(needs) for needs in before]
    for unit, needs in enumerate(before):
        for need in needs:
            behind[need].append(unit)
    ready = [unit for unit, count in enumerate(missing) if not count]
    order: list[int] = []
    while ready:
        unit = heapq.heappop(ready)
        order.append(unit)
        for user in behind[unit]:
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(ready, user)
    if len(order) < len(before):
        left = [unit for unit, count in enumerate(missing) if count]
        parts = _strong(left, behind)
        raise ContractionCycleError(
            sorted(_last_composite(part, members, owners) for part in parts)
        )
    return order


def _last_composite(
    part: Sequence[int], members: Sequence[tuple[int, ...]], owners: Sequence[int]
) -> int:
    """The candidate of least priority in a cycle; single nodes alone close none."""
    return max(owners[members[unit][0]] for unit in part if len(members[unit]) > 1)


def _strong(units: Sequence[int], behind: Sequence[Sequence[int]]) -> list[list[int]]:
    """The strongly connected components of more than one unit (Tarjan, without recursion)."""
    inside = set(units)
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    parts: list[list[int]] = []
    for root in units:
        if root in index:
            continue
        work = [(root, iter(behind[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            unit, users = work[-1]
            for user in users:
                if user not in inside:
                    continue
                if user not in index:
                    index[user] = low[user] = len(index)
                    stack.append(user)
                    on_stack.add(user)
                    work.append((user, iter(behind[user])))
                    break
                if user in on_stack:
                    low[unit] = min(low[unit], index[user])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[unit])
                if low[unit] == index[unit]:
                    part = [stack.pop()]
                    while part[-1] != unit:
                        part.append(stack.pop())
                    on_stack.difference_update(part)
                    if len(part) > 1:
                        parts.append(part)
    return parts
