"""Races: of a network that the compiler made, each token that is missing is reported, and each flag of a record.

The network is a small one with what makes tokens: tiles in two slots, results kept on chip and results spilled,
a shortcut, and several composites.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

import pytest

from byoc.vendors.npu import isa, simulate
from byoc.vendors.npu.compiler import Compiled, Options
from byoc.vendors.npu.errors import SimulationError
from byoc.vendors.npu.order import SIGNALS, WAITS
from byoc.vendors.npu.unroll import unrolled
from tests.vendors.npu.families import Graph
from tests.vendors.npu.whole import compiled_segment, partitioned

CHIP = "small"
WORDS = {"race", "deadlock", "tokens left"}


@cache
def network(keep: bool) -> Compiled:
    """Two convolutions with a pooling and a shortcut between them, for the small chip."""
    graph = Graph()
    x = graph.input(1, 8, 28, 28)
    stem = graph.node("Conv", x, graph.weights(32, 8, 3, 3), graph.weights(32), pads=[1, 1, 1, 1])
    pooled = graph.node("MaxPool", graph.node("Relu", stem), kernel_shape=[2, 2], strides=[2, 2])
    body = graph.node("Conv", pooled, graph.weights(32, 32, 3, 3), pads=[1, 1, 1, 1])
    joint = graph.node("Relu", graph.node("Add", body, pooled))
    (segment,) = partitioned(graph.model(graph.node("GlobalAveragePool", joint)), CHIP).segments()
    return compiled_segment(segment, CHIP, Options(keep=keep))


def pairs(given: list[isa.Instruction]) -> Iterator[tuple[int, int, isa.Queue, isa.Queue]]:
    """Each token: the places of its sender and its receiver, and their queues."""
    sent: dict[tuple[isa.Queue, isa.Queue], list[int]] = {}
    for place, each in enumerate(given):
        queue = isa.QUEUES[type(each)]
        for other in isa.Queue:
            if each.tokens & WAITS[other]:
                yield sent[other, queue].pop(0), place, other, queue
            if each.tokens & SIGNALS[other]:
                sent.setdefault((queue, other), []).append(place)


def without(each: isa.Instruction, flag: isa.Tokens) -> isa.Instruction:
    return replace(each, tokens=each.tokens & ~flag)


def complaint(made: Compiled, records: list[isa.Record]) -> str:
    """The kind of what the simulator reports of other records, which may take longer; "" for nothing."""
    program = replace(
        made.program,
        records=tuple(records),
        cycles=made.program.cycles * 4,
        steps=made.program.steps * 4,
    )
    try:
        simulate.check(program.to_bytes(), made.constants)
    except SimulationError as error:
        return error.kind
    return ""


def altered(
    records: Sequence[isa.Record], changes: Mapping[int, isa.Instruction]
) -> list[isa.Record]:
    return [changes.get(place, each) for place, each in enumerate(records)]


def unlooped(made: Compiled) -> list[isa.Instruction]:
    return unrolled(made.program.records)


def test_the_network_has_tokens_of_every_kind() -> None:
    kinds = set()
    for keep in (True, False):
        instructions = unlooped(network(keep))
        found = list(pairs(instructions))
        assert complaint(network(keep), [*instructions, isa.Halt()]) == ""
        assert 100 < len(found) < 1000
        kinds |= {(queue, other) for *_, queue, other in found}
    assert len(kinds) >= 5


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "spilled"])
def test_each_missing_token_is_a_race(keep: bool) -> None:
    made = network(keep)
    instructions = unlooped(made)
    missed = []
    for sender, receiver, queue, other in pairs(instructions):
        changes = {
            sender: without(instructions[sender], SIGNALS[other]),
            receiver: without(instructions[receiver], WAITS[queue]),
        }
        if complaint(made, [*altered(instructions, changes), isa.Halt()]) != "race":
            missed.append((sender, receiver))
    assert missed == []


def test_each_missing_end_of_a_token_is_reported() -> None:
    made = network(keep=True)
    assert missed_flags(made, [*unlooped(made), isa.Halt()]) == []


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "spilled"])
def test_each_missing_flag_of_a_record_is_reported(keep: bool) -> None:
    made = network(keep)
    assert any(isinstance(each, isa.Loop) for each in made.program.records)
    assert missed_flags(made, made.program.records) == []


def missed_flags(made: Compiled, records: Sequence[isa.Record]) -> list[tuple[int, str | None]]:
    """The flags that nobody misses."""
    return [
        (place, flag.name)
        for place, each in enumerate(records)
        if isinstance(each, isa.Instruction)
        for flag in (*SIGNALS, *WAITS)
        if each.tokens & flag
        and complaint(made, altered(records, {place: without(each, flag)})) not in WORDS
    ]
