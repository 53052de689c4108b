"""docs/npu/compiler.md: its figures are what the compiler says of its example.

A block that is emptied is filled anew when this runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import byoc
from byoc.report.page import columns
from byoc.vendors.npu import simulate
from byoc.vendors.npu.compiler import Compiled, Options, compiled, composites
from byoc.vendors.npu.hardware import load
from byoc.vendors.npu.layers import Network
from byoc.vendors.npu.lower import lower
from byoc.vendors.npu.sections import title

PAGE = Path(__file__).parents[3] / "docs" / "npu" / "compiler.md"
BLOCK = re.compile(r"<!-- tool: (\w+) -->\n\n```(\w*)\n(.*?)```", re.DOTALL)
CHIP = load("small")


def model() -> onnx.ModelProto:
    """The program of the page, run."""
    names: dict[str, onnx.ModelProto] = {}
    exec(blocks()["model"], names)  # the page's own program
    return names["model"]


@cache
def segment() -> byoc.Segment:
    how = byoc.PartitionOptions(vendor_options={"npu": {"chip": "small"}})
    (found,) = byoc.partition_model(model(), ["npu"], how).segments()
    return found


@cache
def network() -> Network:
    found = lower(segment())
    assert isinstance(found, Network)
    return found


@cache
def made(keep: bool = True, slots: int = 2) -> Compiled:
    return compiled(network(), CHIP, Options(keep, slots))


def layers() -> str:
    """What lowering makes."""
    lines = []
    for layer in network().layers:
        name = network().composites[layer.composite].name
        lines += [f"{name}:", f"    {title(layer)}"]
    return "\n".join(lines)


def plan() -> str:
    """Where tensors lie and how layers are cut."""
    lines = []
    for step in made().plan.steps:
        config = asdict(step.config)
        lines += [
            f"{network().composites[step.layer.composite].name}:",
            "    " + ", ".join(f"{name} {value}" for name, value in config.items()),
            f"    tiles at {step.scratch:#x}, {step.scratch_bytes:,} bytes; about {step.cycles:,} cycles",
        ]
    rows = [("tensor", "place", "strides")]
    for tensor, view in made().plan.views.items():
        place = f"{view.space.name.lower()} {view.offset:#x}"
        rows.append((tensor.name, place, " ".join(map(str, view.strides))))
    return "\n".join([*lines, "", *columns(rows, left=3)])


def listing() -> str:
    """The first composite's assembly."""
    text = made().listing
    start = text.index(".composite 0")
    return text[start : text.index(".composite 1")].rstrip()


def cycles() -> str:
    """Each composite beside its roofline."""
    rows = [("composite", "cycles", "roofline", "bound by", "MACs", "bytes")]
    for each in composites(made()):
        figures = (each["cycles"], each["roofline_cycles"])
        shown = (each["name"], *(f"{n:,}" for n in figures), each["bound"])
        rows.append((*shown, f"{each['macs']:,}", f"{each['bytes']:,}"))
    return "\n".join(columns(rows, left=1))


def beside() -> str:
    """The whole with double buffering or results kept on chip left out."""
    cases = {
        "as it is": made(),
        "without double buffering": made(slots=1),
        "all results spilled": made(keep=False),
    }
    rows = [("", "cycles", "instructions", "bytes moved")]
    for name, case in cases.items():
        moved = sum(each.bytes_in + each.bytes_out for each in case.report.composites)
        records = len(case.program.records)
        rows.append((name, f"{case.report.cycles:,}", f"{records:,}", f"{moved:,}"))
    return "\n".join(columns(rows, left=1))


TOOLS: Mapping[str, Callable[[], str]] = {
    "layers": layers,
    "plan": plan,
    "listing": listing,
    "cycles": cycles,
    "beside": beside,
}


def blocks() -> dict[str, str]:
    return {name: body for name, _, body in BLOCK.findall(PAGE.read_text("utf-8"))}


@pytest.mark.parametrize("name", TOOLS)
def test_a_block_is_what_the_tool_says(name: str) -> None:
    expected = TOOLS[name]() + "\n"
    found = blocks()[name]
    if not found.strip():
        text = BLOCK.sub(
            lambda match: (
                match[0][: -len(match[3]) - 3 or None] + expected + "```"
                if match[1] == name
                else match[0]
            ),
            PAGE.read_text("utf-8"),
        )
        PAGE.write_text(text, "utf-8")
        pytest.skip(f"block {name} was empty and is filled now")
    assert found == expected


def test_the_example_computes_what_the_host_does() -> None:
    x = np.random.default_rng(0).normal(size=(1, 16, 12, 12)).astype("float32")
    (y,), report = simulate.run(made().program.to_bytes(), made().constants, [x])
    expected: Any = segment().reference([x])[0]
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    assert report.cycles == made().report.cycles


def test_every_stage_has_its_file() -> None:
    text = PAGE.read_text("utf-8")
    folder = Path(simulate.__file__).parent
    for name in re.findall(r"`vendors/npu/([\w./]+)`", text):
        assert (folder / name).exists(), name
