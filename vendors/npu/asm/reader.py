"""Assembly: text to a program, with line and column for whatever is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, Final

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from byoc.vendors.npu import isa
from byoc.vendors.npu.asm.buffers import WIDE, Buffer, Scope, space_of
from byoc.vendors.npu.asm.complaints import syntax_error
from byoc.vendors.npu.asm.forms import FormError, integer, known, words
from byoc.vendors.npu.asm.statements import READERS, at, error
from byoc.vendors.npu.asm.writer import Assembly, Part
from byoc.vendors.npu.errors import AssemblyError
from byoc.vendors.npu.hardware import Hardware, chips, load
from byoc.vendors.npu.program import NO_CONSTANTS, Name, Port, Program

LARGEST: Final = 2**64 - 1


def assemble(text: str) -> Program:
    """The program that `text` says. Raises AssemblyError with line and column."""
    return parse(text).program


def parse(text: str) -> Assembly:
    """The program and the names of `text`. Raises AssemblyError with line and column."""
    try:
        tree = _parser().parse(f"{text}\n")
    except UnexpectedInput as unexpected:
        raise syntax_error(unexpected, text, _parser()) from None
    reader = _Reader()
    for statement in tree.children:
        if isinstance(statement, Tree):
            reader.take(statement)
    return reader.assembly()


@cache
def _parser() -> Lark:
    """Make the LALR parser; lark refuses a grammar with conflicts."""
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", maybe_placeholders=False)


class _Reader:
    """Takes statements in order and keeps what they say."""

    def __init__(self) -> None:
        self._scope = Scope()
        self._records: list[isa.Record] = []
        self._chip: Hardware | None = None
        self._ports: list[Port] = []
        self._names: dict[int, Name] = {}
        self._parts: list[tuple[int, int, dict[str, Buffer]]] = []
        self._sizes: dict[str, Any] = {}

    def take(self, statement: Tree[Token]) -> None:
        """One statement of the grammar, by the name of its rule."""
        rule = str(statement.data)
        given: list[Any] = statement.children
        if rule in READERS:
            self._records.append(READERS[rule](given, self._scope, self._composite))
        else:
            _DIRECTIVES[rule](self, *given)

    def assembly(self) -> Assembly:
        """All that was taken. Raises AssemblyError when the chip or a composite's name is missing."""
        if self._chip is None:
            raise AssemblyError(
                f"the text has no .chip; expected one of {', '.join(chips())}", line=1, column=1
            )
        program = Program(
            self._chip,
            tuple(self._ports),
            tuple(self._records),
            tuple(self._named()),
            **self._sizes,
        )
        parts = (Part(start, number, tuple(own.values())) for start, number, own in self._parts)
        return Assembly(program, tuple(self._scope.common.values()), tuple(parts))

    @property
    def _composite(self) -> int:
        return self._parts[-1][1] if self._parts else 0

    def _named(self) -> Iterator[Name]:
        for number in range(len(self._names)):
            if number not in self._names:
                raise AssemblyError(
                    f"composite {number} has no name; they count from 0 without gaps",
                    line=1,
                    column=1,
                )
            yield self._names[number]

    def _take_chip(self, name: Token) -> None:
        self._chip = load(
            at(name, lambda text: known(text, {each: each for each in chips()}, "chip"))
        )

    def _take_figures(self, *settings: Token) -> None:
        names = [each.name for each in fields(Hardware)]
        given = dict(_figure(each, names) for each in settings)
        missing = [name for name in names if name not in given]
        if missing:
            raise error(settings[0], f".chip lacks {', '.join(missing)}")
        self._chip = Hardware(**given)

    def _take_port(
        self, kind: Token, index: Token, dtype: Token, shape: Token | None = None
    ) -> None:
        counts = at(shape, _extents) if shape is not None else ()
        if len(counts) > 8:
            raise error(shape or kind, f"a tensor has at most 8 dimensions, not {len(counts)}")
        space = isa.Space.IN if kind == ".input" else isa.Space.OUT
        number = at(index, lambda text: integer(text, 0, 2**16 - 1))
        made = at(dtype, lambda text: known(text, words(isa.Dtype), "type"))
        self._ports.append(Port(space, number, made, counts))

    def _take_constants(self, size: Token, digest: Token) -> None:
        self._sizes["constants"] = at(size, _unsigned)
        self._sizes["digest"] = at(digest, _digest)

    def _take_tmp(self, size: Token) -> None:
        self._sizes["tmp"] = at(size, _unsigned)

    def _take_limit(self, *settings: Token) -> None:
        for each in settings:
            key, figure = _figure(each, ["cycles", "steps"])
            self._sizes[key] = figure

    def _take_composite(self, number: Token, *strings: Token) -> None:
        index = at(number, lambda text: integer(text, 0, 2**16 - 1))
        if strings:
            name, *nodes = (at(each, _string) for each in strings)
            if self._names.setdefault(index, made := Name(name, tuple(nodes))) != made:
                raise error(strings[0], f"composite {index} is {self._names[index].name!r} already")
        elif index not in self._names:
            raise error(number, f"composite {index} has no name yet; write one behind it")
        self._scope.enter()
        self._parts.append((len(self._records), index, self._scope.own))

    def _take_buffer(self, name: Token, space: Token, base: Token, size: Token) -> None:
        kind, index = at(space, _space)
        start = at(base, lambda text: integer(text, 0, WIDE - 1))
        extent = at(size, lambda text: integer(text, 0, WIDE - 1))
        made = Buffer(str(name), kind, start, extent, index)
        at(name, lambda _: self._scope.declare(made, common=not self._parts))


_DIRECTIVES: Final[Mapping[str, Callable[..., None]]] = {
    "chip": _Reader._take_chip,
    "figures": _Reader._take_figures,
    "port": _Reader._take_port,
    "constants": _Reader._take_constants,
    "tmp": _Reader._take_tmp,
    "limit": _Reader._take_limit,
    "composite": _Reader._take_composite,
    "buffer": _Reader._take_buffer,
}


def _figure(setting: Token, names: Sequence[str]) -> tuple[str, int]:
    key, _, _ = setting.partition("=")
    at(setting, lambda _: known(key, dict.fromkeys(names, key), "figure"))
    largest = LARGEST if key in ("cycles", "steps") else 2**32 - 1
    return key, at(setting, lambda text: integer(text, 0, largest), len(key) + 1)


def _unsigned(text: str) -> int:
    return integer(text, 0, LARGEST)


def _extents(text: str) -> tuple[int, ...]:
    return tuple(integer(each, 0, 2**32 - 1) for each in text.split("x"))


def _digest(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != len(NO_CONSTANTS):
        raise FormError("expected the SHA-256 of the constants, 64 hexadecimal digits")
    return found


def _string(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError as error:
        raise FormError(f"expected a string as JSON writes it: {error}") from None


def _space(text: str) -> tuple[isa.Space, int]:
    found = space_of(text)
    if found is None:
        known(text, words(isa.Space), "memory")
        raise FormError(f"unknown memory {text!r}")
    return found
