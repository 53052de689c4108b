"""Each instruction against exact.py: random shapes, strides, dtypes, places; every byte of memory compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from byoc.vendors.npu import hardware, isa, simulate
from byoc.vendors.npu.isa import Act, Binary, Dtype, Operand, Reduce, Space, Window
from tests.vendors.npu.native.build import MEDIUM, acc, assembled, copy, dims, on_chip, sp
from tests.vendors.npu.native.exact import PLAIN, PRECISE, Exact, UndefinedError

SMALL = hardware.load("small")
ODD = replace(MEDIUM, rows=3, columns=5, lanes=7)
WIDE = replace(MEDIUM, rows=7, columns=27)
CHIPS = [SMALL, MEDIUM, ODD, WIDE]
MEMORY = 8192
HALF = MEMORY // 2
"""What instructions read is below, what they write above, so that the order of elements does not matter."""

FLOATS = [Dtype.F32, Dtype.BF16]
BYTES = [Dtype.S8, Dtype.U8]


def memory(seed: int) -> np.ndarray:
    """Numbers of moderate size, as float32 and as BF16 at every even byte."""
    numbers = np.random.default_rng(seed).standard_normal(MEMORY // 2).astype(np.float32) * 2
    return (numbers.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)


def reach(shape: Sequence[int], strides: Sequence[int], size: int) -> tuple[int, int]:
    """From the address: the first byte, and the one after the last."""
    steps = [(n - 1) * s for n, s in zip(shape, strides, strict=True)]
    return sum(s for s in steps if s < 0), sum(s for s in steps if s > 0) + size


@st.composite
def source(draw: Any, shape: tuple[int, int, int], dtypes: Sequence[Dtype]) -> Operand:
    """An operand below HALF; elements may lie on each other."""
    dtype = draw(st.sampled_from(dtypes))
    size = dtype.bytes
    stride = st.one_of(st.just(1), st.integers(-40, 40)).map(lambda n: n * size)
    strides = draw(st.tuples(stride, stride, stride))
    low, high = reach(shape, strides, size)
    assume(high - low <= HALF)
    place = draw(st.integers(0, (HALF - (high - low)) // size)) * size - low
    return quantised(draw, Operand(sp(place), dtype, strides))


@st.composite
def target(draw: Any, shape: tuple[int, int, int], dtypes: Sequence[Dtype]) -> Operand:
    """An operand from HALF on; no two elements lie on each other."""
    dtype = draw(st.sampled_from(dtypes))
    strides, run = [0, 0, 0], dtype.bytes * draw(st.integers(1, 2))
    for axis in draw(st.permutations([2, 1, 0])):
        strides[axis] = run
        run *= shape[axis]
    assume(run <= HALF)
    place = HALF + draw(st.integers(0, (HALF - run) // dtype.bytes)) * dtype.bytes
    return quantised(draw, Operand(sp(place), dtype, (strides[0], strides[1], strides[2])))


def quantised(draw: Any, operand: Operand) -> Operand:
    """With a scale and a zero point where its dtype has them."""
    if operand.dtype in FLOATS:
        return operand
    zeros = {Dtype.S8: (-128, 127), Dtype.U8: (0, 255), Dtype.S32: (-(2**31), 2**31 - 1)}
    scale = draw(st.sampled_from([1.0, 0.5, 0.0123, 0.3, 3.7]))
    return replace(operand, scale=scale, zero=draw(st.integers(*zeros[operand.dtype])))


SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 4), st.sampled_from([1, 2, 5, 16, 17, 33]))


@st.composite
def vecs(draw: Any) -> isa.Vec:
    shape = draw(SHAPES)
    reads = [*FLOATS, *BYTES, Dtype.S32]
    vector = st.integers(0, HALF // 4 - shape[2]).map(lambda n: sp(4 * n))
    op = draw(st.sampled_from(Binary))
    return isa.Vec(
        dst=draw(target(shape, [*FLOATS, *BYTES])),
        a=draw(source(shape, reads)),
        b=isa.NOWHERE if op is Binary.NONE else draw(source(shape, reads)),
        mult=draw(st.one_of(st.just(isa.At(Space.NONE, 0)), vector)),
        bias=draw(st.one_of(st.just(isa.At(Space.NONE, 0)), vector)),
        each=draw(st.booleans()),
        op=op,
        act=draw(st.sampled_from(sorted(PLAIN))),
        p=draw(st.sampled_from([-1.0, 0.2])),
        q=draw(st.sampled_from([0.5, 6.0])),
        shape=shape,
    )


def agree(instructions: Sequence[isa.Instruction], seed: int, chip: Any = MEDIUM) -> None:
    before = memory(seed)
    try:
        wanted = Exact(chip, before).run(*instructions)
    except UndefinedError:
        assume(False)
    np.testing.assert_array_equal(on_chip(instructions, before, chip), wanted)


@settings(max_examples=150, deadline=None)
@given(vecs(), st.integers(0, 2**32))
def test_vec(each: isa.Vec, seed: int) -> None:
    agree([each], seed)


@pytest.mark.parametrize("act", sorted(PRECISE))
@pytest.mark.parametrize("p", [0.5, 2.0])
def test_transcendental_functions_are_rounded_once(act: Act, p: float) -> None:
    numbers = np.concatenate([np.linspace(-90, 90, 901), np.linspace(-3, 3, 901), [1e-30, 0.0]])
    if act in (Act.SQRT, Act.RSQRT, Act.POW, Act.LOG):
        numbers = np.abs(numbers) + 1e-6
    before = np.zeros(4 * len(numbers), np.float32)
    before[: len(numbers)] = numbers
    shape, strides = (1, 1, len(numbers)), (0, 0, 4)
    half = sp(8 * len(numbers))
    each = isa.Vec(
        dst=Operand(half, strides=strides), a=Operand(sp(0), strides=strides), act=act, p=p,
        shape=shape,
    )  # fmt: skip
    made = on_chip([each], before.view(np.uint8)).view(np.float32)[2 * len(numbers) :]
    wanted = Exact(MEDIUM, before.view(np.uint8)).run(each).view(np.float32)[2 * len(numbers) :]
    # Two C libraries may differ in float64's last bit, and in the one float32 that this decides.
    np.testing.assert_allclose(made, wanted, rtol=1.2e-7, atol=1e-45)
    assert np.mean(made != wanted) < 1e-2


def test_what_is_no_number_stays_none() -> None:
    before = np.full(64, np.nan, np.float32)
    for op, act in [(Binary.MAX, Act.NONE), (Binary.MIN, Act.NONE), (Binary.NONE, Act.CLIP)]:
        for a, b in ((0, 4), (4, 0)):
            before[:2] = np.nan, 1.0
            other = isa.NOWHERE if op is Binary.NONE else Operand(sp(b))
            each = isa.Vec(dst=Operand(sp(64)), a=Operand(sp(0 if op == 0 else a)), b=other, op=op,
                           act=act, p=0.0, q=6.0)  # fmt: skip
            made = on_chip([each, isa.Red(dst=Operand(sp(68)), src=Operand(sp(0), strides=(0, 0, 4)),
                                          op=Reduce.MAX, shape=(1, 1, 2))],
                           before.view(np.uint8)).view(np.float32)  # fmt: skip
            assert np.isnan(made[16])
            assert np.isnan(made[17])


def test_results_of_8_bits_saturate_and_halves_go_to_even() -> None:
    numbers = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 300, -300, 1e30, -np.inf, np.inf], np.float32)
    before = np.zeros(16, np.float32)
    before[: len(numbers)] = numbers
    strides = (0, 0, 4)
    for dtype, zero in ((Dtype.S8, 3), (Dtype.U8, 128)):
        each = isa.Vec(dst=Operand(sp(48), dtype, (0, 0, 1), 1.0, zero),
                       a=Operand(sp(0), strides=strides), shape=(1, 1, len(numbers)))  # fmt: skip
        made = on_chip([each], before.view(np.uint8))[48 : 48 + len(numbers)]
        low, high = (-128, 127) if dtype is Dtype.S8 else (0, 255)
        wanted = np.clip(np.rint(numbers) + zero, low, high)
        np.testing.assert_array_equal(made.view(np.int8 if low else np.uint8), wanted)


def test_vec_reads_and_writes_accumulators() -> None:
    columns = 16
    to_acc = isa.Vec(
        dst=Operand(acc(10), strides=(7, 2, 1)), a=Operand(sp(0), strides=(400, 160, 4)),
        act=Act.NEG, shape=(2, 3, 20),
    )  # fmt: skip
    back = isa.Vec(
        dst=Operand(sp(HALF), strides=(400, 160, 4)),
        a=Operand(acc(10), strides=(7, 2, 1)),
        b=Operand(acc(10), strides=(7, 2, 1)),
        op=Binary.ADD,
        shape=(2, 3, 20),
    )
    assert columns < 20
    agree([to_acc, back], 3)


@st.composite
def reds(draw: Any) -> isa.Red:
    shape = draw(SHAPES)
    return isa.Red(
        dst=draw(target((shape[0], shape[1], 1), [Dtype.F32])),
        src=draw(source(shape, [*FLOATS, *BYTES, Dtype.S32])),
        op=draw(st.sampled_from(Reduce)),
        factor=draw(st.sampled_from([1.0, 0.125, -1 / 3])),
        shape=shape,
    )


@settings(max_examples=80, deadline=None)
@given(reds(), st.integers(0, 2**32))
def test_red(each: isa.Red, seed: int) -> None:
    agree([each], seed)


def test_long_rows_are_reduced_in_order() -> None:
    before = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    each = isa.Red(dst=Operand(sp(12_000)), src=Operand(sp(0), strides=(0, 0, 4)),
                   op=Reduce.SUM, shape=(1, 1, 2000))  # fmt: skip
    made = on_chip([each], before.view(np.uint8)).view(np.float32)[3000]
    total = 0.0
    for value in before[:2000].tolist():
        total += value
    assert made == np.float32(total)


@st.composite
def products(draw: Any, windows: bool) -> tuple[Any, list[isa.Instruction]]:
    """A chip, and Mm or Win; then what it left in the accumulators is copied to the scratchpad."""
    chip = draw(st.sampled_from(CHIPS))
    m1, m0, k2, k1 = (draw(st.integers(1, 3)) for _ in range(4))
    n = draw(st.sampled_from([1, 4, 8, 12, 17, 30]))
    k0 = draw(st.sampled_from([1, 3, 16, 20]))
    floats = draw(st.booleans())
    dtype_a = draw(st.sampled_from(FLOATS if floats else BYTES))
    dtype_b = dtype_a if floats else draw(st.sampled_from(BYTES))
    zeros = {Dtype.S8: st.integers(-128, 127), Dtype.U8: st.integers(0, 255)}
    size = dtype_a.bytes
    stride = st.integers(-12, 12).map(lambda n: n * size)
    am1, am0, ak2, ak1 = (draw(stride) for _ in range(4))
    adjacent = n if windows else k0
    low, high = reach((m1, m0, k2, k1), (am1, am0, ak2, ak1), adjacent * size)
    assume(high - low <= HALF)
    blocks = -(-n // chip.columns)
    block = k2 * k1 * k0 * chip.columns * dtype_b.bytes
    assume(blocks * block <= HALF)
    common: dict[str, Any] = {
        "acc": acc(draw(st.integers(0, 20))),
        "accn": m1 * m0 + draw(st.integers(0, 3)),
        "a": sp(draw(st.integers(0, (HALF - (high - low)) // size)) * size - low),
        "dtype_a": dtype_a,
        "dtype_b": dtype_b,
        "zero_a": draw(zeros.get(dtype_a, st.just(0))),
        "zero_b": draw(zeros.get(dtype_b, st.just(0))),
        "keep": draw(st.booleans()),
    }
    common |= {"m1": m1, "m0": m0, "k2": k2, "k1": k1}
    common |= {"am1": am1, "am0": am0, "ak2": ak2, "ak1": ak1}
    each: isa.Instruction
    if windows:
        op = draw(st.sampled_from(Window))
        each = isa.Win(**common, channels=n, op=op)
        if op is Window.MAC:
            each = replace(each, b=sp(64), bk=n * dtype_b.bytes + draw(st.integers(0, 8)))
            assume(k2 * k1 * each.bk + 64 <= HALF)
        else:
            each = replace(each, dtype_b=Dtype.F32, zero_b=0)
    else:
        b = sp(draw(st.integers(0, HALF - blocks * block)) // 4 * 4)
        each = isa.Mm(**common, b=b, bn=block, n=n, k0=k0)
    rows = blocks * each.accn
    before = isa.Vec(
        dst=Operand(acc(each.acc.base), strides=(0, 1, each.accn)),
        a=Operand(sp(0), Dtype.U8, (0, 1, 1)), mult=sp(HALF - 4), each=False,
        shape=(1, m1 * m0, n),
    )  # fmt: skip
    kept: Operand = Operand(acc(each.acc.base), Dtype.F32 if floats else Dtype.S32,
                            (0, 1, each.accn))  # fmt: skip
    out = isa.Vec(
        dst=Operand(sp(HALF), strides=(0, 4 * n, 4)), a=kept, shape=(1, m1 * m0, n)
    )  # fmt: skip
    assume(HALF + 4 * n * m1 * m0 <= MEMORY)
    assert rows < chip.accumulators
    return chip, [before, each, out]


@settings(max_examples=100, deadline=None)
@given(products(windows=False), st.integers(0, 2**32))
def test_mm(made: tuple[Any, list[isa.Instruction]], seed: int) -> None:
    chip, instructions = made
    agree(instructions, seed, chip)


@settings(max_examples=100, deadline=None)
@given(products(windows=True), st.integers(0, 2**32))
def test_win(made: tuple[Any, list[isa.Instruction]], seed: int) -> None:
    chip, instructions = made
    agree(instructions, seed, chip)


def test_integer_sums_wrap() -> None:
    k = 40_000
    before = np.full(k + 16 * k, 255, np.uint8)
    each = isa.Mm(acc=acc(0), a=sp(0), b=sp(k), dtype_a=Dtype.U8, dtype_b=Dtype.U8, k0=k)
    out = isa.Vec(dst=Operand(sp(0)), a=Operand(acc(0), Dtype.S32))
    made = on_chip([each, out], before)[:4].view(np.float32)[0]
    assert made == np.float32((k * 255 * 255 + 2**31) % 2**32 - 2**31)


def test_columns_beyond_n_keep_what_they_hold() -> None:
    strides = (0, 0, 4)
    ones = isa.Vec(dst=Operand(acc(0), strides=(0, 1, 1)), a=Operand(sp(0)), shape=(1, 1, 16))
    each = isa.Mm(acc=acc(0), a=sp(64), b=sp(64), n=3, k0=1)
    out = isa.Vec(dst=Operand(sp(128), strides=strides), a=Operand(acc(0)), shape=(1, 1, 16))
    before = np.full(48, 2, np.float32)
    before[0] = 7
    made = on_chip([ones, each, out], before.view(np.uint8)).view(np.float32)[32:48]
    np.testing.assert_array_equal(made, [4] * 3 + [7] * 13)


@settings(max_examples=60, deadline=None)
@given(st.data(), SHAPES, st.sampled_from([1, 2, 4]), st.integers(0, 2**32))
def test_fill(data: Any, shape: tuple[int, int, int], size: int, seed: int) -> None:
    by_size = {1: Dtype.U8, 2: Dtype.BF16, 4: Dtype.F32}
    operand = data.draw(target(shape, [by_size[size]]))
    bits = data.draw(st.one_of(st.just(0), st.integers(0, 256**size - 1)))
    agree([isa.Fill(target=operand.at, size=size, value=bits, shape=shape, strides=operand.strides)],
          seed)  # fmt: skip


@st.composite
def transfers(draw: Any) -> tuple[int, list[isa.Dim], int, int, int]:
    """Size, dims, address and bits of padding; the scratchpad's elements lie side by side in some order."""
    size = draw(st.sampled_from([1, 2, 4]))
    counts = [draw(st.integers(1, 4)) for _ in range(4)]
    edges = [draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) for _ in range(4)]
    sps, run = [0] * 4, size
    for axis in draw(st.permutations([3, 2, 1, 0])):
        sps[axis] = run
        run *= counts[axis] + sum(edges[axis])
    sign = [draw(st.sampled_from([1, 1, -1])) for _ in range(4)]
    drams = [draw(st.integers(-9, 40)) * size for _ in range(4)]
    dims = [
        isa.Dim(count, dram, sp_ * minus, *edge)
        for count, dram, sp_, minus, edge in zip(counts, drams, sps, sign, edges, strict=True)
    ]
    return size, dims, run, draw(st.integers(0, 256**size - 1)), draw(st.integers(0, 2**32))


@settings(max_examples=100, deadline=None)
@given(transfers())
def test_load(made: tuple[int, list[isa.Dim], int, int, int]) -> None:
    size, four, bytes_, bits, seed = made
    outer = [dim.before + dim.count + dim.after for dim in four]
    low, _ = reach(outer, [dim.sp for dim in four], size)
    dram_low, dram_high = reach([dim.count for dim in four], [dim.dram for dim in four], size)
    constants = np.random.default_rng(seed).integers(0, 256, dram_high - dram_low, np.uint8)
    each = isa.Load(isa.Tokens.SIGNAL_STORE, target=sp(-low),
                    source=isa.At(Space.CONST, -dram_low), size=size,
                    dims=(four[0], four[1], four[2], four[3]), fill=bits)  # fmt: skip
    store = isa.Store(isa.Tokens.WAIT_LOAD, target=isa.At(Space.OUT, 0), source=sp(0), size=1,
                      dims=copy(bytes_, 1))  # fmt: skip
    program = assembled([each, store], outputs=[("uint8", (bytes_,))],
                        constants=constants.tobytes())  # fmt: skip
    (got,), _ = simulate.run(program.to_bytes(), constants.tobytes(), [])
    np.testing.assert_array_equal(got, loaded(each, constants, -dram_low, -low, bytes_))


def loaded(each: isa.Load, constants: np.ndarray, first: int, place: int, size: int) -> np.ndarray:
    """The scratchpad after a load, element by element."""
    made = np.full(size, 255, np.uint8)
    bits = np.frombuffer(each.fill.to_bytes(4, "little"), np.uint8)[: each.size]
    outer = [range(dim.before + dim.count + dim.after) for dim in each.dims]
    for index in np.ndindex(*map(len, outer)):
        to = place + sum(i * dim.sp for i, dim in zip(index, each.dims, strict=True))
        inner = [i - dim.before for i, dim in zip(index, each.dims, strict=True)]
        made[to : to + each.size] = bits
        if all(0 <= i < dim.count for i, dim in zip(inner, each.dims, strict=True)):
            of = first + sum(i * dim.dram for i, dim in zip(inner, each.dims, strict=True))
            made[to : to + each.size] = constants[of : of + each.size]
    return made


def test_a_load_transposes_and_a_store_transposes_back() -> None:
    image = np.arange(3 * 5 * 7, dtype=np.float32).reshape(3, 5, 7)
    there = dims(isa.Dim(5, 28, 84), isa.Dim(7, 4, 12), isa.Dim(3, 140, 4))
    records = [
        isa.Load(isa.Tokens.SIGNAL_STORE, target=sp(0), source=isa.At(Space.IN, 0), dims=there),
        isa.Store(isa.Tokens.WAIT_LOAD, target=isa.At(Space.OUT, 0), source=sp(0), dims=copy(105)),
        isa.Store(target=isa.At(Space.OUT, 0, index=1), source=sp(0), dims=there),
    ]
    program = assembled(records, inputs=[("float32", (3, 5, 7))],
                        outputs=[("float32", (5, 7, 3)), ("float32", (3, 5, 7))])  # fmt: skip
    (last, back), _ = simulate.run(program.to_bytes(), b"", [image])
    np.testing.assert_array_equal(last, image.transpose(1, 2, 0))
    np.testing.assert_array_equal(back, image)


def test_loops_and_registers_move_addresses() -> None:
    numbers = np.arange(16, dtype=np.float32)
    program = turns_apart()
    (got,), report = simulate.run(program.to_bytes(), b"", [numbers])
    np.testing.assert_array_equal(got, numbers[::-1])
    assert report.steps == program.steps


def turns_apart() -> Any:
    """Four turns; each loads four numbers to a line of its own and stores them one by one, the last first."""
    load = isa.Load(isa.Tokens.SIGNAL_STORE, target=sp(0, reg=3),
                    source=isa.At(Space.IN, 0, 1), dims=copy(4))  # fmt: skip
    store = isa.Store(target=isa.At(Space.OUT, 0, 2), source=sp(0, reg=4), dims=copy(1))
    records = [
        isa.Set(2, 60),
        isa.Loop(4),
        load,
        replace(store, tokens=isa.Tokens.WAIT_LOAD),
        isa.Loop(3),
        isa.Add(4, 4),
        isa.Add(2, -4),
        store,
        isa.End(),
        isa.Add(1, 16),
        isa.Add(2, -4),
        isa.Add(3, 64),
        isa.Add(4, 52),
        isa.End(),
    ]
    return assembled(records, inputs=[("float32", (16,))], outputs=[("float32", (16,))],
                     steps=2 + 4 * (3 + 3 * 4 + 5))  # fmt: skip
