"""What is no program, or none that may run: one flaw each, refused with the record and the figures."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from byoc.vendors.npu import isa, simulate
from byoc.vendors.npu.encoding import layout
from byoc.vendors.npu.errors import ProgramError
from byoc.vendors.npu.isa import Act, Binary, Dim, Dtype, Operand, Space, Tokens, Window
from byoc.vendors.npu.program import Name, Program
from tests.vendors.npu.native.build import MEDIUM, acc, assembled, check, copy, sp

PORTS: dict[str, Any] = {"inputs": [("float32", (4, 4))], "outputs": [("int8", (64,))]}
IN, OUT = isa.At(Space.IN, 0), isa.At(Space.OUT, 0)
LOAD = isa.Load(target=sp(0), source=IN, dims=copy(16))
GOOD = assembled([LOAD], constants=b"12345", **PORTS).to_bytes()


def refusal(data: bytes, constants: bytes = b"") -> simulate.SimulationError:
    with pytest.raises(simulate.SimulationError) as refused:
        simulate.check(data, constants)
    return refused.value


def patched(place: int, new: bytes, data: bytes = GOOD) -> bytes:
    return data[:place] + new + data[place + len(new) :]


u32, u64 = struct.Struct("<I").pack, struct.Struct("<Q").pack

FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "this is no program"),
    "short": (GOOD[:255], "this is no program"),
    "magic": (patched(0, b"X"), "this is no program"),
    "version": (patched(8, u32(2)), "the version is 2, not 1"),
    "header": (patched(12, u32(255)), "the length of the header is 255, not 256"),
    "fingerprint": (patched(16, b"\0"), "do not have the fingerprint"),
    "figure": (patched(64, u32(17)), "do not have the fingerprint"),
    "reserved": (patched(60, u32(1)), "reserved bytes are not 0"),
    "cut": (GOOD[:-1], "the length of the program is"),
    "more": (GOOD + b"\0", "the length of the program is"),
    "ports": (patched(48, u32(3)), "the length of the program is"),
    "many ports": (patched(48, u32(2**32 - 1)), "the length of the program is"),
    "many records": (patched(52, u32(2**32 - 1)), "the length of the program is"),
    "many names": (patched(56, u32(2**32 - 1)), "the length of the program is"),
    "constants": (patched(192, u64(6)), "bytes of constants is 5, not 6"),
    "digest": (patched(224, b"\0\0"), "their SHA-256 differs"),
    "port's space": (patched(256, u32(3)), "a space other than in and out"),
    "port's index": (patched(260, u32(1)), "an index of the I/O table is 1, not 0"),
    "port's dtype": (patched(264, u32(5)), "has dtype 5"),
    "port's rank": (patched(268, u32(9)), "rank 9"),
    "port's extent": (patched(256 + 16 + 8, u32(3)), "an extent beyond the rank"),
    "port's bytes": (patched(256 + 48, u64(63)), "count of bytes is 63, not 64"),
    "port's end": (patched(256 + 56, u64(1)), "reserved bytes are not 0"),
}


@pytest.mark.parametrize("flaw", FILES)
def test_files(flaw: str) -> None:
    data, words = FILES[flaw]
    refused = refusal(data, b"12345")
    assert refused.kind == "malformed"
    assert re.search(words, str(refused)), refused


def test_other_constants_are_refused() -> None:
    simulate.check(GOOD, b"12345")
    assert "SHA-256 differs" in str(refusal(GOOD, b"12346"))
    assert "bytes of constants is 4, not 5" in str(refusal(GOOD, b"1234"))


def test_shapes_whose_bytes_overflow_are_refused() -> None:
    big = assembled([LOAD], inputs=[("float32", (4, 4)), ("float32", (2**31, 2**31, 2**31))])
    data = bytearray(big_bytes(big))
    assert "count of bytes" in str(refusal(bytes(data)))


def big_bytes(program: Any) -> bytes:
    """A program whose second port's bytes do not fit its field: as 64 bits."""
    small = replace(program, ports=(program.ports[0], replace(program.ports[1], shape=(1, 1, 1))))
    data = small.to_bytes()
    return patched(256 + 64 + 16, struct.pack("<3I", *[2**31] * 3), data)


@pytest.mark.parametrize(
    ("figure", "most"),
    [
        ("rows", 1024),
        ("columns", 1024),
        ("queue", 1 << 16),
        ("scratchpad", 1 << 30),
        ("burst", 1 << 20),
    ],
)
def test_chips_that_cannot_be_are_refused(figure: str, most: int) -> None:
    for value in (0, most + 1):
        chip = replace(MEDIUM, **{figure: value})
        refused = refusal(assembled([], chip=chip).to_bytes())
        assert f"the chip's {figure} is {value}; this simulator takes 1 to {most}" in str(refused)


@pytest.mark.parametrize(
    ("what", "most"), [("tmp", 4 << 30), ("cycles", 1 << 36), ("steps", 1 << 24)]
)
def test_there_is_a_limit_to_what_is_declared(what: str, most: int) -> None:
    check([], **{what: most})  # type: ignore[arg-type]
    refused = refusal(assembled([], **{what: most + 1}).to_bytes())  # type: ignore[arg-type]
    assert refused.kind == "limit"
    assert f"declares {most + 1}" in str(refused)
    assert f"gives at most {most}" in str(refused)


def text(data: bytes) -> bytes:
    return u32(len(data)) + data


A = text(b"a") + u32(0)
NO_UTF8 = [
    b"\xff",
    b"\xc3",
    b"\xc0\x80",
    b"\xe0\x80\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc3a",
]
NAMES = {
    "nothing": (b"", 0),
    "half a count": (b"\0\0", 0),
    "fewer composites": (u32(2) + A, 13),
    "many composites": (u32(2**32 - 1) + A, 13),
    "more": (u32(1) + A + b"x", 13),
    "half a length": (u32(1) + b"\1\0", 4),
    "a short name": (u32(1) + u32(2) + b"a", 8),
    "a name beyond all": (u32(1) + u32(2**32 - 1) + b"a", 8),
    "no nodes": (u32(1) + text(b"a"), 9),
    "fewer nodes": (u32(1) + text(b"a") + u32(2) + text(b"b"), 18),
    "many nodes": (u32(1) + text(b"a") + u32(2**32 - 1), 13),
    "a short node": (u32(1) + text(b"a") + u32(1) + u32(9) + b"b", 17),
    **{f"{each!r}": (u32(1) + text(each) + u32(0), 8 + len(each)) for each in NO_UTF8},
}


def named(names: bytes) -> bytes:
    """A program whose section of names is `names`."""
    data = assembled([]).to_bytes()
    size = struct.unpack_from("<I", data, 56)[0]
    return patched(56, u32(len(names)), data[:-size] + names)


@pytest.mark.parametrize("flaw", NAMES)
def test_names(flaw: str) -> None:
    names, place = NAMES[flaw]
    refused = refusal(named(names))
    assert refused.kind == "malformed"
    assert f"the names cannot be read at byte {place}: " in str(refused)
    with pytest.raises(ProgramError, match="the names at the program's end"):
        Program.from_bytes(named(names))


def test_names_may_be_any_text() -> None:
    names = (Name("", ('é😀\n"\\/\0', "ä\u07ff\uffff\U0010ffff")), Name("b"))
    data = replace(assembled([]), names=names).to_bytes()
    assert Program.from_bytes(data).names == names
    report = simulate.check(data)
    assert tuple(Name(each.name, each.nodes) for each in report.composites) == names


TENSOR = Operand(sp(0))
VEC = isa.Vec(dst=TENSOR, a=TENSOR)
MM = isa.Mm(acc=acc(0), a=sp(0), b=sp(0))
WIN = isa.Win(acc=acc(0), a=sp(0))
STORE = isa.Store(target=OUT, source=sp(0), dims=copy(16))

RECORDS: dict[str, tuple[isa.Record, str]] = {
    "register 0": (isa.Set(0, 1), "sets register 0; those that can be set are 1 to 31"),
    "register 32": (isa.Add(32, 1), "sets register 32"),
    "negative register": (isa.Set(-1, 1), "sets register -1"),
    "no turns": (isa.Loop(0), "a count of 0"),
    "composite": (replace(LOAD, composite=3), "is of composite 3; the program has 3"),
    "token bits": (replace(LOAD, tokens=Tokens(64)), "token bits that there are not"),
    "load to tmp": (replace(LOAD, target=isa.At(Space.TMP, 0)), "its target in tmp"),
    "load from sp": (replace(LOAD, source=sp(0)), "its source in sp"),
    "store to const": (replace(STORE, target=isa.At(Space.CONST, 0)), "its target in const"),
    "store to in": (replace(STORE, target=IN), "its target in in"),
    "store from acc": (replace(STORE, source=acc(0)), "its source in acc"),
    "input": (replace(LOAD, source=replace(IN, index=1)), "names in1; the program has 1"),
    "output": (replace(STORE, target=replace(OUT, index=7)), "names out7; the program has 1"),
    "index": (replace(LOAD, target=sp(0, index=1)), "an index for its target"),
    "address register": (replace(LOAD, target=sp(0, reg=32)), "at register 32; the last is 31"),
    "size": (replace(LOAD, size=3), "elements of 3 bytes; they must be 1, 2 or 4"),
    "no elements": (replace(LOAD, dims=copy(0)), "a count of 0; the least is 1"),
    "wide fill": (replace(LOAD, size=1, fill=256), "more bits than an element"),
    "stored padding": (replace(STORE, dims=(*copy(0)[:3], Dim(1, 0, 0, 1))), "stores padding"),
    "sp in mm": (replace(MM, a=acc(0)), "its a in acc"),
    "acc in mm": (replace(MM, acc=sp(0)), "its accumulators in sp"),
    "mixed floats": (replace(MM, dtype_a=Dtype.BF16), "dtypes that cannot be multiplied"),
    "mixed kinds": (replace(MM, dtype_a=Dtype.S8), "dtypes that cannot be multiplied"),
    "s32 factors": (replace(MM, dtype_a=Dtype.S32, dtype_b=Dtype.S32), "cannot be multiplied"),
    "zero of floats": (replace(MM, zero_a=1), "zero point 1"),
    "zero of s8": (replace(MM, dtype_a=Dtype.S8, dtype_b=Dtype.U8, zero_a=128), "zero point 128"),
    "zero of u8": (replace(MM, dtype_a=Dtype.S8, dtype_b=Dtype.U8, zero_b=-1), "zero point -1"),
    "mm count": (replace(MM, k1=0), "a count of 0"),
    "mm blocks": (replace(MM, m1=2, m0=3, n=17, accn=-5), "5 accumulator rows apart, each of 6"),
    "win blocks": (replace(WIN, channels=17), "0 accumulator rows apart, each of 1"),
    "vec target": (replace(VEC, dst=Operand(IN)), "its target in in"),
    "vec dtype": (replace(VEC, dst=replace(TENSOR, dtype=Dtype.S32)), "writes S32"),
    "bytes in acc": (replace(VEC, a=Operand(acc(0), Dtype.S8)), "not of 32 bits"),
    "scale": (replace(VEC, dst=Operand(sp(0), Dtype.S8, scale=0.0)), "not a positive number"),
    "scale of none": (
        replace(VEC, a=Operand(sp(0), Dtype.U8, scale=float("nan"))),
        "not a positive number",
    ),
    "b without op": (replace(VEC, b=TENSOR), "its b in sp"),
    "op without b": (replace(VEC, op=Binary.ADD), "its b in none"),
    "mult": (replace(VEC, mult=acc(0)), "its mult in acc"),
    "bias": (replace(VEC, bias=isa.At(Space.CONST, 0)), "its bias in const"),
    "nowhere": (replace(VEC, bias=isa.At(Space.NONE, 4)), "an address for its bias"),
    "vec count": (replace(VEC, shape=(1, -1, 1)), "a count of -1"),
    "red target": (
        isa.Red(dst=replace(TENSOR, dtype=Dtype.BF16), src=TENSOR),
        "a dtype other than F32",
    ),
    "win weights": (replace(WIN, b=sp(0)), "its b in sp"),
    "win without weights": (replace(WIN, op=Window.MAC), "its b in none"),
    "fill target": (isa.Fill(target=OUT), "its target in out"),
    "fill bits": (isa.Fill(size=2, value=0x10000), "more bits than an element"),
    "fill size": (isa.Fill(size=0), "elements of 0 bytes"),
}


@pytest.mark.parametrize("flaw", RECORDS)
def test_records(flaw: str) -> None:
    record, words = RECORDS[flaw]
    refused = refusal(assembled([isa.Set(1, 1), record], **PORTS).to_bytes())
    assert refused.kind == "malformed"
    assert refused.record == 1
    assert words in str(refused)


def bits(kind: type[Any], field: str, value: int) -> Callable[[bytes], bytes]:
    """Puts a 32-bit value where no dataclass could."""
    (place,) = [at for name, at, _ in layout(kind) if name == field]
    return lambda record: record[:place] + u32(value) + record[place + 4 :]


def at(place: int, value: int) -> Callable[[bytes], bytes]:
    return lambda record: record[:place] + bytes([value]) + record[place + 1 :]


BITS: dict[str, tuple[isa.Record, Callable[[bytes], bytes], str]] = {
    "opcode": (VEC, at(0, 99), "has opcode 99"),
    "head": (VEC, at(5, 1), "reserved bytes"),
    "tail": (STORE, at(191, 1), "behind its last field"),
    "address": (STORE, at(13, 1), "reserved bytes"),
    "space": (STORE, at(8, 7), "an unknown space"),
    "tokens of control": (isa.Set(1, 1), at(1, 1), "has tokens or a composite"),
    "composite of control": (isa.End(), at(2, 1), "has tokens or a composite"),
    "wide": (isa.Set(1, 1), at(12, 1), "reserved bytes"),
    "act": (VEC, bits(isa.Vec, "act", len(Act)), "has activation 21"),
    "op": (VEC, bits(isa.Vec, "op", len(Binary)), "has operation 9"),
    "each": (VEC, bits(isa.Vec, "each", 2), "a flag of 2"),
    "keep": (MM, bits(isa.Mm, "keep", 2), "a flag of 2"),
    "window": (WIN, bits(isa.Win, "op", 3), "has operation 3"),
    "reduce": (isa.Red(dst=TENSOR, src=TENSOR), bits(isa.Red, "op", 3), "has reduction 3"),
    "dtype": (MM, bits(isa.Mm, "dtype_a", 9), "cannot be multiplied"),
    "operand's dtype": (VEC, lambda record: record[:24] + u32(5) + record[28:], "unknown dtype"),
}


@pytest.mark.parametrize("flaw", BITS)
def test_bits_that_no_dataclass_has(flaw: str) -> None:
    record, change, words = BITS[flaw]
    data = assembled([record], **PORTS).to_bytes()
    first = 256 + 2 * 64
    refused = refusal(patched(first, change(data[first : first + isa.RECORD]), data))
    assert (refused.kind, refused.record) == ("malformed", 0)
    assert words in str(refused)


def test_flow() -> None:
    assert "ends a loop that there is not" in str(refusal(assembled([isa.End()]).to_bytes()))
    assert "a loop without an end" in str(refusal(assembled([isa.Loop()]).to_bytes()))
    assert "before the last record" in str(refusal(assembled([isa.Halt()]).to_bytes()))
    deep = [*[isa.Loop()] * 6, *[isa.End()] * 6]
    check(deep)
    refused = refusal(assembled([isa.Loop(), *deep, isa.End()]).to_bytes())
    assert (refused.record, "a loop deeper than 6" in str(refused)) == (6, True)
    for records in ((), (isa.Set(1, 1),)):
        program = replace(assembled([]), records=records)
        assert "the last record is no halt" in str(refusal(program.to_bytes()))


FAR: dict[str, tuple[isa.Instruction, str]] = {
    "load": (replace(LOAD, target=sp(MEDIUM.scratchpad - 60)), "writes bytes 0 to 63"),
    "before": (replace(LOAD, target=sp(-1)), "from address -1 of sp"),
    "source": (replace(LOAD, dims=copy(17)), "reads bytes 0 to 67 from address 0 of in0, which has 64"),
    "padding": (
        replace(LOAD, target=sp(1 << 20), dims=(Dim(1, 0, 0),) * 3 + (Dim(1, 0, -4, 3, 0),)),
        "writes bytes -12 to 3",
    ),
    "stride": (replace(LOAD, dims=(Dim(1, 0, 0),) * 3 + (Dim(2, -4, 4),)), "reads bytes -4 to 3"),
    "acc": (replace(MM, m0=2049), "writes rows 0 to 2048 from address 0 of acc, which has 2048"),
    "acc block": (replace(MM, n=33, accn=1024), "writes rows 0 to 2048"),
    "b": (replace(MM, b=sp((1 << 20) - 63)), "reads bytes 0 to 63"),
    "a": (replace(MM, k0=5, a=sp((1 << 20) - 16)), "reads bytes 0 to 19"),
    "mult": (replace(VEC, mult=sp((1 << 20) - 4), shape=(1, 1, 2)), "reads bytes 0 to 7"),
    "red": (isa.Red(dst=Operand(acc(2048)), src=TENSOR), "writes rows 0 to 0 from address 2048"),
    "win": (replace(WIN, op=Window.MAC, b=sp(0), k1=2, bk=1 << 20), "reads bytes 0 to 1048579"),
    "fill": (isa.Fill(shape=(2, 1, 1), strides=(1 << 20, 0, 0)), "writes bytes 0 to 1048579"),
    "tmp": (replace(STORE, target=isa.At(Space.TMP, 0)), "of tmp, which has 0"),
    "out": (replace(STORE, dims=copy(17)), "of out0, which has 64"),
}  # fmt: skip


@pytest.mark.parametrize("flaw", FAR)
def test_bounds(flaw: str) -> None:
    record, words = FAR[flaw]
    refused = refusal(assembled([record], **PORTS).to_bytes())
    assert (refused.kind, refused.record) == ("bounds", 0)
    assert words in str(refused), refused


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 1 << 62, -1])
def test_registers_cannot_lead_out(value: int) -> None:
    records = [isa.Set(5, value), replace(LOAD, target=sp(0, reg=5))]
    refused = refusal(assembled(records, **PORTS).to_bytes())
    assert (refused.kind, refused.record) == ("bounds", 1)
    # They wrap at 64 bits, and so may come back.
    there = [
        isa.Set(5, value),
        replace(LOAD, target=sp(-value if value != -(2**63) else value, reg=5)),
    ]
    check(there, **PORTS)


def test_the_last_turn_of_a_loop_is_checked_too() -> None:
    turns = [isa.Loop(17), replace(LOAD, target=sp(0, reg=1)), isa.Add(1, 65536), isa.End()]
    refused = refusal(assembled(turns, **PORTS).to_bytes())
    assert (refused.kind, refused.record) == ("bounds", 1)
    assert "from address 1048576 of sp" in str(refused)
    check([replace(turns[0], count=16), *turns[1:]], **PORTS)  # type: ignore[type-var]


def test_counts_whose_products_overflow() -> None:
    far = 2**31 - 1
    dims = tuple(Dim(2**32 - 1, far, far, 65535, 65535) for _ in range(4))
    huge = replace(LOAD, dims=dims)  # type: ignore[arg-type]
    assert refusal(assembled([huge], **PORTS).to_bytes()).kind == "bounds"
    # All at one place: in bounds, and never done.
    still = tuple(Dim(2**32 - 1, 0, 0, 65535, 65535) for _ in range(4))
    refused = refusal(assembled([replace(LOAD, dims=still)], **PORTS).to_bytes())  # type: ignore[arg-type]
    assert refused.kind == "cycles"
    counts = dict.fromkeys(("m1", "m0", "n", "k2", "k1", "k0"), far)
    assert refusal(assembled([replace(MM, **counts, accn=1)]).to_bytes()).kind in (
        "bounds",
        "malformed",
    )
    vec = replace(VEC, shape=(far, far, far), op=Binary.DIV, b=TENSOR)
    assert refusal(assembled([vec]).to_bytes()).kind == "cycles"
    win = replace(WIN, k2=far, k1=far)
    assert refusal(assembled([win]).to_bytes()).kind == "cycles"
    fill = isa.Fill(shape=(far, far, far))
    assert refusal(assembled([fill]).to_bytes()).kind == "cycles"


def test_calls_that_do_not_fit_are_refused() -> None:
    program = assembled([LOAD], **PORTS).to_bytes()
    x = np.zeros((4, 4), np.float32)
    simulate.run(program, b"", [x])
    for inputs in ([], [x, x], [x.astype(np.float64)], [x.reshape(16)], [x.view(np.int32)]):
        with pytest.raises(simulate.SimulationError, match="call: ") as refused:
            simulate.run(program, b"", inputs)
        assert refused.value.kind == "call"
