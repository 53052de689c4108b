"""Loops: instructions that repeat, their addresses advancing evenly, become hardware loops over registers.

Repetitions are found from the inside out. A *node* is an instruction or a loop; two nodes are alike when they are
equal but for their bases (of a loop: those of its first round). Whatever consecutive groups of nodes are alike,
each base advancing by the same amount from each group to the next, becomes a loop node if that takes fewer records.
Short periods come first, so that rows become loops before tiles do; double buffering is a period of two tiles.
Groups that repeat only twice come last: any two groups advance evenly, which makes them weak evidence.

A register holds what all rounds so far have added to the bases that use it: bases that advance alike, in every
loop around them, share one. It is set to 0 before the outermost loop. A loop puts it back afterwards, so that the
loop's own place in an outer round does not matter; additions in a row are joined, and those that nobody reads are
left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.addresses import addresses, moved, rest

if TYPE_CHECKING:
    import numpy as np

LONGEST: Final = 4096
"""The most nodes that a loop's body may have: longer ones are not looked for."""

Marks = tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]


@dataclass(frozen=True, slots=True)
class _Node:
    """An instruction, or a loop of `count` rounds over `body`.

    `key` is equal for nodes that are alike; `bases` are those of the first round, and `paths` how each advances, in
    this loop, the next inner one, and so on, without zeros at the end. `mark` is a linear hash of the bases.
    `records` is about how many it takes.
    """

    key: int
    bases: tuple[int, ...]
    mark: int
    records: int
    paths: tuple[tuple[int, ...], ...]
    instruction: isa.Instruction | None = None
    body: tuple[_Node, ...] = ()
    count: int = 1
    depth: int = 0


def rolled(instructions: Iterable[isa.Instruction]) -> list[isa.Record]:
    """Records that do the same as `instructions`, which may use no registers: `unrolled` gives them back.

    A loop never spans two composites. Takes registers from 1 on, setting each before it is used.
    """
    nodes = _Nodes()
    records: list[isa.Record] = []
    runs = itertools.groupby(instructions, key=lambda each: each.composite)
    for _, run in runs:
        for node in _folded([nodes.leaf(each) for each in run], nodes):
            records += _written(node)
    return records


class _Nodes:
    """Makes nodes, giving those that are alike one key."""

    def __init__(self) -> None:
        self._keys: dict[Hashable, int] = {}
        self._factors: list[int] = []

    def leaf(self, instruction: isa.Instruction) -> _Node:
        """The node of one instruction."""
        places = addresses(instruction)
        if any(place.reg for place in places):
            raise ValueError(
                f"{instruction} uses a register; only resolved instructions can be rolled"
            )
        bases = tuple(place.base for place in places)
        key = self._key(rest(instruction))
        return _Node(key, bases, self.mark(bases), 1, ((),) * len(bases), instruction)

    def loop(self, body: Sequence[_Node], second: Sequence[_Node], count: int) -> _Node | None:
        """The loop of `count` rounds that starts with these two; None where it would not pay or does not fit."""
        paths = _paths(body, second)
        depth = 1 + max(node.depth for node in body) if paths else 0
        if paths is None or depth > isa.DEPTH:
            return None
        here = sum(node.records for node in body)
        records = here + 2 + 2 * len({path for path in paths if path and path[0]})
        if records >= count * here:
            return None
        bases = tuple(base for node in body for base in node.bases)
        alike = count, tuple(node.key for node in body), paths
        return _Node(
            self._key(alike),
            bases,
            self.mark(bases),
            records,
            paths,
            None,
            tuple(body),
            count,
            depth,
        )

    def mark(self, bases: Sequence[int]) -> int:
        """Hash `bases` so that the hash of a sum is the sum of the hashes, modulo 2**64."""
        while len(self._factors) < len(bases):
            self._factors.append(_scrambled(len(self._factors) + 1))
        return sum(a * b for a, b in zip(bases, self._factors, strict=False)) & _WORD

    def _key(self, content: Hashable) -> int:
        return self._keys.setdefault(content, len(self._keys))


_WORD: Final = 2**64 - 1


def _scrambled(number: int) -> int:
    """An odd number of 64 bits without a pattern (the finaliser of splitmix64)."""
    number = number * 0x9E3779B97F4A7C15 & _WORD
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    number = (number ^ number >> 27) * 0x94D049BB133111EB & _WORD
    return number ^ number >> 31 | 1


def _paths(first: Sequence[_Node], second: Sequence[_Node]) -> tuple[tuple[int, ...], ...] | None:
    """How the bases of `first` advance in a loop whose second round is `second`; None for lack of registers."""
    paths: list[tuple[int, ...]] = []
    used: set[tuple[int, ...]] = {()}
    for one, two in zip(first, second, strict=True):
        for base, later, inner in zip(one.bases, two.bases, one.paths, strict=True):
            path = _trimmed((later - base, *inner))
            paths.append(path)
            used.add(path)
        if len(used) > isa.REGISTERS:
            return None
    return tuple(paths)


def _trimmed(path: tuple[int, ...]) -> tuple[int, ...]:
    while path and not path[-1]:
        path = path[:-1]
    return path


def _folded(run: list[_Node], nodes: _Nodes) -> list[_Node]:
    """`run` with loops for all that repeats."""
    while True:
        changed = _fold_once(run, nodes, 3) or _fold_once(run, nodes, 2)
        if changed is None:
            return run
        run = changed


def _fold_once(run: list[_Node], nodes: _Nodes, least: int) -> list[_Node] | None:
    """`run` with loops of the shortest period that gives any of at least `least` rounds; None if none does."""
    import numpy as np

    keys = np.array([node.key for node in run], np.int64)
    marks = np.array([node.mark for node in run], np.uint64)
    for period in range(1, min(len(run) // least, LONGEST) + 1):
        if not _alike((keys[::period], marks[::period]), 1, least).any():
            continue  # a run of as many alike as the period is long would have one of these
        found = _alike((keys, marks), period, least)
        folded = _replaced(run, nodes, _repetitions(found, period, least), period)
        if folded is not None:
            return folded
    return None


def _alike(marks: Marks, period: int, least: int) -> np.ndarray[Any, Any]:
    """Where a node is alike the one a period later; for `least` 3 also the next, the bases advancing evenly."""
    keys, bases = marks
    same: np.ndarray[Any, Any] = keys[:-period] == keys[period:]
    if least < 3:
        return same
    steps: np.ndarray[Any, Any] = bases[period:] - bases[:-period]
    even = steps[:-period] == steps[period:]
    twice: np.ndarray[Any, Any] = same[:-period] & same[period:]
    twice &= even
    return twice


def _repetitions(
    found: np.ndarray[Any, Any], period: int, least: int
) -> Iterator[list[tuple[int, int]]]:
    """For each stretch of `found` as long as the period: the start and number of rounds of loops that it allows."""
    import numpy as np

    edges = np.flatnonzero(np.diff(found, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    long = ends - starts >= period
    for start, end in zip(starts[long].tolist(), ends[long].tolist(), strict=True):
        rounds = least - 1 + (end - start) // period
        if least > 2:
            yield [(start, rounds)]
        else:  # each two may advance by another step
            yield [(start + first * period, 2) for first in range(0, rounds - 1, 2)]


def _replaced(
    run: list[_Node], nodes: _Nodes, stretches: Iterable[list[tuple[int, int]]], period: int
) -> list[_Node] | None:
    """`run` with a loop for what each stretch allows, until one does not pay; None if none does."""
    folded: list[_Node] = []
    done = 0
    for stretch in stretches:
        for start, rounds in stretch:
            if start < done:  # the stretch before has taken some
                rounds -= -(-(done - start) // period)
                start = done
            if rounds < 2:
                continue
            second = start + period
            loop = nodes.loop(run[start:second], run[second : second + period], rounds)
            if loop is None:
                break
            folded += (*run[done:start], loop)
            done = start + rounds * period
    return [*folded, *run[done:]] if done else None


def _written(node: _Node) -> Iterator[isa.Record]:
    """The records of an outermost node."""
    numbers: dict[tuple[int, ...], int] = {(): 0}
    registers = [numbers.setdefault(path, len(numbers)) for path in node.paths]
    for register in range(1, len(numbers)):
        yield isa.Set(register, 0)
    yield from _records(node, registers, {})


def _records(
    node: _Node, registers: Sequence[int], pending: dict[int, int]
) -> Iterator[isa.Record]:
    """The records of `node`, whose bases use `registers`; `pending` is what has yet to be added to each."""
    yield from _added(registers, pending)
    if node.instruction is not None:
        places = addresses(node.instruction)
        used = [replace(at, reg=reg) for at, reg in zip(places, registers, strict=True)]
        yield moved(node.instruction, used)  # type: ignore[misc]  # of one of the queued kinds
        return
    yield isa.Loop(node.count)
    first = 0
    for each in node.body:
        yield from _records(each, registers[first : first + len(each.bases)], pending)
        first += len(each.bases)
    steps = {
        register: path[0] for register, path in zip(registers, node.paths, strict=True) if path
    }
    for register, step in steps.items():
        pending[register] = pending.get(register, 0) + step
    yield from _added(registers, pending)
    yield isa.End()
    for register, step in steps.items():
        pending[register] = -step * node.count


def _added(registers: Iterable[int], pending: dict[int, int]) -> Iterator[isa.Record]:
    for register in sorted(set(registers) & pending.keys()):
        amount = pending.pop(register)
        if amount:
            yield isa.Add(register, amount)
