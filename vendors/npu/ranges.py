"""Names for what a section uses of the scratchpad and the accumulators, found from how instructions use it.

Two spans that overlap belong to one range. A range is called after what it is used for, by the first of `ROLES`
that fits: `rows` are what windows and the matrix unit read, `results` what the vector unit makes, and so on. Slots
of a ring are ranges of their own: rows0, rows1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from byoc.vendors.npu import isa
from byoc.vendors.npu.access import spans
from byoc.vendors.npu.asm import Buffer
from byoc.vendors.npu.hardware import Hardware

ROLES: Final = {
    "weights": "packed weights",
    "taps": "weights of windows",
    "rows": "input, as windows and the matrix unit read it",
    "sums": "sums, a column each lane",
    "reduced": "one value a row",
    "scales": "factors, one a channel or for all",
    "biases": "what is added, one value a channel or for all",
    "others": "second operands",
    "results": "results",
    "values": "values",
}
"""The roles of ranges, the most telling first, and what a listing says of them."""

MOST: Final = 8
"""Of more ranges with one role, all are one name."""


@dataclass(frozen=True, slots=True)
class _Use:
    space: isa.Space
    first: int
    end: int
    role: int


def ranges(
    instructions: Iterable[isa.Instruction], hardware: Hardware, known: Sequence[Buffer] = ()
) -> list[Buffer]:
    """The ranges of SP and ACC that `instructions`, resolved, touch beyond those that have a name."""
    uses: dict[_Use, None] = {}
    for each in instructions:
        for use in _uses(each, hardware):
            if not any(isa.At(use.space, use.first) in buffer for buffer in known):
                uses[use] = None
    merged = _merged(sorted(uses, key=lambda use: (use.space, use.first, use.end)))
    return [buffer for role, name in enumerate(ROLES) for buffer in _named(name, role, merged)]


def _uses(each: isa.Instruction, hardware: Hardware) -> Iterator[_Use]:
    """What `each` touches on the chip, as what."""
    order = list(ROLES)
    for span, role in zip(spans(each, hardware), _roles(each), strict=True):
        if span.space in (isa.Space.SP, isa.Space.ACC):
            accumulated = span.space is isa.Space.ACC
            role = "sums" if accumulated else role
            yield _Use(span.space, span.first, span.last + 1, order.index(role))


def _roles(each: isa.Instruction) -> list[str]:
    """The roles of the operands, in the order of `spans`."""
    if isinstance(each, isa.Load):
        return ["values", "values"]
    if isinstance(each, isa.Store):
        return ["results", "results"]
    if isinstance(each, isa.Mm):
        return ["sums", "rows", "weights"]
    if isinstance(each, isa.Win):
        return ["sums", "rows", *["taps"] * (each.op is isa.Window.MAC)]
    if isinstance(each, isa.Red):
        return ["reduced", "values"]
    if isinstance(each, isa.Vec):
        return [
            "results",
            "values",
            *["others"] * (each.op is not isa.Binary.NONE),
            *["scales"] * (each.mult.space is not isa.Space.NONE),
            *["biases"] * (each.bias.space is not isa.Space.NONE),
        ]
    return ["values"]


def _merged(uses: Iterable[_Use]) -> list[_Use]:
    """Uses that overlap, made one with the most telling role; `uses` are sorted."""
    merged: list[_Use] = []
    for use in uses:
        last = merged[-1] if merged else None
        if last is not None and last.space is use.space and use.first < last.end:
            end = max(last.end, use.end)
            merged[-1] = _Use(use.space, last.first, end, min(last.role, use.role))
        else:
            merged.append(use)
    return merged


def _named(name: str, role: int, merged: Sequence[_Use]) -> Iterator[Buffer]:
    own = [use for use in merged if use.role == role]
    if len(own) > MOST:
        own = _joined(own, merged)
    for number, use in enumerate(own):
        label = name if len(own) == 1 else f"{name}{number}"
        yield Buffer(label, use.space, use.first, use.end - use.first)


def _joined(own: Sequence[_Use], merged: Sequence[_Use]) -> list[_Use]:
    """One range over all of a role, unless others lie in between: then none."""
    first, last = own[0], own[-1]
    whole = _Use(first.space, first.first, last.end, first.role)
    between = [use for use in merged if whole.first <= use.first < whole.end]
    same = all(use.role == whole.role and use.space is whole.space for use in between)
    return [whole] if same and first.space is last.space else []
