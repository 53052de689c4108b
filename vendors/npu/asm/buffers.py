"""Names for ranges of memory, and addresses in text: `[rows0 + 512 + r3]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from byoc import nearest
from byoc.vendors.npu import isa
from byoc.vendors.npu.asm.forms import FormError, integer, word, words

WIDE: Final = 2**63


@dataclass(frozen=True, slots=True)
class Buffer:
    """`size` bytes (ACC: rows) of `space` from `base` on; `index` is an input's or output's."""

    name: str
    space: isa.Space
    base: int
    size: int
    index: int = 0

    @property
    def declaration(self) -> str:
        """The directive that declares it."""
        return f".buffer {self.name} {memory(self)} {self.base:#x} {self.size}"

    def __contains__(self, at: isa.At) -> bool:
        same = self.space is at.space and self.index == at.index
        return same and self.base <= at.base < self.base + self.size


@dataclass(slots=True)
class Scope:
    """The buffers that can be named at a place: those declared before all sections, and the section's own."""

    common: dict[str, Buffer] = field(default_factory=dict)
    own: dict[str, Buffer] = field(default_factory=dict)
    _read: dict[str, isa.At] = field(default_factory=dict)

    def enter(self) -> None:
        """Begin a section: the names of the last one are gone."""
        self.own = {}
        self._read = {}

    def declare(self, buffer: Buffer, common: bool) -> None:
        """Add `buffer`. FormError for a name that is taken, or is a memory's or a register's."""
        if _RESERVED.fullmatch(buffer.name):
            raise FormError(f"{buffer.name!r} is the name of a memory or register")
        if buffer.name in self.own or buffer.name in self.common:
            raise FormError(f"buffer {buffer.name!r} is declared twice")
        (self.common if common else self.own)[buffer.name] = buffer

    def read(self, text: str) -> isa.At:
        """The address that `text` means. FormError for a name or register that there is not."""
        if text not in self._read:
            self._read[text] = self._parsed(text)
        return self._read[text]

    def write(self, at: isa.At) -> str:
        """The text of `at`: relative to the buffer of the section that it lies in, if any."""
        buffer = self._holding(at)
        name, base = (buffer.name, at.base - buffer.base) if buffer else (memory(at), at.base)
        offset = f" {'-' if base < 0 else '+'} {abs(base)}" if base else ""
        register = f" + r{at.reg}" if at.reg else ""
        return f"[{name}{offset}{register}]"

    def name(self, at: isa.At) -> str:
        """What `at` lies in: a buffer, else a memory."""
        buffer = self._holding(at)
        return buffer.name if buffer else memory(at)

    def _holding(self, at: isa.At) -> Buffer | None:
        for table in (self.own, self.common):
            for buffer in reversed(table.values()):
                if at in buffer:
                    return buffer
        return None

    def _parsed(self, text: str) -> isa.At:
        found = _ADDRESS.fullmatch(text)
        if not found:
            raise FormError(f"expected an address, as [sp + 64] or [rows + 64 + r1], not {text!r}")
        name, terms, register = found.groups()
        offset = sum(int(term.replace(" ", ""), 0) for term in _TERM.findall(terms))
        reg = _register(register, found.start(3)) if register else 0
        plain = space_of(name)
        if plain is not None:
            if not -WIDE <= offset < WIDE:
                raise FormError(f"{offset} is beyond 64 bits", found.start(2))
            return isa.At(plain[0], offset, reg, plain[1])
        buffer = self.own.get(name) or self.common.get(name)
        if buffer is None:
            known = [*self.own, *self.common, *words(isa.Space)]
            raise FormError(f"no buffer {name!r} is declared{nearest(name, known)}", found.start(1))
        if not 0 <= offset < max(buffer.size, 1):
            raise FormError(f"{offset} is beyond buffer {name!r} of {buffer.size}", found.start(2))
        return isa.At(buffer.space, buffer.base + offset, reg, buffer.index)


_ADDRESS: Final = re.compile(
    r"\[\s*([A-Za-z_][\w.]*)((?:\s*[+-]\s*(?:0[xX][0-9a-fA-F]+|[0-9]+))*)(?:\s*\+\s*(r[0-9]+))?\s*\]"
)
_TERM: Final = re.compile(r"[+-]\s*(?:0[xX][0-9a-fA-F]+|[0-9]+)")
_MEMORY: Final = re.compile(r"(none|sp|acc|const|tmp|in|out)([0-9]{0,5})")
_RESERVED: Final = re.compile(r"r[0-9]+|(none|sp|acc|const|tmp|in|out)[0-9]*")
_INDEXED: Final = (isa.Space.IN, isa.Space.OUT)
_SPACES: Final[Mapping[str, isa.Space]] = words(isa.Space)


def memory(at: isa.At | Buffer) -> str:
    """The name of a space: inputs and outputs have their index."""
    plain = not at.index and at.space not in _INDEXED
    return word(at.space) if plain else f"{word(at.space)}{at.index}"


def space_of(name: str) -> tuple[isa.Space, int] | None:
    """The space and index that `memory` calls `name`, or None."""
    found = _MEMORY.fullmatch(name)
    return (_SPACES[found[1]], int(found[2] or 0)) if found else None


def _register(text: str, offset: int) -> int:
    try:
        return integer(text[1:], 0, isa.REGISTERS - 1)
    except FormError:
        last = isa.REGISTERS - 1
        raise FormError(f"there is no register {text}; they are r0 to r{last}", offset) from None


def register(text: str) -> int:
    """The register `text`, as in `set r1 0`."""
    if not re.fullmatch(r"r[0-9]+", text):
        raise FormError(f"expected a register, r1 to r{isa.REGISTERS - 1}, not {text!r}")
    return _register(text, 0)
