"""A program as a file: header, I/O table, records and names (docs/npu/isa.md, "The program file")."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import Any, Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.encoding import decode, encode
from byoc.vendors.npu.errors import ProgramError
from byoc.vendors.npu.hardware import Hardware

MAGIC: Final = b"BYOCNPU\x01"
VERSION: Final = 1
HEADER: Final = 256
ENTRY: Final = 64
"""Bytes of an entry of the I/O table."""

NO_CONSTANTS: Final = hashlib.sha256(b"").digest()

_HEADER: Final = struct.Struct("<8sII32sIIII128sQQQQ32s")
_ENTRY: Final = struct.Struct("<IIII8IQQ")
_COUNT: Final = struct.Struct("<I")
_FIGURES: Final = len(Hardware.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Port:
    """A tensor of the caller's: plain, row-major; the `index`-th of `space` IN or OUT."""

    space: isa.Space
    index: int
    dtype: isa.Dtype
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Bytes of the tensor."""
        return math.prod(self.shape) * self.dtype.bytes


@dataclass(frozen=True, slots=True)
class Name:
    """A composite's name and the nodes of the model that it stands for."""

    name: str
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """What the simulator opens. Its constants are a file of their own, of `constants` bytes and SHA-256 `digest`.

    `ports` are inputs, then outputs, each by index; `names` are the composites that instructions count in; `tmp`
    are bytes of workspace; `cycles` and `steps` (dynamic records, control included) are what it may take at most.
    """

    hardware: Hardware
    ports: tuple[Port, ...] = ()
    records: tuple[isa.Record, ...] = (isa.Halt(),)
    names: tuple[Name, ...] = ()
    constants: int = 0
    digest: bytes = NO_CONSTANTS
    tmp: int = 0
    cycles: int = 0
    steps: int = 0

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The ports that are read."""
        return tuple(port for port in self.ports if port.space is isa.Space.IN)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The ports that are written."""
        return tuple(port for port in self.ports if port.space is isa.Space.OUT)

    def to_bytes(self) -> bytes:
        """The file. Raises ProgramError for a field beyond its range, with the record's number."""
        text = _COUNT.pack(len(self.names)) + b"".join(map(_named, self.names))
        header = _HEADER.pack(
            MAGIC,
            VERSION,
            HEADER,
            self.hardware.fingerprint,
            len(self.ports),
            len(self.records),
            len(text),
            0,
            self.hardware.block,
            self.constants,
            self.tmp,
            self.cycles,
            self.steps,
            self.digest,
        )
        return b"".join((header, *map(_entry, self.ports), *self._encoded(), text))

    @classmethod
    def from_bytes(cls, data: bytes) -> Program:
        """The program that `to_bytes` wrote. Raises ProgramError for anything else, saying what is wrong where."""
        (
            _,
            _,
            _,
            fingerprint,
            ports,
            records,
            names,
            _,
            block,
            constants,
            tmp,
            cycles,
            steps,
            digest,
        ) = _header(data)
        hardware = Hardware(*struct.unpack_from(f"<{_FIGURES}I", block))
        if hardware.fingerprint != fingerprint or hardware.block != block:
            raise ProgramError("the program's header names a chip other than its fingerprint's")
        first = HEADER + ENTRY * ports
        text = first + isa.RECORD * records
        if len(data) != text + names:
            raise ProgramError(
                f"the program has {len(data)} bytes; its header speaks of {text + names}: "
                f"it was cut short or altered; compile again"
            )
        places = range(HEADER, first, ENTRY)
        return cls(
            hardware,
            tuple(_port(data, place) for place in places),
            tuple(_decoded(data, index, first) for index in range(records)),
            _names(data, text),
            constants,
            digest,
            tmp,
            cycles,
            steps,
        )

    def _encoded(self) -> Iterator[bytes]:
        for index, record in enumerate(self.records):
            try:
                yield encode(record)
            except (struct.error, KeyError) as error:
                raise ProgramError(f"record {index}, {record}: {error}") from None


def digest(constants: bytes) -> bytes:
    """What a program says of its constants."""
    return hashlib.sha256(constants).digest()


def _header(data: bytes) -> tuple[Any, ...]:
    if len(data) < HEADER:
        raise ProgramError(f"a program has at least {HEADER} bytes; this one has {len(data)}")
    header = _HEADER.unpack_from(data)
    magic, version, size = header[:3]
    if magic != MAGIC:
        raise ProgramError(f"this is no program: it starts with {magic!r} instead of {MAGIC!r}")
    if (version, size) != (VERSION, HEADER):
        raise ProgramError(
            f"the program is of version {version} with a header of {size} bytes; "
            f"this byoc reads version {VERSION}: compile again"
        )
    return header


def _entry(port: Port) -> bytes:
    if len(port.shape) > 8:
        raise ProgramError(
            f"{port} has {len(port.shape)} dimensions; a program's tensors have at most 8"
        )
    space, index, dtype, shape = astuple(port)
    padded = (*shape, *(0,) * (8 - len(shape)))
    return _ENTRY.pack(space, index, dtype, len(shape), *padded, port.bytes, 0)


def _port(data: bytes, place: int) -> Port:
    space, index, dtype, rank, *rest = _ENTRY.unpack_from(data, place)
    try:
        port = Port(isa.Space(space), index, isa.Dtype(dtype), tuple(rest[:rank]))
    except ValueError as error:
        raise ProgramError(f"I/O table at byte {place}: {error}") from None
    if rank > 8 or any(rest[rank:8]) or rest[8:] != [port.bytes, 0]:
        raise ProgramError(f"I/O table at byte {place}: shape and bytes do not fit each other")
    return port


def _decoded(data: bytes, index: int, first: int) -> isa.Record:
    place = first + isa.RECORD * index
    try:
        return decode(data[place : place + isa.RECORD])
    except (ValueError, KeyError, OverflowError) as error:
        raise ProgramError(f"record {index}: {error}") from None


def _named(name: Name) -> bytes:
    nodes = _COUNT.pack(len(name.nodes)), *map(_text, name.nodes)
    return b"".join((_text(name.name), *nodes))


def _text(text: str) -> bytes:
    data = text.encode()
    return _COUNT.pack(len(data)) + data


def _names(data: bytes, place: int) -> tuple[Name, ...]:
    """The names from `place` to the end of the file."""

    def take(size: int) -> bytes:
        nonlocal place
        place += size
        if place > len(data):
            raise ProgramError("the names at the program's end cannot be read: they are cut short")
        return data[place - size : place]

    def count() -> int:
        number: int = _COUNT.unpack(take(_COUNT.size))[0]
        return number

    def text() -> str:
        return take(count()).decode()

    try:
        names = tuple(
            [Name(text(), tuple([text() for _ in range(count())])) for _ in range(count())]
        )
    except UnicodeDecodeError as error:
        raise ProgramError(f"the names at the program's end cannot be read: {error}") from None
    if place != len(data):
        raise ProgramError(f"the names at the program's end are {len(data) - place} bytes too long")
    return names
