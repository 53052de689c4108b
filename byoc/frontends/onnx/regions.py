"""Regions: nodes joined by values that no Relax tensor holds (sequences, optionals, strings, 4-bit integers).

Such values must not cross a border, so the nodes that pass them to each other become one host call. A region
takes in every node on a path between two of its members, so that it can run at one moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx
from onnx import TypeProto

from byoc.frontends.onnx.host import reads
from byoc.frontends.onnx.types import is_tensor


@dataclass(frozen=True, slots=True)
class Region:
    """Nodes in graph order that become one host call, and why."""

    nodes: tuple[onnx.NodeProto, ...]
    reason: str


def find_regions(nodes: Sequence[onnx.NodeProto], types: Mapping[str, TypeProto]) -> dict[str, Region]:
    """Return the region of each node that is in one, by node name."""
    opaque = {name for name, proto in types.items() if not is_tensor(proto)}
    if not opaque:
        return {}
    producer = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    sources = [[producer[name] for name in reads([node]) if name in producer] for node in nodes]
    root = list(range(len(nodes)))
    passing: set[int] = set()
    for index, node in enumerate(nodes):
        for name in reads([node]):
            if name in opaque and name in producer:
                _join(root, producer[name], index)
                passing.update((producer[name], index))
    _close(root, sources, passing)
    members: dict[int, list[int]] = {}
    for index in sorted(passing):
        members.setdefault(_find(root, index), []).append(index)
    regions: dict[str, Region] = {}
    for group in members.values():
        region = Region(tuple(nodes[each] for each in group), "it passes values that are no tensors of numbers")
        regions.update((nodes[each].name, region) for each in group)
    return regions


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
                if any(_find(root, each) == region and each in passing or each in after for each in before):
                    after.add(index)
            between = _ancestors(root, sources, region, passing) & after
            for index in sorted(between):
                if index not in passing or _find(root, index) != _find(root, region):
                    passing.add(index)
                    _join(root, index, region)
                    changed = True


def _ancestors(root: list[int], sources: Sequence[Sequence[int]], region: int, passing: set[int]) -> set[int]:
    found: set[int] = set()
    for index in reversed(range(len(sources))):
        if index in found or (index in passing and _find(root, index) == region):
            found.update(sources[index])
    return found
