"""Program files: what is written is read back, and whatever else is given is refused in words."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byoc.vendors.npu import hardware, isa
from byoc.vendors.npu.encoding import decode, encode
from byoc.vendors.npu.errors import ProgramError
from byoc.vendors.npu.program import Port, Program
from tests.vendors.npu import programs

SMALL = hardware.load("small")
PROGRAM = Program(
    SMALL,
    (Port(isa.Space.IN, 0, isa.Dtype.F32, (2, 3)), Port(isa.Space.OUT, 0, isa.Dtype.S8, (6,))),
    (isa.Load(), isa.Halt()),
)


@settings(deadline=None)
@given(programs.records())
def test_records_are_read_back(record: isa.Record) -> None:
    data = encode(record)
    assert len(data) == isa.RECORD
    assert decode(data) == record
    assert encode(decode(data)) == data


@settings(deadline=None)
@given(programs.programs())
def test_programs_are_read_back(program: Program) -> None:
    data = program.to_bytes()
    assert Program.from_bytes(data) == program
    assert Program.from_bytes(data).to_bytes() == data


@pytest.mark.parametrize("size", [0, 8, 255, 256, 300, 384, 600, 768])
def test_a_program_cut_short_is_refused(size: int) -> None:
    data = PROGRAM.to_bytes()
    assert size < len(data)
    with pytest.raises(ProgramError, match=r"bytes"):
        Program.from_bytes(data[:size])


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (0, b"ELF", "this is no program"),
        (8, b"\2", "of version 2 .* compile again"),
        (20, b"\0\0", "a chip other than its fingerprint's"),
        (64, b"\7", "a chip other than its fingerprint's"),
        (256, b"\x63", "I/O table at byte 256: 99 is not a valid Space"),
        (264, b"\x63", "I/O table at byte 256: 99 is not a valid Dtype"),
        (268, b"\x09", "I/O table at byte 256: shape and bytes"),
        (272, b"\x09", "I/O table at byte 256: shape and bytes"),
        (384, b"\x05", "record 0: 5 is not a valid Opcode"),
        (385, b"\xff", "record 0: tokens 0xff"),
        (500, b"\1", "record 0: a Load with bits set that mean nothing"),
        (768, b"\1", "the names at the program's end cannot be read"),
    ],
)
def test_an_altered_program_is_refused(place: int, value: bytes, words: str) -> None:
    data = bytearray(PROGRAM.to_bytes())
    data[place : place + len(value)] = value
    with pytest.raises(ProgramError, match=words):
        Program.from_bytes(bytes(data))


@settings(deadline=None)
@given(st.integers(256, 768), st.binary(min_size=1, max_size=8))
def test_nothing_but_an_error_comes_of_garbage(place: int, value: bytes) -> None:
    data = bytearray(PROGRAM.to_bytes())
    data[place : place + len(value)] = value
    with suppress(ProgramError):
        Program.from_bytes(bytes(data))


def test_a_field_beyond_its_range_is_named() -> None:
    wide = replace(PROGRAM, records=(isa.Set(1, 0), isa.Mm(m1=2**32)))
    with pytest.raises(ProgramError, match=r"record 1, Mm\(.*m1=4294967296"):
        wide.to_bytes()


def test_the_header_stands_where_the_page_says() -> None:
    data = PROGRAM.to_bytes()
    assert struct.unpack_from("<II", data, 48) == (2, 2)
    assert data[64:192] == SMALL.block
    assert data[224:256] == PROGRAM.digest
