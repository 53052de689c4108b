"""Random modules as Relay text: what has a form comes back as it was, what has none is refused with its place."""

import re
from dataclasses import replace
from random import Random
from zlib import crc32

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tvm import relax

from byoc.errors import ModelError
from byoc.frontends import Model
from byoc.frontends.relay.module import convert_text
from byoc.pipeline import partition_for
from byoc.testing.run import run_model
from tests.frontends.relay.canonical import difference
from tests.frontends.relay.printer import Style, print_module
from tests.frontends.relay.wild import Wild
from tests.invariants.programs import PROGRAMS, Block, Program, Step, model_of
from tests.invariants.vendors import TableVendor

LEFT_OUT = {"opaque", "longer", "effect", "batch_norm"}
"""Steps that Relay has no form for: packed functions, and a batch norm that trains."""
PLACE = re.compile(r"m\.relay:\d+:\d+: ")


def spelled(program: Program) -> Program:
    """The program of what Relay has."""

    def kept(steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(
            # a reshape of odd form names its shape instead of asking another value
            each._replace(kind="unary" if each.kind in LEFT_OUT else each.kind, form=each.form | 1)
            if each.kind in LEFT_OUT | {"reshape"}
            else each
            for each in steps
        )

    def blocks(found: tuple[Block, ...]) -> tuple[Block, ...]:
        return tuple(
            each._replace(steps=kept(each.steps), others=kept(each.others)) for each in found
        )

    return replace(
        program,
        blocks=blocks(program.blocks),
        helper=blocks(program.helper),
        symbolic=False,
        pure=True,
    )


def style_of(seed: int) -> Style:
    rng = Random(seed)
    types, spans, defaults, idioms = (rng.random() < 0.5 for _ in range(4))
    return Style(types, spans, defaults, idioms, rng if seed % 4 else None)


def round_trip(module: object, seed: int) -> Model:
    text = print_module(module, style_of(seed)).text
    found = convert_text(text, {}, {}, {}, "m.relay")
    relax.analysis.well_formed(found.module)
    assert difference(found.module, module) == "", text
    return found


def hold_programs(count: int, every: int) -> None:
    """Hold `count` programs and what vendors make of some of them to the way back; run one in `every` or so."""

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(PROGRAMS, st.integers(0, 2**20))
    def holds(program: Program, seed: int) -> None:
        model = model_of(spelled(program))
        found = round_trip(model.module, seed)
        if seed % 3 == 0:
            offers = partition_for(model, [TableVendor("alpha"), TableVendor("gamma")])
            round_trip(offers.module, seed)
        if crc32(repr(program).encode()) % every == 0 and runs(program):
            same_numbers(found, model)

    holds()


def runs(program: Program) -> bool:
    """Whether TVM runs the program as it stands, and its arguments are tensors alone."""
    steps = [
        step for block in (*program.blocks, *program.helper) for step in block.steps + block.others
    ]
    return not program.tuple_param and all(step.kind != "local" for step in steps)


def same_numbers(found: Model, model: Model) -> None:
    x = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    for flag in (True, False):
        given = {"x": x, "flag": np.array(flag)}
        for ours, theirs in zip(run_model(found, given), run_model(model, given), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def hold_wild(count: int, seed: int) -> None:
    """Convert `count` modules, each one statement longer than one that was converted, to either quantised form."""
    rng, made, kept = Random(seed), Wild(Random(seed)), 0
    for _ in range(count):
        statement, name = made.statement()
        text = made.text(statement, name)
        try:
            model = convert_text(text, {}, {}, {}, "m.relay", rng.choice(("qdq", "integer")))
        except ModelError as error:
            assert PLACE.match(str(error)), text
        else:
            relax.analysis.well_formed(model.module)
            made.keep(statement, name)
            kept += 1
        if rng.random() < 0.05 or len(made.statements) > 20:
            made = Wild(Random(rng.random()))
    assert kept > count // 10, "too few of them are modules"


def test_random_programs_come_back_as_they_were() -> None:
    hold_programs(60, every=40)


@pytest.mark.slow
def test_many_random_programs_come_back_as_they_were() -> None:
    hold_programs(5_000, every=200)


def test_modules_without_sense_are_refused_with_their_place() -> None:
    hold_wild(250, 1)


@pytest.mark.slow
def test_many_modules_without_sense_are_refused_with_their_place() -> None:
    hold_wild(5_000, 2)
