"""Loops: rolled instructions are the same instructions, in fewer records."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byoc.vendors.npu import isa
from byoc.vendors.npu.errors import ProgramError
from byoc.vendors.npu.isa import Add, At, End, Halt, Load, Loop, Mm, Set, Space, Store
from byoc.vendors.npu.roll import rolled
from byoc.vendors.npu.unroll import steps, unrolled
from tests.vendors.npu import programs


def depth(records: list[isa.Record]) -> int:
    deepest = here = 0
    for record in records:
        here += isinstance(record, Loop) - isinstance(record, End)
        deepest = max(deepest, here)
    return deepest


def check(instructions: list[isa.Instruction]) -> list[isa.Record]:
    records = rolled(instructions)
    assert unrolled(records) == instructions
    assert len(records) <= len(instructions)
    assert depth(records) <= isa.DEPTH
    return records


@settings(deadline=None)
@given(programs.tile_loops())
def test_unrolled_again_they_are_the_same(instructions: list[isa.Instruction]) -> None:
    check(instructions)


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 3)), max_size=60))
def test_random_instructions_survive(given_: list[tuple[int, int]]) -> None:
    check([Load(target=At(Space.SP, base * 64), size=size) for size, base in given_])


def tile(turn: int) -> list[isa.Instruction]:
    slot = turn % 2
    return [
        Load(target=At(Space.SP, slot * 4096), source=At(Space.IN, turn * 1000)),
        Mm(acc=At(Space.ACC, slot * 8), a=At(Space.SP, slot * 4096)),
        Store(target=At(Space.OUT, turn * 500), source=At(Space.SP, 9000 + slot * 4096)),
    ]


def test_double_buffering_is_a_period_of_two_tiles() -> None:
    records = check([each for turn in range(100) for each in tile(turn)])
    assert records[:3] == [Set(1, 0), Set(2, 0), Loop(50)]
    assert records[-3:] == [Add(1, 2000), Add(2, 1000), End()]
    assert len(records) == 3 + 6 + 3


def test_an_odd_tile_stands_behind_the_loop() -> None:
    records = check([each for turn in range(101) for each in tile(turn)])
    assert records[-3:] == tile(100)


def test_loops_stand_in_loops() -> None:
    body = [
        Mm(acc=At(Space.ACC, i), a=At(Space.SP, i * 10 + j * 1000), b=At(Space.SP, k * 64))
        for i in range(5)
        for j in range(6)
        for k in range(7)
    ]
    records = check([each for each in body for _ in range(8)])
    assert depth(records) == 4
    assert sum(isinstance(each, isa.Instruction) for each in records) == 1
    assert len(records) < 20


def test_no_loop_spans_two_composites() -> None:
    alike = [Load(target=At(Space.SP, 64 * i), composite=i // 50) for i in range(100)]
    assert [each for each in check(alike) if isinstance(each, Loop)] == [Loop(50), Loop(50)]


def test_no_more_loops_in_each_other_than_the_machine_has() -> None:
    shape = (3,) * 9
    bases = [0]
    for place, count in enumerate(shape):
        bases = [base + 7**place * 64 * i for i in range(count) for base in bases]
    records = check([Load(target=At(Space.SP, base)) for base in bases])
    assert depth(records) == isa.DEPTH
    assert len(records) < 1000


def test_registers_are_shared_and_never_too_many() -> None:
    def group(turn: int, kinds: int) -> list[isa.Instruction]:
        return [
            Load(target=At(Space.SP, each * each * 9999 + turn * (each + 1) * 64))
            for each in range(kinds)
        ]

    few = check([each for turn in range(50) for each in group(turn, 31)])
    assert sum(isinstance(each, Set) for each in few) == 31
    many = check([each for turn in range(50) for each in group(turn, 32)])
    assert all(each.reg < isa.REGISTERS for each in many if isinstance(each, Set))
    alike = [Load(target=At(Space.SP, n * 9999 + t * 64)) for t in range(50) for n in (0, 1, 5, 2)]
    assert sum(isinstance(each, Set) for each in check(alike)) == 1


def test_signs_of_zero_are_kept() -> None:
    records = rolled([isa.Vec(p=0.0), isa.Vec(p=-0.0)] * 10)
    signs = [str(each.p) for each in unrolled(records) if isinstance(each, isa.Vec)]
    assert signs == ["0.0", "-0.0"] * 10


def test_a_large_irregular_program_comes_through() -> None:
    chance = random.Random(0)
    check([Load(target=At(Space.SP, chance.randrange(1 << 20))) for _ in range(5000)])


def test_registers_in_what_is_rolled_are_refused() -> None:
    with pytest.raises(ValueError, match="uses a register"):
        rolled([Load(target=At(Space.SP, 0, reg=1))])


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([End()], "record 0: an end without a loop"),
        ([Halt(), Loop(2)], "record 1: the loop has no end"),
        ([Loop(0), End()], "record 0: a loop of 0 rounds"),
        ([Loop(1)] * 7 + [End()] * 7, "record 6: loops stand 7 deep; at most 6 may"),
        ([Set(0, 1)], "record 0: register 0 cannot be set; only 1 to 31 can"),
        ([Add(32, 1)], "record 0: register 32 cannot be set"),
    ],
)
def test_malformed_control_is_refused(records: list[isa.Record], words: str) -> None:
    with pytest.raises(ProgramError, match=words):
        unrolled(records)


def test_steps_are_counted_as_often_as_loops_say() -> None:
    records = [Set(1, 0), Loop(3), Load(), Loop(4), Store(), End(), End(), Halt(), Load()]
    assert steps(records) == 1 + 1 + 3 * (1 + 1 + 4 * 2 + 1)
    assert len(unrolled(records)) == 3 * 5
