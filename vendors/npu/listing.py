"""Listings: a compiled program as assembly text that says what it does, from templates; it is what is assembled.

`codegen_templates/npu/` has a template for each family of composites. Templates get sections whose every line is
ready: they say in which order, and with which words, it all stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.addresses import addresses
from byoc.vendors.npu.asm import Buffer, Scope
from byoc.vendors.npu.asm.forms import word
from byoc.vendors.npu.asm.writer import head, line
from byoc.vendors.npu.program import Name, Program
from byoc.vendors.npu.ranges import ROLES, ranges
from byoc.vendors.npu.roll import rolled

if TYPE_CHECKING:
    from jinja2 import Environment

FAMILIES: Final = ("gemm", "pool", "elementwise", "softmax", "norm", "move")
"""The families of composites; each has a template of its name."""


@dataclass(frozen=True, slots=True)
class Section:
    """What one layer became: `instructions` with tokens, in register 0, all of `composite`.

    `title` says in a line what it computes, with shapes; `config` is the tile configuration, as a report shows it.
    `buffers` name where tensors lie, with `notes` by name; what else is used on the chip gets names by its use.
    """

    composite: int
    family: str
    title: str
    instructions: tuple[isa.Instruction, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    buffers: tuple[Buffer, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """A statement, how deep in loops it stands, and what is said behind it."""

    text: str
    depth: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """Statements that serve one purpose, `title`; empty for control."""

    title: str
    depth: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A section as templates see it."""

    family: str
    title: str
    directive: str
    config: Mapping[str, Any]
    nodes: tuple[str, ...]
    buffers: tuple[Line, ...]
    phases: tuple[Phase, ...]
    instructions: int
    records: int


def listing(program: Program, sections: Sequence[Section]) -> str:
    """The text of the program that `sections` make, in their order; assembled, it is that program.

    Of `program` all is taken but its records: chip, ports, names and sizes. The text ends with a halt.
    """
    return head(program) + body(program, sections)


def body(program: Program, sections: Sequence[Section]) -> str:
    """The listing without the directives of the header, which may be changed without rendering again."""
    named: set[int] = set()
    shown = [_shown(each, program, named) for each in sections]
    silent = [
        _directive(number, program.names, named)
        for number in range(len(program.names))
        if number not in named
    ]
    return _environment().get_template("program.asm.j2").render(sections=shown, silent=silent)


def identifier(name: str, taken: Sequence[str] = ()) -> str:
    """`name` as a buffer's: letters, digits, dots and underscores, and none of `taken`."""
    plain = re.sub(r"[^A-Za-z0-9_.]+", "_", name)
    if not re.match(r"[A-Za-z_]", plain) or _RESERVED.fullmatch(plain):
        plain = f"t_{plain}"
    numbers = (f"{plain}_{number}" for number in range(2, len(taken) + 3))
    return next(each for each in (plain, *numbers) if each not in taken)


_RESERVED: Final = re.compile(
    rf"r[0-9]+|({'|'.join([*ROLES, *(space.name.lower() for space in isa.Space)])})[0-9]*"
)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parents[2] / "codegen_templates" / "npu"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # the text is no HTML
    )


def _shown(section: Section, program: Program, named: set[int]) -> _Shown:
    scope = Scope()
    found = ranges(section.instructions, program.hardware, section.buffers)
    for each in (*section.buffers, *found):
        scope.declare(each, common=False)
    records = rolled(section.instructions)
    notes = {each.name: ROLES[each.name.rstrip("0123456789")] for each in found}
    notes.update(section.notes)
    return _Shown(
        section.family,
        _comment(section.title),
        _directive(section.composite, program.names, named),
        section.config,
        tuple(map(_comment, program.names[section.composite].nodes)),
        tuple(_declared(each, notes) for each in scope.own.values()),
        tuple(_phases(records, scope)),
        len(section.instructions),
        len(records),
    )


def _directive(number: int, names: Sequence[Name], named: set[int]) -> str:
    if number in named:
        return f".composite {number}"
    named.add(number)
    strings = (names[number].name, *names[number].nodes)
    return f".composite {number} " + " ".join(json.dumps(s, ensure_ascii=False) for s in strings)


def _declared(buffer: Buffer, notes: Mapping[str, str]) -> Line:
    return Line(buffer.declaration, 0, _comment(notes.get(buffer.name, "")))


def _comment(text: str) -> str:
    """Text of the model's author is nothing that a line could end in."""
    return " ".join(text.split())


def _phases(records: Sequence[isa.Record], scope: Scope) -> Iterator[Phase]:
    """Statements by what they are for; every loop says what its rounds do."""
    depth = 0
    title, lines = "", [Line("", 0)][:0]
    for place, record in enumerate(records):
        depth -= isinstance(record, isa.End)
        purpose = _purpose(record, scope)
        if lines and (purpose, depth) != (title, lines[-1].depth):
            yield Phase(title, lines[0].depth, tuple(lines))
            lines = []
        title = purpose
        lines.append(Line(line(record, scope), depth, _said(records, place, scope)))
        depth += isinstance(record, isa.Loop)
    if lines:
        yield Phase(title, lines[0].depth, tuple(lines))


def _purpose(record: isa.Record, scope: Scope) -> str:
    """What an instruction is for, in two words or so."""
    if isinstance(record, isa.Load):
        return f"load {_role(record.target, scope)}"
    if isinstance(record, isa.Store):
        return f"store {_role(record.source, scope)}"
    if isinstance(record, isa.Mm):
        return "multiply"
    if isinstance(record, isa.Win):
        return {isa.Window.MAX: "largest", isa.Window.SUM: "sum"}.get(
            record.op, "multiply"
        ) + " of windows"
    if isinstance(record, isa.Vec):
        drains = record.a.at.space is isa.Space.ACC
        return "drain sums" if drains else f"{_done(record)} into {_role(record.dst.at, scope)}"
    if isinstance(record, isa.Red):
        return f"{word(record.op)} over rows of {_role(record.src.at, scope)}"
    return f"fill {_role(record.target, scope)}" if isinstance(record, isa.Fill) else ""


def _done(vec: isa.Vec) -> str:
    """What the vector unit does to each element."""
    done = ["scale"] if vec.mult.space is not isa.Space.NONE else []
    done += ["shift"] if vec.bias.space is not isa.Space.NONE else []
    done += [word(each) for each in (vec.op, vec.act) if each]
    return ", ".join(done) or "copy"


def _role(at: isa.At, scope: Scope) -> str:
    """The name of what `at` lies in, without the slot's number."""
    name = scope.name(at)
    plain = name.rstrip("0123456789")
    return plain if plain in ROLES else name


def _said(records: Sequence[isa.Record], place: int, scope: Scope) -> str:
    """What stands behind a loop and behind the registers' first values."""
    record = records[place]
    if isinstance(record, isa.Loop):
        purposes = dict.fromkeys(_purpose(each, scope) for each in _rounds(records, place))
        return f"{record.count} times: {', '.join(filter(None, purposes))}"
    if isinstance(record, isa.Set):
        names = dict.fromkeys(_movers(records, place, record.reg, scope))
        return f"how far in {', '.join(names)}"
    return ""


def _rounds(records: Sequence[isa.Record], place: int) -> Iterator[isa.Record]:
    """What stands in the loop that begins at `place`."""
    depth = 0
    for each in records[place:]:
        depth += isinstance(each, isa.Loop) - isinstance(each, isa.End)
        if not depth:
            return
        yield each


def _movers(records: Sequence[isa.Record], place: int, reg: int, scope: Scope) -> Iterator[str]:
    """What the addresses that use the register, until it is set again, lie in."""
    for each in records[place + 1 :]:
        if isinstance(each, isa.Set) and each.reg == reg:
            return
        if isinstance(each, isa.Instruction):
            yield from (scope.name(at) for at in addresses(each) if at.reg == reg)
