"""Deadlock, tokens left and races: found when a program is opened, in words that lead to the instruction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from byoc.vendors.npu import isa, simulate
from byoc.vendors.npu.isa import Space, Tokens
from byoc.vendors.npu.order import SIGNALS, WAITS, ordered
from tests.vendors.npu.native.build import MEDIUM, acc, assembled, check, copy, sp

SIZES = {"inputs": [("float32", (256,))], "outputs": [("float32", (256,)), ("float32", (256,))]}
FIRST = isa.At(Space.OUT, 0)


def load(at: int, tokens: Tokens = Tokens.NONE, count: int = 16) -> isa.Load:
    return isa.Load(tokens, 0, sp(at), isa.At(Space.IN, 0), dims=copy(count))


def fill(at: int, tokens: Tokens = Tokens.NONE, count: int = 16) -> isa.Fill:
    return isa.Fill(tokens, 1, sp(at), shape=(1, 1, count), strides=(0, 0, 4))


def store(of: int, tokens: Tokens = Tokens.NONE, to: isa.At = FIRST, count: int = 16) -> isa.Store:
    return isa.Store(tokens, 2, to, sp(of), dims=copy(count))


def refusal(*records: isa.Record) -> simulate.SimulationError:
    with pytest.raises(simulate.SimulationError) as refused:
        check(records, tmp=4096, **SIZES)
    return refused.value


def test_a_wait_without_a_signal_before_it_is_a_deadlock() -> None:
    refused = refusal(load(0), fill(64, Tokens.WAIT_LOAD))
    assert (refused.kind, refused.record) == ("deadlock", 1)
    assert str(refused) == (
        "deadlock: record 1 (fill, composite 'second') waits for a token of queue load, "
        "and all that were sent before are taken"
    )
    # A signal that stands behind it does not help.
    late = refusal(fill(64, Tokens.WAIT_LOAD), load(0, Tokens.SIGNAL_COMPUTE))
    assert (late.kind, late.record) == ("deadlock", 0)
    # Nor one that is taken already.
    two = refusal(load(0, Tokens.SIGNAL_COMPUTE), *[fill(64, Tokens.WAIT_LOAD)] * 2)
    assert (two.kind, two.record) == ("deadlock", 2)


def test_a_signal_that_nothing_takes_is_left() -> None:
    refused = refusal(load(0, Tokens.SIGNAL_STORE), load(64, Tokens.SIGNAL_STORE))
    assert (refused.kind, refused.record) == ("tokens left", 0)
    assert "sends a token to queue store that nothing takes; 2 from queue load" in str(refused)


@pytest.mark.parametrize("queue", isa.Queue)
def test_a_queue_has_no_tokens_for_itself(queue: isa.Queue) -> None:
    record = (load(0), fill(0), store(0))[queue]
    for token in (WAITS[queue], SIGNALS[queue]):
        refused = refusal(replace(record, tokens=token))
        assert refused.kind == "malformed"
        assert "waits for or signals its own queue" in str(refused)


def test_a_race_names_both_and_the_line() -> None:
    refused = refusal(load(128), fill(160))
    assert (refused.kind, refused.record) == ("race", 1)
    assert str(refused) == (
        "race: record 1 (fill, composite 'second') in queue compute writes line 2 of sp, which record 0 "
        "(load, composite 'first') in queue load writes; no tokens order them"
    )


@pytest.mark.parametrize(
    "records",
    [
        (load(0), store(0)),  # written, then read
        (store(0), load(0)),  # read, then written
        (load(0, count=1), fill(60, count=1)),  # bytes apart, in one line
        (load(0), isa.Mm(acc=acc(0), a=sp(0), b=sp(4096))),
        (store(0, to=isa.At(Space.TMP, 0)), replace(load(64), source=isa.At(Space.TMP, 0))),
        (store(0), replace(load(64), source=isa.At(Space.OUT, 0))),
        # Holes are claimed as well.
        (
            replace(load(0), dims=(isa.Dim(1, 0, 0),) * 3 + (isa.Dim(2, 4, 4096),)),
            fill(1024, count=1),
        ),
    ],
)
def test_what_two_queues_share_takes_tokens(records: tuple[isa.Instruction, ...]) -> None:
    assert refusal(*records).kind == "race"
    check(ordered(records, MEDIUM), tmp=4096, **SIZES)


@pytest.mark.parametrize(
    "records",
    [
        (load(0), fill(64)),  # lines next to each other
        (store(0), fill(256), isa.Mm(acc=acc(0), a=sp(0), b=sp(4096))),  # both read
        (load(0), load(0)),  # one queue
        (store(0), replace(load(64), source=isa.At(Space.OUT, 0, index=1))),  # other tensors
        (store(0, to=isa.At(Space.TMP, 0)), replace(load(64), source=isa.At(Space.TMP, 64))),
    ],
)
def test_what_is_not_shared_takes_none(records: tuple[isa.Instruction, ...]) -> None:
    check(records, tmp=4096, **SIZES)


def test_order_is_handed_on() -> None:
    # The store waits for the Fill, which waited for the load.
    first = load(0, Tokens.SIGNAL_COMPUTE)
    second = fill(64, Tokens.WAIT_LOAD | Tokens.SIGNAL_STORE)
    check([first, second, store(0, Tokens.WAIT_COMPUTE)], **SIZES)
    # Not so when the Fill did not.
    refused = refusal(load(0), fill(64, Tokens.SIGNAL_STORE), store(0, Tokens.WAIT_COMPUTE))
    assert refused.kind == "race"


def test_instructions_in_loops_race_with_their_earlier_turns() -> None:
    body = [
        load(0, Tokens.SIGNAL_STORE),
        store(0, Tokens.WAIT_LOAD),
    ]
    check([isa.Loop(1), *body, isa.End()], **SIZES)
    refused = refusal(isa.Loop(2), *body, isa.End())
    assert (refused.kind, refused.record) == ("race", 1)


def double_buffered(turns: int = 6) -> list[isa.Instruction]:
    """Loads, computes and stores with two slots each, and the tokens that this needs."""
    records: list[isa.Instruction] = []
    for turn in range(turns):
        slot = turn % 2 * 256
        records += [
            load(slot),
            isa.Mm(composite=1, acc=acc(0), a=sp(slot), b=sp(8192), k0=16),
            isa.Vec(composite=1, dst=isa.Operand(sp(1024 + slot), strides=(0, 0, 4)),
                    a=isa.Operand(acc(0)), shape=(1, 1, 16)),
            store(1024 + slot, to=isa.At(Space.OUT, 64 * turn)),
        ]  # fmt: skip
    return ordered([load(8192, count=256), *records], MEDIUM)


def pairs(records: list[isa.Instruction]) -> Iterator[tuple[int, int, int, int]]:
    """Every token: the record and queue that send it, the record and queue that take it."""
    sent: dict[tuple[int, int], list[int]] = {}
    for place, each in enumerate(records):
        queue = isa.QUEUES[type(each)]
        for other in isa.Queue:
            if each.tokens & WAITS[other]:
                yield sent[other, queue].pop(0), other, place, queue
            if each.tokens & SIGNALS[other]:
                sent.setdefault((queue, other), []).append(place)


def without(each: isa.Instruction, token: Tokens) -> isa.Instruction:
    assert each.tokens & token
    return replace(each, tokens=each.tokens & ~token)


def test_each_token_taken_out_of_a_correct_program_is_reported() -> None:
    records = double_buffered()
    check(records, **SIZES)
    every = list(pairs(records))
    assert len(every) == 20
    for sender, sent_by, taker, taken_by in every:
        broken = list(records)
        broken[sender] = without(broken[sender], SIGNALS[taken_by])
        broken[taker] = without(broken[taker], WAITS[sent_by])
        assert refusal(*broken).kind == "race"


def test_each_half_of_a_token_taken_out_is_reported() -> None:
    records = double_buffered()
    for sender, sent_by, taker, taken_by in pairs(records):
        for place, token in ((sender, SIGNALS[taken_by]), (taker, WAITS[sent_by])):
            broken = list(records)
            broken[place] = without(broken[place], token)
            assert refusal(*broken).kind in ("race", "deadlock", "tokens left")


def test_a_checked_program_runs_in_program_order() -> None:
    import numpy as np

    program = assembled(double_buffered(), **SIZES)
    x = np.random.default_rng(0).standard_normal(256).astype(np.float32)
    (y, _), _ = simulate.run(program.to_bytes(), b"", [x])
    total = np.float32(0)
    for k in range(16):
        total += x[k] * x[16 * k]
    np.testing.assert_array_equal(y[:96:16], [total] * 6)
