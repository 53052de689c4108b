"""docs/npu/isa.md: its tables are the encoding, its text assembles, and its examples run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from byoc.vendors.npu import isa, simulate
from byoc.vendors.npu.asm import assemble
from byoc.vendors.npu.encoding import layout
from byoc.vendors.npu.errors import SimulationError
from byoc.vendors.npu.order import SIGNALS, WAITS, ordered
from byoc.vendors.npu.program import Program
from byoc.vendors.npu.unroll import unrolled

PAGE = (Path(__file__).parents[3] / "docs" / "npu" / "isa.md").read_text("utf-8")
MATMUL, CUMSUM = re.findall(r"```asm\n(.*?)```", PAGE, re.DOTALL)

W = (np.arange(128, dtype=np.float32) / 64 - 1).reshape(16, 8)
B = np.arange(8, dtype=np.float32)
CONSTANTS = W.tobytes() + B.tobytes()


@pytest.mark.parametrize("kind", [each for each in isa.OPCODES if each not in (isa.End, isa.Halt)])
def test_tables_of_fields_are_the_encoding(kind: type) -> None:
    section = PAGE.split(f"\n### {kind.__name__.lower()}\n")[1].split("\n#")[0]
    rows = re.findall(r"^\| (\d+) \| `([^`]+)` \| ([^|]+) \|", section, re.MULTILINE)
    assert rows == [(str(offset), field, type_) for field, offset, type_ in layout(kind)]


@pytest.mark.parametrize(
    "kind", [isa.Opcode, isa.Dtype, isa.Space, isa.Binary, isa.Act, isa.Reduce, isa.Window]
)
def test_enumerations_are_those_of_the_code(kind: type) -> None:
    words = ", ".join(f"{each.value} {each.name.lower()}" for each in kind)  # type: ignore[attr-defined]  # an enum
    assert words in PAGE


def test_figures_of_the_page_are_those_of_the_code() -> None:
    assert f"There are {isa.REGISTERS} registers" in PAGE
    assert f"at most {isa.DEPTH} deep" in PAGE
    assert f"lines of {isa.LINE} bytes" in PAGE
    assert f"a record of {isa.RECORD} bytes" in PAGE


def snippets() -> Iterator[str]:
    """Assembly text outside the examples: blocks that are set in."""
    for block in re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE):
        yield re.sub(r"^    ", "", block, flags=re.MULTILINE)


@pytest.mark.parametrize("text", list(snippets()))
def test_text_on_the_page_assembles(text: str) -> None:
    names = sorted(set(re.findall(r"\[([a-z]+)\b", text)) - {"sp"})
    buffers = "".join(f".buffer {name} sp {n * 4096} 4096\n" for n, name in enumerate(names))
    assert assemble(f".chip medium\n{buffers}{text}").records


def test_the_worked_example_multiplies() -> None:
    x = np.random.default_rng(0).integers(-4, 5, (16, 16)).astype(np.float32)
    program = assemble(MATMUL)
    (y,), report = simulate.run(program.to_bytes(), CONSTANTS, [x])
    assert np.array_equal(y, np.maximum(x @ W + B, 0))
    assert (report.cycles, report.steps) == (program.cycles, program.steps)
    assert f"It takes {report.cycles} cycles" in PAGE
    assert list(program.records[:-1]) == ordered(unrolled(program.records), program.hardware)


def test_the_loop_sums_up_rows() -> None:
    x = np.random.default_rng(1).integers(-9, 10, (8, 16)).astype(np.float32)
    program = assemble(CUMSUM)
    (y,), report = simulate.run(program.to_bytes(), b"", [x])
    assert np.array_equal(y, np.cumsum(x, axis=0))
    assert (report.cycles, report.steps) == (program.cycles, program.steps)


def without_each_token(program: Program) -> Iterator[Program]:
    """The program without its k-th token between two queues, for each of them; it must have no loops."""
    for sender in isa.Queue:
        for taker in isa.Queue:
            sends = places(program, sender, SIGNALS[taker])
            takes = places(program, taker, WAITS[sender])
            for send, take in zip(sends, takes, strict=True):
                records = list(program.records)
                for place, bit in ((send, SIGNALS[taker]), (take, WAITS[sender])):
                    each = records[place]
                    assert isinstance(each, isa.Instruction)
                    records[place] = replace(each, tokens=each.tokens & ~bit)  # type: ignore[call-overload]
                yield replace(program, records=tuple(records))


def places(program: Program, queue: isa.Queue, bit: isa.Tokens) -> list[int]:
    return [
        place
        for place, each in enumerate(program.records)
        if isinstance(each, isa.Instruction)
        and isa.QUEUES[type(each)] is queue
        and each.tokens & bit
    ]


def test_no_token_of_the_example_can_be_left_out() -> None:
    made = list(without_each_token(assemble(MATMUL)))
    assert len(made) == 4
    for program in made:
        with pytest.raises(SimulationError) as caught:
            simulate.check(program.to_bytes(), CONSTANTS)
        assert caught.value.kind == "race"
