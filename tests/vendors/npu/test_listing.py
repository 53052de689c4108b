"""Listings: golden pages, each assembled and run on the simulator."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from byoc.vendors.npu import isa, simulate
from byoc.vendors.npu.asm import Buffer, assemble, parse, write
from byoc.vendors.npu.isa import Space
from byoc.vendors.npu.listing import FAMILIES, identifier, listing
from byoc.vendors.npu.unroll import steps, unrolled
from tests.vendors.npu.small import PROGRAMS

GOLDEN = Path(__file__).with_name("golden")
"""One listing a program; delete a page, run the tests, and look at the new one."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_golden_listings(name: str) -> None:
    made = PROGRAMS[name]()
    page = listing(made.program(), made.sections)
    golden = GOLDEN / f"{name}.asm"
    if not golden.exists():
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(page, "utf-8")
        pytest.fail(f"{golden} was not there; look at what was written")
    assert page == golden.read_text("utf-8")


@pytest.mark.parametrize("name", PROGRAMS)
def test_golden_listings_run(name: str) -> None:
    made = PROGRAMS[name]()
    program = assemble((GOLDEN / f"{name}.asm").read_text("utf-8"))
    assert unrolled(program.records) == [each for s in made.sections for each in s.instructions]
    outputs, report = simulate.run(program.to_bytes(), made.constants, list(made.inputs))
    assert report.composites[0].nodes == made.names[0].nodes
    assert report.steps == steps(program.records)
    for output, expected in zip(outputs, made.expected, strict=True):
        np.testing.assert_allclose(
            output.astype(np.float64), expected, rtol=made.tolerance, atol=made.tolerance
        )


@pytest.mark.parametrize("name", PROGRAMS)
def test_names_in_listings_are_read_back(name: str) -> None:
    made = PROGRAMS[name]()
    page = listing(made.program(), made.sections)
    plain = [line.split("  #")[0] for line in page.splitlines() if not re.match(r"\s*#", line)]
    again = write(parse(page)).splitlines()
    assert [line for line in plain if line] == [line for line in again if line]


def test_every_family_has_a_golden_listing() -> None:
    assert {made.sections[0].family for made in (make() for make in PROGRAMS.values())} == set(
        FAMILIES
    )


def test_double_buffering_and_loops_can_be_seen() -> None:
    page = (GOLDEN / "gemm.asm").read_text("utf-8")
    assert ".buffer rows0 sp" in page
    assert ".buffer rows1 sp" in page
    assert "times: " in page
    assert "# load rows" in page


def test_nothing_of_a_model_ends_a_comment() -> None:
    from dataclasses import replace

    from byoc.vendors.npu.program import Name

    made = PROGRAMS["move"]()
    odd = 'a\nhalt # \\ " {{ x }} {% if %} \r é'
    program = replace(made.program(), names=(Name(odd, (odd,)), Name("silent", ())))
    section = replace(made.sections[0], title=odd, notes={"y": odd})
    again = assemble(listing(program, [section]))
    assert again.names == program.names
    assert unrolled(again.records) == list(section.instructions)
    assert again.records[-1] == isa.Halt()


def test_identifiers_are_names_of_buffers() -> None:
    assert identifier("/layer1/Conv_0:out") == "_layer1_Conv_0_out"
    assert identifier("0") == "t_0"
    assert identifier("rows1") == "t_rows1"
    assert identifier("in") == "t_in"
    assert identifier("x", ["x", "x_2"]) == "x_3"
    for name in ("", "r1", "é", "a b", "sp", "weights"):
        text = Buffer(identifier(name), Space.SP, 0, 64).declaration
        assert parse(f".chip small\n{text}\n").buffers[0].declaration == text
