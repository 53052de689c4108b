"""Tokens: the fewest that order what different queues claim.

Instructions are taken in program order, in which a correct program may run. Each gets a wait for the latest
earlier instruction of another queue whose lines it meets, unless that one is known to be done: from a token that
its own queue took before, or from another one that it takes. So every token is needed by the very instruction
that waits for it, and counters never mix up two tokens: between two queues both ends advance.

A vector clock stands for what is known: for each queue, how many of its instructions are done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.access import Claim, claims
from byoc.vendors.npu.hardware import Hardware

if TYPE_CHECKING:
    import numpy as np

WAITS: Final = (isa.Tokens.WAIT_LOAD, isa.Tokens.WAIT_COMPUTE, isa.Tokens.WAIT_STORE)
SIGNALS: Final = (isa.Tokens.SIGNAL_LOAD, isa.Tokens.SIGNAL_COMPUTE, isa.Tokens.SIGNAL_STORE)

Clock = tuple[int, int, int]


def ordered(instructions: Iterable[isa.Instruction], hardware: Hardware) -> list[isa.Instruction]:
    """The same instructions with the tokens that they need, and no others. Addresses must be resolved."""
    given = list(instructions)
    claimed = [claims(each, hardware) for each in given]
    touched = _Touched(claimed)
    tokens = [0] * len(given)
    clocks: list[Clock] = [(0, 0, 0)] * 3
    history: tuple[list[tuple[int, Clock]], ...] = ([], [], [])
    for place, (each, lines) in enumerate(zip(given, claimed, strict=True)):
        queue = isa.QUEUES[type(each)]
        wanted = touched.latest(lines)
        clock = clocks[queue]
        for other in _needed(queue, clock, wanted, history):
            sender, known = history[other][wanted[other] - 1]
            tokens[place] |= WAITS[other]
            tokens[sender] |= SIGNALS[queue]
            clock = _joined(clock, known)
        history[queue].append((place, clock := _counted(clock, queue, len(history[queue]) + 1)))
        clocks[queue] = clock
        touched.note(queue, clock[queue], lines)
    return [_with(each, tokens[place]) for place, each in enumerate(given)]


class _Touched:
    """For each line, how many instructions of each queue had run when one last wrote it, or touched it at all."""

    def __init__(self, claimed: Sequence[Sequence[Claim]]) -> None:
        import numpy as np

        sizes: dict[tuple[isa.Space, int], int] = {}
        for lines in claimed:
            for each in lines:
                key = each.space, each.index
                sizes[key] = max(sizes.get(key, 0), each.last_line + 1)
        self._written: dict[tuple[isa.Space, int], np.ndarray[Any, Any]]
        self._written = {key: np.zeros((3, size), np.int32) for key, size in sizes.items()}
        self._touched = {key: np.zeros((3, size), np.int32) for key, size in sizes.items()}

    def latest(self, lines: Iterable[Claim]) -> Sequence[int]:
        """For each queue, up to which of its instructions all must be done before `lines` may be touched."""
        latest = [0, 0, 0]
        for each in lines:
            table = self._touched if each.writes else self._written
            met = table[each.space, each.index][:, each.first_line : each.last_line + 1]
            for queue, count in enumerate(met.max(axis=1).tolist()):
                latest[queue] = max(latest[queue], count)
        return latest

    def note(self, queue: isa.Queue, count: int, lines: Iterable[Claim]) -> None:
        """The `count`-th instruction of `queue` touches `lines`."""
        for each in lines:
            key = each.space, each.index
            self._touched[key][queue, each.first_line : each.last_line + 1] = count
            if each.writes:
                self._written[key][queue, each.first_line : each.last_line + 1] = count


def _needed(
    queue: isa.Queue,
    clock: Clock,
    wanted: Sequence[int],
    history: Sequence[Sequence[tuple[int, Clock]]],
) -> list[int]:
    """The queues from which a token is needed: what is wanted of them is neither known nor implied by another."""
    missing = [other for other in range(3) if other != queue and wanted[other] > clock[other]]
    if len(missing) < 2:
        return missing
    one, two = missing
    if history[two][wanted[two] - 1][1][one] >= wanted[one]:
        return [two]
    if history[one][wanted[one] - 1][1][two] >= wanted[two]:
        return [one]
    return missing


def _joined(one: Clock, two: Clock) -> Clock:
    return max(one[0], two[0]), max(one[1], two[1]), max(one[2], two[2])


def _counted(clock: Clock, queue: isa.Queue, count: int) -> Clock:
    return (*clock[:queue], count, *clock[queue + 1 :])  # type: ignore[return-value]  # three as before


def _with(instruction: isa.Instruction, tokens: int) -> isa.Instruction:
    if instruction.tokens == tokens:
        return instruction
    return replace(instruction, tokens=isa.Tokens(tokens))
