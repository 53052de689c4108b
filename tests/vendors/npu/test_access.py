"""Claims: spans reach from the first to the last byte that an instruction touches, element by element."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from byoc.vendors.npu import hardware, isa
from byoc.vendors.npu.access import Claim, Span, claims, spans
from byoc.vendors.npu.isa import At, Dim, Dtype, Operand, Space

SMALL = hardware.load("small")
COUNT = st.integers(1, 4)
STRIDE = st.integers(-20, 20)
EDGE = st.integers(0, 3)


def reach(at: At, places: Iterator[int], size: int, writes: bool = False) -> Span:
    found = list(places)
    return Span(at.space, at.index, at.base + min(found), at.base + max(found) + size - 1, writes)


def grid(*steps: tuple[int, int]) -> Iterator[int]:
    for turn in itertools.product(*(range(count) for count, _ in steps)):
        yield sum(i * stride for i, (_, stride) in zip(turn, steps, strict=True))


@settings(deadline=None)
@given(st.tuples(*[st.builds(Dim, COUNT, STRIDE, STRIDE, EDGE, EDGE)] * 4))
def test_transfers(dims: tuple[Dim, Dim, Dim, Dim]) -> None:
    load = isa.Load(target=At(Space.SP, 900), source=At(Space.IN, 70, index=3), size=2, dims=dims)
    whole = grid(*((dim.before + dim.count + dim.after, dim.sp) for dim in dims))
    read = list(grid(*((dim.count, dim.dram) for dim in dims)))
    assert spans(load, SMALL) == [
        reach(load.target, whole, 2, True),
        reach(load.source, iter(read), 2),
    ]
    store = isa.Store(target=load.source, source=load.target, size=2, dims=dims)
    kept = grid(*((dim.count, dim.sp) for dim in dims))
    assert spans(store, SMALL) == [
        reach(store.target, iter(read), 2, True),
        reach(store.source, kept, 2),
    ]


@settings(deadline=None)
@given(COUNT, COUNT, COUNT, COUNT, st.integers(1, 20), st.integers(1, 20), STRIDE, STRIDE)
def test_products(m1: int, m0: int, k2: int, k1: int, k0: int, n: int, near: int, far: int) -> None:
    mm = isa.Mm(
        acc=At(Space.ACC, 5),
        accn=40,
        a=At(Space.SP, 1000),
        b=At(Space.SP, 2000),
        bn=3000,
        dtype_a=Dtype.S8,
        dtype_b=Dtype.U8,
        m1=m1,
        m0=m0,
        n=n,
        k2=k2,
        k1=k1,
        k0=k0,
        am1=far,
        am0=near,
        ak2=near,
        ak1=far,
    )
    blocks = -(-n // SMALL.columns)
    rows = (
        block * 40 + i * m0 + j for block in range(blocks) for i in range(m1) for j in range(m0)
    )
    a = grid((m1, far), (m0, near), (k2, near), (k1, far), (k0, 1))
    b = grid((blocks, 3000), (k2 * k1 * k0 * SMALL.columns, 1))
    assert spans(mm, SMALL) == [reach(mm.acc, rows, 1, True), reach(mm.a, a, 1), reach(mm.b, b, 1)]
    win = isa.Win(
        acc=mm.acc,
        accn=40,
        a=mm.a,
        b=mm.b,
        bk=far,
        m1=m1,
        m0=m0,
        k2=k2,
        k1=k1,
        channels=n,
        am1=far,
        am0=near,
        ak2=near,
        ak1=far,
        op=isa.Window.MAC,
    )
    a = grid((m1, far), (m0, near), (k2, near), (k1, far), (n, 4))
    taps = grid((k2 * k1, far), (n, 4))
    assert spans(win, SMALL)[1:] == [reach(mm.a, a, 4), reach(mm.b, taps, 4)]


@settings(deadline=None)
@given(COUNT, COUNT, st.integers(1, 30), STRIDE, STRIDE, STRIDE, st.booleans())
def test_vectors(n2: int, n1: int, n0: int, s2: int, s1: int, s0: int, each: bool) -> None:
    sp = Operand(At(Space.SP, 1000), Dtype.BF16, (s2, s1, s0))
    acc = Operand(At(Space.ACC, 100), Dtype.S32, (s2, s1, s0))
    bias = At(Space.SP, 5000)
    vec = isa.Vec(dst=sp, a=acc, b=sp, bias=bias, each=each, shape=(n2, n1, n0))
    rows = [
        i * s2 + j * s1 + k // SMALL.columns * s0
        for i in range(n2)
        for j in range(n1)
        for k in range(n0)
    ]
    bytes_ = list(grid((n2, s2), (n1, s1), (n0, s0)))
    vector = Span(Space.SP, 0, 5000, 5000 + 4 * (n0 if each else 1) - 1, False)
    assert spans(vec, SMALL) == [
        reach(sp.at, iter(bytes_), 2, True),
        reach(acc.at, iter(rows), 1),
        vector,
    ]
    red = isa.Red(dst=Operand(sp.at, strides=(s2, s1, s0)), src=acc, shape=(n2, n1, n0))
    assert spans(red, SMALL) == [
        reach(sp.at, grid((n2, s2), (n1, s1)), 4, True),
        reach(acc.at, iter(rows), 1),
    ]
    fill = isa.Fill(target=sp.at, size=1, shape=(n2, n1, n0), strides=(s2, s1, s0))
    assert spans(fill, SMALL) == [reach(sp.at, iter(bytes_), 1, True)]


def test_lines_are_claimed_where_queues_can_meet() -> None:
    load = isa.Load(target=At(Space.SP, 60), source=At(Space.CONST, 0), size=4)
    assert claims(load, SMALL) == [Claim(Space.SP, 0, 0, 0, True)]
    wide = isa.Load(target=At(Space.SP, 61), source=At(Space.TMP, 640), size=4)
    assert claims(wide, SMALL) == [
        Claim(Space.SP, 0, 0, 1, True),
        Claim(Space.TMP, 0, 10, 10, False),
    ]
    mm = isa.Mm(acc=At(Space.ACC, 0))
    assert {each.space for each in claims(mm, SMALL)} == {Space.SP}
