"""C: a second back end, plain C99 out of the same tile program, for cores that have no accelerator beside them.

Loops stay loops, registers stay variables, every instruction becomes a block of loops with its assembly text above
it. Tokens are left out: a correct program may run in its own order. A part of a program (`parts`) becomes C alone
too; `tmp` is the caller's, so that it can hold what other parts left there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from byoc.vendors.npu import c_blocks, isa
from byoc.vendors.npu.access import spans
from byoc.vendors.npu.asm import Assembly, Part, Scope
from byoc.vendors.npu.asm.writer import line
from byoc.vendors.npu.errors import ProgramError
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.listing import identifier
from byoc.vendors.npu.program import Name, Port, Program
from byoc.vendors.npu.unroll import matching, unrolled

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True, slots=True)
class _Function:
    """A part as the template sees it."""

    function: str
    title: str
    nodes: tuple[str, ...]
    blocks: tuple[dict[str, Any], ...]


def c_source(
    assembly: Assembly, function: str = "npu_program", parts: Sequence[int] | None = None
) -> str:
    """C for `assembly`, or for some of its parts by their number.

    It defines `void FUNCTION(constants, tmp, in, out)`: pointers to bytes, of the latter two arrays of them.
    Raises ProgramError for a program whose loops span parts, or that halts before its end.
    """
    program = assembly.program
    scopes = list(_parts(assembly))
    chosen = [scopes[number] for number in (range(len(scopes)) if parts is None else parts)]
    taken: list[str] = [function]
    functions = []
    for part, records, scope in chosen:
        name = program.names[part.composite] if program.names else Name(function)
        taken.append(identifier(_word(f"{function}_{name.name}"), taken))
        functions.append(_function(taken[-1], name, records, scope, program.hardware))
    text = _environment().get_template("functions.c.j2").render(parts=functions)
    instructions = unrolled([each for _, records, _ in chosen for each in records])
    return (
        _environment()
        .get_template("program.c.j2")
        .render(
            title=_comment(", ".join(each.title for each in functions)),
            function=function,
            ports=[_port(each) for each in program.ports],
            parts=functions,
            functions=text,
            constants=program.constants,
            tmp=program.tmp,
            sp=_extent(instructions, program, isa.Space.SP),
            acc=4 * program.hardware.columns * _extent(instructions, program, isa.Space.ACC),
            columns=program.hardware.columns,
            registers=[f"r{n}" for n in range(isa.REGISTERS) if re.search(rf"\br{n}\b", text)],
            used=set(_HELPERS.findall(text)),
        )
    )


_HELPERS: Final = re.compile(
    r"\b(?:(?:get|put)_\w+|(?:wide_)?(?:quantised|larger|smaller)|sigmoid)\b"
)


def _parts(assembly: Assembly) -> Iterator[tuple[Part, list[isa.Record], Scope]]:
    """Each part with its records and its names; what stands before the first is one too."""
    records = assembly.program.records
    end = next((n for n, each in enumerate(records) if isinstance(each, isa.Halt)), len(records))
    starts = [part for part in assembly.parts if part.start < end] or [Part(0, 0)]
    starts[0] = replace(starts[0], start=0)
    ends = [*(part.start for part in starts[1:]), end]
    for part, stop in zip(starts, ends, strict=True):
        scope = Scope()
        for each in assembly.buffers:
            scope.declare(each, common=True)
        for each in part.buffers:
            scope.declare(each, common=False)
        own = list(records[part.start : stop])
        matching(own)
        yield part, own, scope


def _function(
    function: str, name: Name, records: Iterable[isa.Record], scope: Scope, hardware: Hardware
) -> _Function:
    depth = 0
    blocks = []
    for record in records:
        depth -= isinstance(record, isa.End)
        block = c_blocks.block(record, hardware, depth)
        text = line(_plain(record), scope) if isinstance(record, isa.Instruction) else ""
        blocks.append({**block, "depth": depth, "comment": text})
        depth += isinstance(record, isa.Loop)
    return _Function(function, _comment(name.name), tuple(map(_comment, name.nodes)), tuple(blocks))


def _plain(record: Any) -> isa.Record:
    """Without the tokens, which C has none of."""
    made: isa.Record = replace(record, tokens=isa.Tokens.NONE)
    return made


def _extent(instructions: Iterable[isa.Instruction], program: Program, space: isa.Space) -> int:
    """Bytes (ACC: rows) of `space` up to the last that is used. Raises ProgramError for one below its start."""
    extent = 0
    for each in instructions:
        for span in spans(each, program.hardware):
            if span.space is space:
                extent = max(extent, span.last + 1)
                if span.first < 0:
                    raise ProgramError(f"{each} begins before {space.name}")
    return extent


def _port(port: Port) -> str:
    side = "in" if port.space is isa.Space.IN else "out"
    shape = "x".join(map(str, port.shape)) or "one value"
    return f"{side}[{port.index}]: {port.dtype.name.lower()} {shape}"


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", text)


def _comment(text: str) -> str:
    """Text that no comment ends in, nor begins."""
    return " ".join(text.replace("*/", "* /").replace("/*", "/ *").split()).replace("\\", "/")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # the text is no HTML
    )


TEMPLATES: Final = Path(__file__).parents[2] / "codegen_templates" / "c"
