"""Regions: nodes joined by values that no Relax tensor holds (sequences, optionals, strings, 4-bit integers).

Such values must not cross a border, so the nodes that pass them to each other become one host call. A region
takes in every node on a path between two of its members, so that it can run at one moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
from onnx import TypeProto

from byoc.frontends.onnx.host import reads
from byoc.frontends.onnx.types import is_tensor


def schedule(
    nodes: Sequence[onnx.NodeProto], types: Mapping[str, TypeProto]
) -> list[tuple[onnx.NodeProto, ...]]:
    """Return the nodes in an order that runs, those of one region together."""
    opaque = {name for name, proto in types.items() if not is_tensor(proto)}
    if not opaque:
        return [(node,) for node in nodes]
    producer = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    read = [reads([node]) for node in nodes]
    sources = [[producer[name] for name in each if name in producer] for each in read]
    root = list(range(len(nodes)))
    passing: set[int] = set()
    for index, names in enumerate(read):
        for name in names:
            if name in opaque and name in producer:
                _join(root, producer[name], index)
                passing.update((producer[name], index))
    _close(root, sources, passing)
    return _ordered(nodes, root, sources)


def _ordered(
    nodes: Sequence[onnx.NodeProto], root: list[int], sources: Sequence[Sequence[int]]
) -> list[tuple[onnx.NodeProto, ...]]:
    """The regions in topological order, each as early as its first member allows."""
    members: dict[int, list[int]] = {}
    for index in range(len(nodes)):
        members.setdefault(_find(root, index), []).append(index)
    done: set[int] = set()
    order: list[tuple[onnx.NodeProto, ...]] = []
    for index in range(len(nodes)):
        stack = [_find(root, index)]
        while stack:
            region = stack[-1]
            waiting = [_find(root, each) for member in members[region] for each in sources[member]]
            waiting = [each for each in waiting if each != region and each not in done]
            if waiting and region not in done:
                stack.extend(dict.fromkeys(reversed(waiting)))
                continue
            stack.pop()
            if region not in done:
                done.add(region)
                order.append(tuple(nodes[each] for each in members[region]))
    return order


def _find(root: list[int], index: int) -> int:
    while root[index] != index:
        root[index] = root[root[index]]
        index = root[index]
    return index


def _join(root: list[int], left: int, right: int) -> None:
    low, high = sorted((_find(root, left), _find(root, right)))
    root[high] = low


def _close(root: list[int], sources: Sequence[Sequence[int]], passing: set[int]) -> None:
    """Take in the nodes between members of one region, until nothing changes."""
    changed = True
    while changed:
        changed = False
        for region in sorted({_find(root, each) for each in passing}):
            after: set[int] = set()
            for index, before in enumerate(sources):
                if any(
                    (_find(root, each) == region and each in passing) or each in after
                    for each in before
                ):
                    after.add(index)
            between = _ancestors(root, sources, region, passing) & after
            for index in sorted(between):
                if index not in passing or _find(root, index) != _find(root, region):
                    passing.add(index)
                    _join(root, index, region)
                    changed = True


def _ancestors(
    root: list[int], sources: Sequence[Sequence[int]], region: int, passing: set[int]
) -> set[int]:
    found: set[int] = set()
    for index in reversed(range(len(sources))):
        if index in found or (index in passing and _find(root, index) == region):
            found.update(sources[index])
    return found
