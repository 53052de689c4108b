"""Tokens: `ordered` leaves no race, and each token that it adds is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from byoc.vendors.npu import hardware, isa
from byoc.vendors.npu.access import claims
from byoc.vendors.npu.isa import At, Dim, Fill, Load, Mm, Operand, Queue, Space, Store, Tokens, Vec
from byoc.vendors.npu.order import SIGNALS, WAITS, ordered

SMALL = hardware.load("small")
ONE = Dim(1, 0, 0)

Edge = tuple[int, int]


def transfer(lines: int) -> tuple[Dim, Dim, Dim, Dim]:
    return ONE, ONE, ONE, Dim(lines * 16, 4, 4)


def instructions() -> st.SearchStrategy[list[isa.Instruction]]:
    """Transfers and fills of up to three lines of few."""
    place = st.integers(0, 7).map(lambda line: line * isa.LINE)
    lines = st.integers(1, 3)
    source = st.sampled_from([Space.TMP, Space.CONST])
    load = st.builds(
        lambda to, of, base, n: Load(
            target=At(Space.SP, to), source=At(of, base), dims=transfer(n)
        ),
        place,
        source,
        place,
        lines,
    )
    target = st.sampled_from([At(Space.TMP, 0), At(Space.TMP, 128), At(Space.OUT, 0, index=1)])
    store = st.builds(
        lambda to, of, n: Store(target=to, source=At(Space.SP, of), dims=transfer(n)),
        target,
        place,
        lines,
    )
    fill = st.builds(
        lambda at, n: Fill(target=At(Space.SP, at), shape=(1, 1, n * 16), strides=(0, 0, 4)),
        place,
        lines,
    )
    return st.lists(st.one_of(load, store, fill), max_size=24)


def tokens(given_: list[isa.Instruction]) -> list[Edge]:
    """Places of sender and receiver of each token; all are sent before they are taken, and none is left."""
    sent: dict[tuple[Queue, Queue], list[int]] = {}
    edges: list[Edge] = []
    for place, each in enumerate(given_):
        queue = isa.QUEUES[type(each)]
        taken = [other for other in Queue if each.tokens & WAITS[other]]
        edges += [(sent[other, queue].pop(0), place) for other in taken]
        for other in Queue:
            if each.tokens & SIGNALS[other]:
                sent.setdefault((queue, other), []).append(place)
    assert not any(sent.values())
    return edges


def races(given_: list[isa.Instruction], edges: list[Edge]) -> Iterator[Edge]:
    """Pairs of instructions that meet and are not ordered by `edges` and their queues."""
    before: list[set[int]] = []
    last: dict[Queue, list[int]] = {}
    for place, each in enumerate(given_):
        queue = isa.QUEUES[type(each)]
        known: set[int] = set()
        for earlier in [*(e for e, to in edges if to == place), *last.get(queue, [])]:
            known |= before[earlier] | {earlier}
        before.append(known)
        last[queue] = [place]
        yield from ((e, place) for e in range(place) if e not in known and meet(given_[e], each))


def meet(one: isa.Instruction, two: isa.Instruction) -> bool:
    if isa.QUEUES[type(one)] == isa.QUEUES[type(two)]:
        return False
    return any(
        (a.space, a.index) == (b.space, b.index)
        and (a.writes or b.writes)
        and a.first_line <= b.last_line
        and b.first_line <= a.last_line
        for a in claims(one, SMALL)
        for b in claims(two, SMALL)
    )


@settings(deadline=None)
@given(instructions())
def test_no_race_is_left_and_each_token_is_needed(given_: list[isa.Instruction]) -> None:
    made = ordered(given_, SMALL)
    assert [replace(each, tokens=Tokens.NONE) for each in made] == given_
    edges = tokens(made)
    assert not list(races(made, edges))
    for edge in edges:
        assert list(races(made, [each for each in edges if each != edge]))


@given(instructions())
def test_tokens_that_were_there_are_forgotten(given_: list[isa.Instruction]) -> None:
    made = ordered(given_, SMALL)
    assert ordered(made, SMALL) == made


def test_a_pipeline_of_two_slots() -> None:
    """Load, multiply, drain, store; the slots come round, and nobody waits for what is implied."""

    def tile(turn: int) -> list[isa.Instruction]:
        slot = turn % 2 * 1024
        out = Operand(At(Space.SP, 8192 + slot), strides=(0, 32, 4))
        return [
            Load(target=At(Space.SP, slot), source=At(Space.IN, 0), dims=transfer(4)),
            Mm(acc=At(Space.ACC, turn % 2), a=At(Space.SP, slot), b=At(Space.SP, 4096), k0=8, n=8),
            Vec(dst=out, a=Operand(At(Space.ACC, turn % 2)), shape=(1, 1, 8)),
            Store(target=At(Space.OUT, turn * 64), source=out.at, dims=transfer(1)),
        ]

    made = ordered([each for turn in range(4) for each in tile(turn)], SMALL)
    assert [each.tokens for each in made[8:]] == [
        Tokens.WAIT_COMPUTE | Tokens.SIGNAL_COMPUTE,
        Tokens.WAIT_LOAD,
        Tokens.WAIT_STORE | Tokens.SIGNAL_STORE,
        Tokens.WAIT_COMPUTE,
    ] * 2
