"""The addresses of an instruction, and what remains of it without them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any, Final

from byoc.vendors.npu import isa


def addresses(instruction: isa.Instruction) -> tuple[isa.At, ...]:
    """Every address of `instruction`, in the order of its fields."""
    return tuple(_ADDRESSES[type(instruction)](instruction))


def moved(instruction: isa.Instruction, places: Sequence[isa.At]) -> isa.Instruction:
    """`instruction` with these addresses instead of its own, in the order of `addresses`."""
    changed: dict[str, Any] = {}
    for (name, in_operand), place in zip(_PATHS[type(instruction)], places, strict=True):
        old = getattr(instruction, name)
        if (old.at if in_operand else old) != place:
            changed[name] = replace(old, at=place) if in_operand else place
    return replace(instruction, **changed) if changed else instruction


def rest(instruction: isa.Instruction) -> Hashable:
    """All of `instruction` but the bases of its addresses, equal only where every bit is."""
    kind = type(instruction)
    exact, floats = _REST[kind]
    return kind, exact(instruction), *map(float.hex, floats(instruction))


def _no_floats(instruction: isa.Instruction) -> tuple[float, ...]:
    return ()


def _leaves(kind: type[Any]) -> Iterator[tuple[str, Any]]:
    """Attribute paths and defaults of the fields of `kind`, down to addresses."""
    for each in fields(kind):
        if isinstance(each.default, isa.Operand):
            for inner in fields(isa.Operand):
                yield f"{each.name}.{inner.name}", getattr(each.default, inner.name)
        else:
            yield each.name, each.default


def _rest_of(kind: type[Any]) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    exact: list[str] = []
    floats: list[str] = []
    for path, default in _leaves(kind):
        if isinstance(default, isa.At):
            exact += (f"{path}.space", f"{path}.index", f"{path}.reg")
        else:
            (floats if isinstance(default, float) else exact).append(path)
    # A second name makes attrgetter give a tuple also for one.
    return attrgetter(*exact), attrgetter(*floats) if len(floats) > 1 else _one(floats)


def _one(floats: Sequence[str]) -> Callable[[Any], tuple[float, ...]]:
    if not floats:
        return _no_floats
    get = attrgetter(floats[0])
    return lambda instruction: (get(instruction),)


_PATHS: Final[Mapping[type[Any], tuple[tuple[str, bool], ...]]] = {
    kind: tuple(
        (path.partition(".")[0], "." in path)
        for path, default in _leaves(kind)
        if isinstance(default, isa.At)
    )
    for kind in isa.QUEUES
}

_ADDRESSES: Final[Mapping[type[Any], Callable[[Any], Any]]] = {
    kind: attrgetter(*(f"{name}.at" if inside else name for name, inside in paths))
    if len(paths) > 1
    else lambda instruction: (instruction.target,)
    for kind, paths in _PATHS.items()
}

_REST: Final = {kind: _rest_of(kind) for kind in isa.QUEUES}
