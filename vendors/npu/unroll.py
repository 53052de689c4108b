"""What the front end makes of records: control is followed, addresses are resolved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.addresses import addresses, moved
from byoc.vendors.npu.errors import ProgramError

_RANGE: Final = range(1, isa.REGISTERS)


def unrolled(records: Iterable[isa.Record]) -> list[isa.Instruction]:
    """The instructions that `records` put into the queues, in program order, their addresses in register 0.

    Raises ProgramError for loops that are not balanced, too deep or empty of rounds, and for register 0 or one
    beyond the last being set.
    """
    given = list(records)
    ends = matching(given)
    registers = [0] * isa.REGISTERS
    rounds: list[int] = []
    out: list[isa.Instruction] = []
    place = 0
    while place < len(given):
        record = given[place]
        if isinstance(record, isa.Halt):
            break
        if isinstance(record, isa.Instruction):
            out.append(_resolved(record, registers))
        elif isinstance(record, isa.Set | isa.Add):
            _set(record, registers, place)
        elif isinstance(record, isa.Loop):
            rounds.append(record.count)
        else:
            rounds[-1] -= 1
            place = ends[place] if rounds[-1] else place
            if not rounds[-1]:
                rounds.pop()
        place += 1
    return out


def steps(records: Sequence[isa.Record]) -> int:
    """How many records are taken up to the halt, control included, each as often as its loops say."""
    total, times = 0, [1]
    for record in records:
        if isinstance(record, isa.Halt):
            break
        total += times[-1]
        if isinstance(record, isa.Loop):
            times.append(times[-1] * record.count)
        elif isinstance(record, isa.End):
            times.pop()
    return total


def matching(records: Sequence[isa.Record]) -> dict[int, int]:
    """For the place of each End, that of its Loop. Raises ProgramError as `unrolled` does."""
    ends: dict[int, int] = {}
    open_: list[int] = []
    for place, record in enumerate(records):
        if isinstance(record, isa.Loop):
            open_.append(place)
            if len(open_) > isa.DEPTH:
                raise ProgramError(
                    f"record {place}: loops stand {len(open_)} deep; at most {isa.DEPTH} may"
                )
            if record.count < 1:
                raise ProgramError(
                    f"record {place}: a loop of {record.count} rounds; expected at least 1"
                )
        elif isinstance(record, isa.End):
            if not open_:
                raise ProgramError(f"record {place}: an end without a loop")
            ends[place] = open_.pop()
    if open_:
        raise ProgramError(f"record {open_[-1]}: the loop has no end")
    return ends


def _set(record: isa.Set | isa.Add, registers: list[int], place: int) -> None:
    if record.reg not in _RANGE:
        raise ProgramError(
            f"record {place}: register {record.reg} cannot be set; only {_RANGE[0]} to {_RANGE[-1]} can"
        )
    before = registers[record.reg] if isinstance(record, isa.Add) else 0
    registers[record.reg] = before + record.value


def _resolved(instruction: isa.Instruction, registers: Sequence[int]) -> isa.Instruction:
    places = addresses(instruction)
    if not any(at.reg for at in places):
        return instruction
    return moved(
        instruction, [replace(at, base=at.base + registers[at.reg], reg=0) for at in places]
    )
