"""Disassembly: a program as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.asm.buffers import Buffer, Scope
from byoc.vendors.npu.asm.forms import SETTINGS, bits, shortest, token_words, word
from byoc.vendors.npu.hardware import Hardware, chips, load
from byoc.vendors.npu.program import Name, Port, Program

NOWHERE: Final = isa.At(isa.Space.NONE, 0)


@dataclass(frozen=True, slots=True)
class Part:
    """A `.composite` section: from record `start` on, instructions are of `composite`; `buffers` are its names."""

    start: int
    composite: int
    buffers: tuple[Buffer, ...] = ()


@dataclass(frozen=True, slots=True)
class Assembly:
    """What text says: the program, and the names that are lost in it."""

    program: Program
    buffers: tuple[Buffer, ...] = ()
    parts: tuple[Part, ...] = ()


def disassemble(program: Program) -> str:
    """The text of `program`: `assemble` gives it back. Floats are written as float32 holds them."""
    return write(Assembly(program, (), tuple(_parts(program))))


def write(assembly: Assembly) -> str:
    """The text of `assembly`, with its names for addresses."""
    scope = Scope()
    lines = [*_head(assembly.program)]
    lines += _declared(assembly.buffers, scope, True)
    records = assembly.program.records
    starts = [*(part.start for part in assembly.parts), len(records)]
    lines += _body(records[: starts[0]], scope)
    named: set[int] = set()
    for part, end in zip(assembly.parts, starts[1:], strict=True):
        scope.enter()
        lines += ["", _composite(part.composite, assembly.program.names, named)]
        lines += _declared(part.buffers, scope, False)
        lines += _body(records[part.start : end], scope)
    return "\n".join(lines) + "\n"


def line(record: isa.Record, scope: Scope) -> str:
    """One record as text, its addresses as `scope` names them."""
    return _WRITERS[type(record)](record, scope)


def head(program: Program) -> str:
    """The directives before the first section: chip, ports, sizes and limits."""
    return "\n".join(_head(program)) + "\n"


def _parts(program: Program) -> Iterator[Part]:
    """The sections of a program whose names are not known: one wherever the composite changes."""
    used: set[int] = set()
    current, start = -1 if program.names else 0, 0
    for place, record in enumerate(program.records):
        if isinstance(record, isa.Instruction):
            if record.composite != current:
                current = record.composite
                used.add(current)
                yield Part(start, current)
            start = place + 1
        elif isinstance(record, isa.End | isa.Add):
            start = place + 1
    last = len(program.records)
    for number in range(len(program.names)):
        if number not in used:
            yield Part(last, number)


def _head(program: Program) -> Iterator[str]:
    yield f".chip {_chip(program.hardware)}"
    for port in program.ports:
        yield _port(port)
    yield f".constants {program.constants} {program.digest.hex()}"
    yield f".tmp {program.tmp}"
    yield f".limit cycles={program.cycles} steps={program.steps}"


def _chip(hardware: Hardware) -> str:
    """The name of a chip that ships, else all figures."""
    for name in chips():
        if load(name) == hardware:
            return name
    names = [each.name for each in fields(Hardware)]
    figures = zip(names, astuple(hardware), strict=True)
    return " ".join(f"{name}={figure}" for name, figure in figures)


def _port(port: Port) -> str:
    shape = "x".join(map(str, port.shape))
    return f".{word(port.space)}put {port.index} {word(port.dtype)} {shape}".rstrip()


def _composite(number: int, names: Sequence[Name], named: set[int]) -> str:
    if number in named or number >= len(names):
        return f".composite {number}"
    named.add(number)
    strings = (names[number].name, *names[number].nodes)
    return f".composite {number} " + " ".join(json.dumps(s, ensure_ascii=False) for s in strings)


def _declared(buffers: Iterable[Buffer], scope: Scope, common: bool) -> Iterator[str]:
    for each in buffers:
        scope.declare(each, common)
        yield each.declaration


def _body(records: Iterable[isa.Record], scope: Scope) -> Iterator[str]:
    depth = 0
    for record in records:
        depth -= isinstance(record, isa.End) and depth > 0
        yield "  " * depth + line(record, scope)
        depth += isinstance(record, isa.Loop)


def _instruction(start: str, each: isa.Instruction) -> str:
    """`start`, then the settings that are not as they are left out, then the tokens."""
    words = [start]
    for setting in SETTINGS[type(each)].values():
        text = setting.write(tuple(getattr(each, field) for field in setting.fields))
        if text is not None:
            words.append(f"{setting.key}={text}")
    return " ".join((*words, *token_words(each.tokens)))


def _transfer(each: isa.Load | isa.Store, scope: Scope) -> str:
    name = type(each).__name__.lower()
    return _instruction(f"{name} {scope.write(each.target)} <- {scope.write(each.source)}", each)


def _mm(each: isa.Mm, scope: Scope) -> str:
    acc, a, b = map(scope.write, (each.acc, each.a, each.b))
    return _instruction(f"mm {acc} {_assign(each)} {a} * {b}", each)


def _win(each: isa.Win, scope: Scope) -> str:
    acc, a, b = map(scope.write, (each.acc, each.a, each.b))
    weights = f" * {b}" if each.b != NOWHERE else ""
    return _instruction(f"win {acc} {_assign(each)} {word(each.op)} {a}{weights}", each)


def _assign(each: isa.Mm | isa.Win) -> str:
    return "+=" if each.keep else "="


def _vec(each: isa.Vec, scope: Scope) -> str:
    start = f"vec {_operand(each.dst, scope)} = {_operand(each.a, scope)}"
    if each.mult != NOWHERE:
        start += f" * {scope.write(each.mult)}"
    if each.bias != NOWHERE:
        start += f" + {scope.write(each.bias)}"
    if each.op or each.b != isa.NOWHERE:
        start += f" {word(each.op)} {_operand(each.b, scope)}"
    return _instruction(start, each)


def _red(each: isa.Red, scope: Scope) -> str:
    dst, src = _operand(each.dst, scope), _operand(each.src, scope)
    return _instruction(f"red {dst} = {word(each.op)} {src}", each)


def _fill(each: isa.Fill, scope: Scope) -> str:
    return _instruction(f"fill {scope.write(each.target)} = {bits(each.value)}", each)


def _operand(operand: isa.Operand, scope: Scope) -> str:
    """`dtype[address]{s2, s1, s0; scale, zero}`, without what has its default."""
    text = f"{word(operand.dtype)}{scope.write(operand.at)}"
    quantised = operand.scale != 1.0 or operand.zero
    if not quantised and not any(operand.strides):
        return text
    inner = ", ".join(map(str, operand.strides))
    return f"{text}{{{inner}{f'; {shortest(operand.scale)}, {operand.zero}' * bool(quantised)}}}"


_WRITERS: Final[Mapping[type[Any], Callable[[Any, Scope], str]]] = {
    isa.Halt: lambda each, scope: "halt",
    isa.Set: lambda each, scope: f"set r{each.reg} {each.value}",
    isa.Add: lambda each, scope: f"add r{each.reg} {each.value}",
    isa.Loop: lambda each, scope: f"loop {each.count}",
    isa.End: lambda each, scope: "end",
    isa.Load: _transfer,
    isa.Store: _transfer,
    isa.Mm: _mm,
    isa.Vec: _vec,
    isa.Red: _red,
    isa.Win: _win,
    isa.Fill: _fill,
}
