"""Assembly text: it says all of a program, reads back as the same, and errors name the place."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from byoc.vendors.npu import hardware, isa
from byoc.vendors.npu.asm import assemble, disassemble, parse, write
from byoc.vendors.npu.errors import AssemblyError
from byoc.vendors.npu.program import Name, Port, Program
from tests.vendors.npu import programs

SMALL = hardware.load("small")

TEXT = """\
.chip small
.input 0 f32 1x3x8x8
.output 0 f32 1x4x8x8
.constants 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
.tmp 4096
.limit cycles=9000 steps=500
.buffer table sp 0x4000 256

.composite 0 "npu.conv2d_bias_relu" "conv1" "relu1"
.buffer rows sp 0x0 8192
.buffer sums acc 0x0 512
set r1 0
loop 8
  load [rows + 64 + r1] <- [in0 + r1] dims=(3@256:4, 1+8+1@4:64) fill=0xff800000 wait(compute) signal(compute)
  mm [sums] += [rows] * [table] m=8x8 n=4 k=3x3x3 am=(640, 64) ak=(640, 64) bn=128 types=(s8, u8) zero=(0, 128)
  vec s8[rows]{0, 8, 1; 0.1, -3} = s32[sums]{0, 1, 1} + [table + 16] sub f32[tmp] shape=1x8x4 act=clip(0, 6)
  red f32[rows] = squares f32[rows]{0, 0, 4} shape=1x1x16 factor=0.0625
  win [sums] = mac [rows] * [table] m=2x2 k=3x3 channels=4 bk=16 wait(load, store)
  fill [rows] = -1 size=1 shape=1x1x64 strides=(0, 0, 1) signal(store)
  store [out0 - 64 + r1] <- [rows] size=1 dims=(16@4:4)
  add r1 -256
end

.composite 1 "npu.relu \\"odd\\""
halt
"""


@settings(deadline=None, max_examples=50)
@given(programs.programs())
@example(Program(SMALL))
@example(Program(SMALL, names=(Name("a"),)))
def test_programs_come_back_from_their_text(program: Program) -> None:
    text = disassemble(program)
    read = assemble(text)
    assert read == program
    assert read.to_bytes() == program.to_bytes()
    assert disassemble(read) == text


def test_text_comes_back_from_what_it_says() -> None:
    assert write(parse(TEXT)) == TEXT
    assert disassemble(assemble(TEXT)).count("[rows") == 0


def test_what_text_means() -> None:
    program = assemble(TEXT)
    assert program.ports == (
        Port(isa.Space.IN, 0, isa.Dtype.F32, (1, 3, 8, 8)),
        Port(isa.Space.OUT, 0, isa.Dtype.F32, (1, 4, 8, 8)),
    )
    assert program.names == (
        Name("npu.conv2d_bias_relu", ("conv1", "relu1")),
        Name('npu.relu "odd"'),
    )
    load = program.records[2]
    assert load == isa.Load(
        isa.Tokens.WAIT_COMPUTE | isa.Tokens.SIGNAL_COMPUTE,
        0,
        isa.At(isa.Space.SP, 64, 1),
        isa.At(isa.Space.IN, 0, 1),
        4,
        (isa.Dim(1, 0, 0), isa.Dim(1, 0, 0), isa.Dim(3, 256, 4), isa.Dim(8, 4, 64, 1, 1)),
        -0x800000,
    )
    mm = program.records[3]
    assert isinstance(mm, isa.Mm)
    assert (mm.keep, mm.zero_b, mm.dtype_b, mm.b.base) == (True, 128, isa.Dtype.U8, 0x4000)


def test_comments_and_blank_lines_say_nothing() -> None:
    spread = TEXT.replace(
        "\n", '  # a comment [with] "all" {sorts} = of + things\n\n   # and more\r\n'
    )
    assert write(parse(spread)) == TEXT


def test_names_belong_to_their_section() -> None:
    text = TEXT.replace("halt", ".buffer rows sp 0x100 64\nhalt")
    first, second = parse(text).parts
    assert [each.base for each in (*first.buffers, *second.buffers)] == [0, 0, 0x100]


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("  load [", "  laod [", "laod", "unknown statement 'laod'; did you mean 'load'"),
        ("loop 8", "lop 8", "lop", "unknown statement 'lop'; did you mean 'loop'"),
        (".tmp", ".temp", ".temp", "unknown statement '.temp'; did you mean '.tmp'"),
        ("small", "smal", "smal", "unknown chip 'smal'; did you mean 'small'"),
        ("+= [rows]", "+= [rosw]", "rosw", "no buffer 'rosw' .* did you mean 'rows'"),
        ("- 64 + r1]", "- 64 + r77]", "r77", "there is no register r77; they are r0 to r31"),
        ("[table + 16]", "[table + 256]", " + 256", "256 is beyond buffer 'table' of 256"),
        ("[table + 16]", "[table + + 16]", "[table + +", "expected an address"),
        ("factor=", "factro=", "factro", "unknown setting of red 'factro'; .* 'factor'"),
        ("clip(0, 6)", "clop(0, 6)", "clop", "unknown function 'clop'; did you mean 'clip'"),
        ("clip(0, 6)", "clip(0)", "clip(0)", "expected 2 values, not 1"),
        ("sub f32", "sbu f32", "sbu f32", "unknown operation 'sbu'; did you mean 'sub'"),
        ("= squares", "= square", "square ", "unknown reduction 'square'; .* 'squares'"),
        ("types=(s8,", "types=(i8,", "(i8,", "unknown type 'i8'; did you mean 'u8'"),
        ("types=(s8,", "types=(xx,", "(xx,", "unknown type 'xx'; known: f32, bf16, s8"),
        ("(load, store)", "(loads)", "wait(loads", "unknown queue 'loads'; .* 'load'"),
        ("k=3x3x3", "k=3x3", "3x3 am", "expected 3 numbers, as in 2x4x8, not 2"),
        ("1+8+1@4:64", "1+8@4:64", "(3@256", "expected count@dram stride:sp stride"),
        ("n=4 ", "n=4 n=5 ", "n=5", "n is given twice"),
        ("n=4 ", "n=four ", "four", "expected a whole number, not 'four'"),
        ("add r1 -256", "add r1", "\nend", "the line ends too early; expected a whole number"),
        ("add r1 -256", "add f1 -256", "f1 -256", "expected a register"),
        ("sums acc", "rows acc", "rows acc", "buffer 'rows' is declared twice"),
        ("sums acc", "sp acc", "sp acc", "'sp' is the name of a memory"),
        ("sums acc", "sums ac", "ac 0x0", "unknown memory 'ac'; did you mean 'acc'"),
        ('1 "npu.relu \\"odd\\""', "1", "1\nhalt", "composite 1 has no name yet"),
        ('1 "npu.relu', '0 "npu.relu', '"npu.relu', "composite 0 is 'npu.conv2d_bias_relu'"),
        ('1 "npu.relu', '2 "npu.relu', "", "composite 1 has no name"),
        (".chip small\n", "", "", "the text has no .chip; expected one of large, medium, small"),
        ("cycles=9000", "cycle=9000", "cycle=", "unknown figure 'cycle'; did you mean 'cycles'"),
        ("e3b0c442", "e3b0c4", "e3b0c4", "expected the SHA-256"),
        ("1x3x8x8", "1x1x1x1x1x1x1x1x1", "1x1x1", "at most 8 dimensions, not 9"),
        ("[rows] = -1", "[rows] += -1", "+= -1", "expected '='"),
        ("] = mac", "] @ mac", "@ mac", r"unexpected '@'; expected '=' or '\+='"),
    ],
)
def test_errors_name_the_place_and_the_nearest_word(
    old: str, new: str, place: str, words: str
) -> None:
    assert TEXT.count(old) >= 1
    text = TEXT.replace(old, new, 1)
    before = text[: text.index(place)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    with pytest.raises(AssemblyError, match=words) as caught:
        assemble(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).startswith(f"line {line}, column {column}: ")


@settings(deadline=None, max_examples=100)
@given(
    st.integers(0, len(TEXT) - 1),
    st.integers(0, 12),
    st.one_of(
        st.text(max_size=4),
        st.sampled_from(
            ["[", "]", "{0}", "=", "(", "-1", "99999999999999999999", "\x00", "x=", "inf"]
        ),
    ),
)
def test_altered_text_is_read_or_refused_with_its_place(place: int, cut: int, new: str) -> None:
    text = TEXT[:place] + new + TEXT[place + cut :]
    try:
        program = assemble(text)
    except AssemblyError as error:
        assert 1 <= error.line <= text.count("\n") + 2
        assert error.column >= 1
    else:
        assert assemble(disassemble(program)) == program
