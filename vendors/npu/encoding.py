"""Encoding: instructions as records of `RECORD` bytes, little endian.

Byte 0 is the opcode, byte 1 the tokens, bytes 2 and 3 the composite, bytes 4 to 7 are 0. The other fields follow in
the order of the dataclass: an int is an i32, an enum or a bool a u32, a float an f32; an At 16 bytes (u8 space, u8
register, u16 index, u32 0, i64 base); an Operand 40 (At, u32 dtype, three i32 strides, f32 scale, i32 zero); a Dim
16 (u32 count, i32 dram, i32 sp, u16 before, u16 after); Set and Add are u32 register, u32 0, i64 value. The rest of
a record is 0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import fields
from enum import IntEnum
from typing import Any, Final

from byoc.vendors.npu import isa

_CLASSES: Final = {opcode: each for each, opcode in isa.OPCODES.items()}


def encode(record: isa.Record) -> bytes:
    """One record. Raises struct.error when a field is beyond its range."""
    opcode = isa.OPCODES[type(record)]
    tokens, composite = 0, 0
    if isinstance(record, isa.Instruction):
        tokens, composite = record.tokens, record.composite
    head = struct.pack("<BBHI", opcode, tokens, composite, 0)
    body = b"".join(_packed(getattr(record, name), wide) for name, _, wide in _fields(type(record)))
    return (head + body).ljust(isa.RECORD, b"\0")


def decode(data: bytes) -> isa.Record:
    """The instruction that `data`, one record, encodes. Raises ValueError for what encodes none."""
    record = _decoded(data)
    if encode(record) != data:
        raise ValueError(
            f"a {type(record).__name__} with bits set that mean nothing, or in another length"
        )
    return record


def _decoded(data: bytes) -> isa.Record:
    opcode, tokens, composite, _ = struct.unpack_from("<BBHI", data)
    kind: Any = _CLASSES[isa.Opcode(opcode)]
    given: dict[str, Any] = {}
    if issubclass(kind, isa.Instruction):
        if tokens >= 2 * max(isa.Tokens):
            raise ValueError(f"tokens {tokens:#x}; there are six of them")
        given = {"tokens": isa.Tokens(tokens), "composite": composite}
    place = 8
    for name, default, wide in _fields(kind):
        given[name], place = _unpacked(data, place, default, wide)
    return kind(**given)  # type: ignore[no-any-return]  # one of Record, by its opcode


def layout(kind: type[Any]) -> Iterator[tuple[str, int, str]]:
    """Name, offset in bytes and type of each field of `kind`; docs and the simulator's header are made of it."""
    place = 8
    for name, default, wide in _fields(kind):
        for inner, size, type_ in _leaves(default, wide):
            yield f"{name}{inner}", place, type_
            place += size


def _fields(kind: type[Any]) -> Iterator[tuple[str, Any, bool]]:
    """Name, default and whether it is wide, of each field in the body."""
    for each in fields(kind):
        if each.name not in ("tokens", "composite"):
            yield each.name, each.default, each.name == "value" and kind in (isa.Set, isa.Add)


def _packed(value: Any, wide: bool) -> bytes:
    if isinstance(value, isa.At):
        return struct.pack("<BBHIq", value.space, value.reg, value.index, 0, value.base)
    if isinstance(value, isa.Operand):
        rest = struct.pack("<I3ifi", value.dtype, *value.strides, value.scale, value.zero)
        return _packed(value.at, False) + rest
    if isinstance(value, isa.Dim):
        return struct.pack("<IiiHH", value.count, value.dram, value.sp, value.before, value.after)
    if isinstance(value, tuple):
        return b"".join(_packed(each, False) for each in value)
    if isinstance(value, float):
        return struct.pack("<f", value)
    if isinstance(value, bool | IntEnum):
        return struct.pack("<I", value)
    if wide:
        return struct.pack("<Iq", 0, value)
    return struct.pack("<I" if value > 0x7FFFFFFF else "<i", value)


def _unpacked(data: bytes, place: int, default: Any, wide: bool) -> tuple[Any, int]:
    if isinstance(default, isa.At):
        space, reg, index, _, base = struct.unpack_from("<BBHIq", data, place)
        return isa.At(isa.Space(space), base, reg, index), place + 16
    if isinstance(default, isa.Operand):
        at, place = _unpacked(data, place, default.at, False)
        dtype, s2, s1, s0, scale, zero = struct.unpack_from("<I3ifi", data, place)
        return isa.Operand(at, isa.Dtype(dtype), (s2, s1, s0), scale, zero), place + 24
    if isinstance(default, isa.Dim):
        return isa.Dim(*struct.unpack_from("<IiiHH", data, place)), place + 16
    if isinstance(default, tuple):
        items = []
        for each in default:
            item, place = _unpacked(data, place, each, False)
            items.append(item)
        return tuple(items), place
    if isinstance(default, float):
        return struct.unpack_from("<f", data, place)[0], place + 4
    if isinstance(default, bool | IntEnum):
        (number,) = struct.unpack_from("<I", data, place)
        return type(default)(number), place + 4
    if wide:
        return struct.unpack_from("<q", data, place + 4)[0], place + 12
    return struct.unpack_from("<i", data, place)[0], place + 4


def _leaves(default: Any, wide: bool) -> Iterator[tuple[str, int, str]]:
    """Suffix, bytes and type of what a field with this default consists of."""
    if isinstance(default, isa.At):
        yield "", 16, "At"
    elif isinstance(default, isa.Operand):
        yield "", 40, "Operand"
    elif isinstance(default, isa.Dim):
        yield "", 16, "Dim"
    elif isinstance(default, tuple):
        for index, each in enumerate(default):
            for inner, size, type_ in _leaves(each, False):
                yield f"[{index}]{inner}", size, type_
    elif isinstance(default, float):
        yield "", 4, "f32"
    elif isinstance(default, bool | IntEnum):
        yield "", 4, "u32"
    elif wide:
        yield "", 12, "u32 0, i64"
    else:
        yield "", 4, "i32"
