"""How long things take: one rule a test, to the cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from byoc.vendors.npu import isa, simulate
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.isa import Act, Binary, Dim, Dtype, Operand, Space, Tokens, Window
from tests.vendors.npu.native.build import MEDIUM, acc, check, copy, dims, sp

TMP = 1 << 20


def cycles(*records: isa.Record, chip: Hardware = MEDIUM) -> int:
    return check(records, chip=chip, tmp=TMP).cycles


def load(
    bytes_: int = 16384, to: int = 0, of: int = 0, tokens: Tokens = Tokens.NONE, composite: int = 0
) -> isa.Load:
    return isa.Load(tokens, composite, sp(to), isa.At(Space.TMP, of), dims=copy(bytes_ // 4))


def store(
    bytes_: int = 16384, of: int = 32768, to: int = 65536, tokens: Tokens = Tokens.NONE
) -> isa.Store:
    return isa.Store(tokens, 0, isa.At(Space.TMP, to), sp(of), dims=copy(bytes_ // 4))


def mm(row: int = 0, steps: int = 1, at: int = 0, **given: object) -> isa.Mm:
    """16 cycles a step; both operands within 8192 bytes from `at`."""
    return isa.Mm(acc=acc(row), a=sp(at), b=sp(at + 4096), k0=16 * steps, m0=1, **given)  # type: ignore[arg-type]


def vec(row: int = 1024, to: int = 524288, **given: object) -> isa.Vec:
    """Drains 8 accumulator rows: 8 cycles."""
    given = {"dst": Operand(sp(to), strides=(0, 64, 4)), "shape": (1, 8, 16), **given}
    return isa.Vec(a=Operand(acc(row), strides=(0, 1, 1)), **given)  # type: ignore[arg-type]


def test_nothing_takes_no_time() -> None:
    assert cycles() == 0
    assert cycles(isa.Set(1, 5), isa.Loop(9), isa.Add(1, 1), isa.End()) == 0


def test_a_load_is_its_bytes_and_the_latency() -> None:
    # Taken in cycle 0, in the queue in 1: 256 cycles of 64 bytes, 120 of latency.
    assert cycles(load()) == 1 + 256 + 120


def test_a_store_is_its_bytes_and_the_latency() -> None:
    assert cycles(store()) == 1 + 256 + 60


def test_the_next_transfer_starts_when_the_bytes_are_through() -> None:
    assert cycles(load(), load(to=16384)) == 1 + 2 * 256 + 120


def test_every_record_takes_the_front_end_a_cycle() -> None:
    assert cycles(isa.Set(1, 5), isa.Add(1, 1), load()) == 2 + 1 + 256 + 120
    # A loop's beginning once, its body and end each turn.
    assert cycles(isa.Loop(3), isa.Add(1, 1), isa.End(), load()) == 7 + 1 + 256 + 120


def test_runs_are_rounded_up_to_bursts() -> None:
    scattered = isa.Load(target=sp(0), source=isa.At(Space.TMP, 0), dims=dims(Dim(100, 256, 4)))
    report = check([scattered], tmp=TMP)
    assert report.composites[0].bytes_in == 100 * 64
    assert report.cycles == 1 + 100 + 120


@pytest.mark.parametrize(
    ("four", "size", "bytes_"),
    [
        (dims(Dim(8, 4, 32), Dim(8, 32, 4)), 4, 256),  # transposed: one run of 256 bytes
        (dims(Dim(8, -32, 32), Dim(8, -4, 4)), 4, 256),  # backwards
        (dims(Dim(3, 640, 256), Dim(8, 32, 32), Dim(8, 4, 4)), 4, 3 * 256),
        (dims(Dim(3, 640, 272), Dim(17, 1, 1)), 1, 3 * 64),
        (dims(Dim(3, 640, 272), Dim(65, 1, 1)), 1, 3 * 128),
        (dims(Dim(5, 0, 64), Dim(16, 4, 4)), 4, 5 * 64),  # read again and again
        (dims(Dim(1, 12345, 0), Dim(16, 4, 4)), 4, 64),  # what is once has no stride
        (dims(Dim(16, 4, 4, before=9, after=9)), 4, 64),  # padding comes from nowhere
    ],
)
def test_contiguous_runs_are_merged(four: Sequence[Dim], size: int, bytes_: int) -> None:
    each = isa.Load(
        target=sp(65536),
        source=isa.At(Space.TMP, 65536),
        size=size,
        dims=(four[0], four[1], four[2], four[3]),
    )
    assert check([each], tmp=TMP).composites[0].bytes_in == bytes_


def test_the_scratchpad_takes_an_element_a_bank_a_cycle() -> None:
    # 64 cycles of DRAM; 4096 elements apart from each other in 16 banks.
    apart = isa.Load(target=sp(0), source=isa.At(Space.TMP, 0), size=1, dims=dims(Dim(4096, 1, 3)))
    assert cycles(apart) == 1 + 256 + 120
    # Side by side they go four a bank; two runs of 2048 bytes.
    side = replace(apart, dims=dims(Dim(2, 2048, 4096), Dim(2048, 1, 1)))
    assert cycles(side) == 1 + 64 + 120
    padded = replace(apart, dims=dims(Dim(64, 64, 4160), Dim(64, 1, 1, before=2048, after=2048)))
    assert cycles(padded) == 1 + 64 * 65 + 120


def test_two_directions_share_the_bandwidth() -> None:
    # The load moves 64 bytes alone, then each 32 a cycle; the store's last 64 alone again.
    assert cycles(load(), store()) == max(512 + 120, 513 + 60)
    report = check([load(), store()], tmp=TMP)
    assert report.composites[0].load == 511
    assert report.composites[0].store == 511


def test_a_direction_takes_what_the_other_leaves() -> None:
    slow = replace(MEDIUM, store_bandwidth=16)
    # 64 bytes, then 48 a cycle beside the store's 16: 340 cycles for the other 16320.
    assert check([load(), store(32768)], chip=slow, tmp=TMP).composites[0].load == 1 + 340
    wide = replace(MEDIUM, bandwidth=128)
    assert cycles(load(), store(), chip=wide) == 1 + 256 + 120


def test_a_direction_that_waits_for_the_scratchpad_leaves_all() -> None:
    apart = isa.Load(target=sp(0), source=isa.At(Space.TMP, 0), size=1, dims=dims(Dim(4096, 1, 3)))
    # The load's 64 bytes alone, then 126 cycles at half: the store has moved 4032 of its bytes.
    report = check([apart, store()], tmp=TMP)
    assert report.composites[0].load == 256
    assert report.composites[0].store == 126 + (16384 - 126 * 32) // 64


def test_a_full_queue_holds_the_front_end() -> None:
    loads = [replace(load(to=16384 * i), composite=1) for i in range(3)]
    free = check([*loads, vec()], tmp=TMP).composites[0].cycles
    assert free == 4 + 8 + 12
    # The third load gets into a queue of one when the second leaves it, in cycle 257.
    held = check([*loads, vec()], chip=replace(MEDIUM, queue=1), tmp=TMP).composites[0].cycles
    assert held == 257 + 2 + 8 + 12


@pytest.mark.parametrize(
    ("given", "busy"),
    [
        ({"k0": 16}, 16),
        ({"k0": 17}, 2 * 16),
        ({"k0": 16, "m0": 40}, 40),
        ({"k0": 16, "m1": 3, "m0": 40}, 120),
        ({"k0": 16, "n": 17, "accn": 1}, 2 * 16),
        ({"k0": 5, "k1": 3, "k2": 2}, 6 * 16),
        ({"k0": 32, "dtype_a": Dtype.BF16, "dtype_b": Dtype.BF16}, 16),
        ({"k0": 64, "dtype_a": Dtype.S8, "dtype_b": Dtype.U8}, 16),
        ({"k0": 65, "dtype_a": Dtype.S8, "dtype_b": Dtype.U8}, 2 * 16),
    ],
)
def test_mm(given: dict[str, int], busy: int) -> None:
    each = isa.Mm(acc=acc(0), a=sp(0), b=sp(65536), **given)  # type: ignore[arg-type]
    report = check([each])
    assert report.cycles == 1 + busy + 32
    assert report.composites[0].matrix == busy
    macs = 1
    for name in ("m1", "m0", "n", "k2", "k1", "k0"):
        macs *= getattr(each, name)
    assert report.macs == macs


SPECIAL = {act for act in Act if act not in (
    Act.NONE, Act.RELU, Act.CLIP, Act.LEAKY, Act.SQUARE, Act.ABS, Act.NEG, Act.HARDSIGMOID,
    Act.HARDSWISH)}  # fmt: skip


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("op", Binary)
def test_vec(act: Act, op: Binary) -> None:
    tensor = Operand(sp(0), strides=(1024, 512, 4))
    each = isa.Vec(dst=replace(tensor, at=sp(65536)), a=tensor, b=tensor if op else isa.NOWHERE,
                   op=op, act=act, shape=(2, 3, 33))  # fmt: skip
    special = op in (Binary.DIV, Binary.RDIV) or act in SPECIAL
    assert cycles(each) == 1 + 2 * 3 * 2 * (4 if special else 1) + 12


def test_red_win_and_fill() -> None:
    tensor = Operand(sp(0), strides=(1024, 512, 4))
    assert cycles(isa.Red(dst=replace(tensor, at=sp(65536)), src=tensor, shape=(2, 3, 33))) == 25
    each = isa.Win(acc=acc(0), accn=6, a=sp(0), b=sp(65536), m1=2, m0=3, k2=2, k1=2, channels=33)
    report = check([replace(each, op=Window.MAC)])
    assert report.cycles == 1 + 2 * 3 * 2 * 2 * 2 + 12
    assert report.macs == 2 * 3 * 2 * 2 * 33
    assert check([replace(each, b=isa.At(Space.NONE, 0))]).macs == 0
    # 128 bytes a cycle.
    assert cycles(isa.Fill(target=sp(0), size=1, shape=(2, 3, 129), strides=(0, 0, 1))) == 25


def test_an_instruction_starts_when_its_tokens_are_there() -> None:
    records = [load(tokens=Tokens.SIGNAL_COMPUTE), mm()]
    assert cycles(records[0], replace(records[1], tokens=Tokens.WAIT_LOAD)) == 377 + 16 + 32


def test_the_kth_wait_takes_the_kth_token() -> None:
    signal, wait = Tokens.SIGNAL_COMPUTE, Tokens.WAIT_LOAD
    first = replace(mm(), tokens=wait, composite=0)
    second = replace(mm(row=1, at=16384), tokens=wait, composite=1)
    later = load(to=16384, tokens=signal, composite=1)
    report = check([load(tokens=signal), later, first, second], tmp=TMP)
    assert report.composites[0].cycles == 377 + 16 + 32
    assert report.cycles == 377 + 256 + 16 + 32


def test_units_work_side_by_side() -> None:
    # One issues a cycle; the Mm needs 160 cycles, the Vec 8.
    assert cycles(mm(steps=10), vec()) == 1 + 160 + 32
    report = check([mm(steps=10), replace(vec(), composite=1), replace(mm(row=9), composite=2)])
    assert report.cycles == 1 + 160 + 16 + 32
    early = check([replace(mm(steps=10), composite=1), vec()])
    assert early.composites[0].cycles == 2 + 8 + 12


def test_what_meets_waits_until_it_is_done() -> None:
    # The Vec reads what the Mm writes.
    assert cycles(mm(steps=10), vec(row=0)) == 1 + 160 + 32 + 8 + 12
    # The Mm overwrites what the Vec reads.
    assert cycles(vec(row=0), mm()) == 1 + 8 + 12 + 16 + 32
    # The Mm reads what the Vec writes.
    assert cycles(vec(to=0), mm()) == 1 + 8 + 12 + 16 + 32
    # Both read.
    both = isa.Vec(dst=Operand(sp(65536)), a=Operand(sp(0)))
    assert cycles(both, mm()) == 2 + 16 + 32


def test_a_unit_waits_for_itself_only_where_it_meets_itself() -> None:
    assert cycles(mm(), mm(row=1)) == 1 + 16 + 16 + 32
    assert cycles(mm(), mm(keep=True)) == 1 + 16 + 32 + 16 + 32
    assert cycles(mm(), mm(row=1), mm(keep=True)) == 1 + 16 + 32 + 16 + 32


def test_tokens_of_the_compute_queue_are_sent_in_its_order() -> None:
    # The Vec is done long before the Mm; what waits for the Vec may rely on both.
    token = replace(vec(), tokens=Tokens.SIGNAL_STORE)
    last = store(64, of=524288, tokens=Tokens.WAIT_COMPUTE)
    assert cycles(mm(steps=10), token, last) == 1 + 160 + 32 + 1 + 60


def test_figures_of_composites() -> None:
    records = [
        load(tokens=Tokens.SIGNAL_COMPUTE),
        replace(mm(steps=4), tokens=Tokens.WAIT_LOAD),
        replace(mm(row=1, steps=40), composite=1),
        replace(vec(row=2), tokens=Tokens.SIGNAL_STORE, composite=2),
        replace(store(512, of=524288, tokens=Tokens.WAIT_COMPUTE), composite=2),
    ]
    report = check(records, tmp=TMP)
    first, second, third = report.composites
    assert (first.name, first.nodes) == ("first", ("a", "b"))
    # Ready in cycle 2, issued in 377.
    assert (first.load, first.matrix, first.stall) == (256, 64, 375)
    assert (first.cycles, first.bound) == (377 + 64 + 32, "waiting")
    assert (second.cycles, second.matrix, second.bound) == (640, 640, "matrix")
    done = 377 + 64 + 640 + 32
    # The Vec is done by then; the store waits for all before it.
    assert third.cycles == 8 + 60
    assert report.cycles == done + third.cycles
    assert (third.vector, third.store, third.bound) == (8, 8, "vector")
    assert (third.bytes_in, third.bytes_out, first.bytes_in) == (0, 512, 16384)
    assert report.macs == first.macs + second.macs == 16 * 44
    assert report.high_water == 524288 + 512
    assert report.steps == 5
    assert report.seconds == report.cycles / 1e9
    assert sum(each.cycles for each in report.composites) == report.cycles


def test_memory_bounds_what_loads_most_of_the_time() -> None:
    records = [load(to=16384 * i) for i in range(4)]
    (bound, *_) = (each.bound for each in check(records, tmp=TMP).composites)
    assert bound == "memory"


def test_what_is_declared_is_all_there_is() -> None:
    check([load()], tmp=TMP, cycles=377, steps=1)
    with pytest.raises(simulate.SimulationError, match="declares 376") as refused:
        check([load()], tmp=TMP, cycles=376)
    assert (refused.value.kind, refused.value.record) == ("cycles", 0)
    turns = [isa.Loop(10), load(), isa.End()]
    check(turns, tmp=TMP, steps=21)
    with pytest.raises(simulate.SimulationError, match="20 steps") as refused:
        check(turns, tmp=TMP, steps=20)
    assert (refused.value.kind, refused.value.record) == ("steps", 2)
