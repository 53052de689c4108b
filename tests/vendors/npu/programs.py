"""Programs and instructions made up by hypothesis: every field takes every value that its encoding has room for."""

from __future__ import annotations

from dataclasses import MISSING, fields
from enum import IntEnum
from typing import Any

from hypothesis import strategies as st

from byoc.vendors.npu import hardware, isa
from byoc.vendors.npu.program import Name, Port, Program

INT = st.integers(-(2**31), 2**31 - 1)
NATURAL = st.integers(0, 2**31 - 1)
WIDE = st.integers(-(2**63), 2**63 - 1)
FLOAT = st.floats(width=32, allow_nan=False)
WORDS = st.text('abc xyz_.:/#"\\é', max_size=12)


def ats() -> st.SearchStrategy[isa.At]:
    return st.builds(
        isa.At,
        st.sampled_from(isa.Space),
        st.one_of(st.integers(0, 1 << 20), WIDE),
        st.integers(0, isa.REGISTERS - 1),
        st.integers(0, 2**16 - 1),
    )


def operands() -> st.SearchStrategy[isa.Operand]:
    strides = st.tuples(INT, INT, INT)
    made = st.builds(isa.Operand, ats(), st.sampled_from(isa.Dtype), strides, FLOAT, INT)
    return st.one_of(st.just(isa.NOWHERE), made)


def dims() -> st.SearchStrategy[isa.Dim]:
    edge = st.integers(0, 2**16 - 1)
    return st.builds(isa.Dim, st.integers(0, 2**32 - 1), INT, INT, edge, edge)


def value(default: Any) -> st.SearchStrategy[Any]:
    """What a field with this default may hold."""
    if isinstance(default, isa.At):
        return ats()
    if isinstance(default, isa.Operand):
        return operands()
    if isinstance(default, isa.Dim):
        return dims()
    if isinstance(default, tuple):
        return st.tuples(*map(value, default))
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, IntEnum):
        return st.sampled_from(type(default))
    return FLOAT if isinstance(default, float) else INT


def record(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Instructions of `kind`; each field is as often its default as another value."""
    given: dict[str, st.SearchStrategy[Any]] = {}
    for each in fields(kind):
        assert each.default is not MISSING
        if each.name == "tokens":
            given[each.name] = st.integers(0, 63).map(isa.Tokens)
        elif each.name == "composite":
            given[each.name] = st.integers(0, 2)
        elif kind in (isa.Set, isa.Add):
            given[each.name] = st.integers(0, 31) if each.name == "reg" else WIDE
        elif each.name == "count":
            given[each.name] = NATURAL
        else:
            given[each.name] = st.one_of(st.just(each.default), value(each.default))
    return st.builds(kind, **given)


def records() -> st.SearchStrategy[isa.Record]:
    """Any record."""
    return st.one_of([record(kind) for kind in isa.OPCODES])


def ports() -> st.SearchStrategy[tuple[Port, ...]]:
    shape = st.lists(st.integers(0, 9), max_size=8).map(tuple)
    dtypes = st.sampled_from(isa.Dtype)
    spaces = st.sampled_from([isa.Space.IN, isa.Space.OUT])
    port = st.builds(Port, spaces, st.integers(0, 9), dtypes, shape)
    return st.lists(port, max_size=3).map(tuple)


def programs() -> st.SearchStrategy[Program]:
    name = st.builds(Name, WORDS, st.lists(WORDS, max_size=2).map(tuple))
    figure = st.integers(0, 2**63)
    return st.builds(
        Program,
        st.sampled_from([hardware.load(chip) for chip in hardware.chips()]),
        ports(),
        st.lists(records(), max_size=6).map(tuple),
        st.lists(name, min_size=3, max_size=3).map(tuple),
        figure,
        st.binary(min_size=32, max_size=32),
        figure,
        figure,
        figure,
    )


def tile_loops() -> st.SearchStrategy[list[isa.Instruction]]:
    """Nested loops of a few instructions whose addresses advance with every loop, modulo 2 in some operands."""
    advance = st.integers(-2, 2).map(lambda n: n * 64)
    counts = st.lists(st.integers(1, 4), min_size=1, max_size=3)
    bodies = st.lists(
        st.tuples(
            st.sampled_from([isa.Load, isa.Store, isa.Fill, isa.Mm]),
            st.lists(st.tuples(advance, advance, st.booleans()), min_size=9, max_size=9),
        ),
        min_size=1,
        max_size=4,
    )
    return st.builds(_unrolled, counts, bodies, st.lists(record(isa.Vec).map(_plain), max_size=1))


def _plain(each: isa.Vec) -> isa.Vec:
    from dataclasses import replace

    from byoc.vendors.npu.addresses import addresses, moved

    made = moved(each, [replace(at, reg=0) for at in addresses(each)])
    assert isinstance(made, isa.Vec)
    return made


def _unrolled(
    counts: list[int], body: list[Any], between: list[isa.Instruction]
) -> list[isa.Instruction]:
    import itertools

    from byoc.vendors.npu.addresses import addresses, moved

    out: list[isa.Instruction] = []
    for number, turn in enumerate(itertools.product(*map(range, counts))):
        for kind, steps in body:
            made = kind(composite=turn[0] // 3)
            places = []
            for at, (one, two, slots) in zip(addresses(made), steps, strict=False):
                base = number % 2 * one if slots else one * turn[-1] + two * turn[0]
                places.append(isa.At(at.space, base))
            out.append(moved(made, places))
        if turn[-1] == 0:
            out += between
    return out
