"""Cycles that drivers tell: what is read, what is shown, and the roofline."""

import io
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from byoc.report.device import roofline_page, write_device_costs
from byoc.report.profile import profile_json
from byoc.runtime.device_cost import DeviceCost, device_cost
from byoc.runtime.profile import Profile, Row

CONV = {
    "name": "npu.conv2d",
    "nodes": ["conv1", "relu1"],
    "cycles": 1000,
    "roofline_cycles": 900,
    "bound": "matrix",
    "macs": 230_400,
    "bytes": 4_000,
    "dtype": "float32",
    "stall": 3,
}
POOL = {**CONV, "name": "npu.pool", "nodes": ["<pool>"], "macs": 0, "cycles": 200, "dtype": ""}
TOLD: dict[str, Any] = {
    "clock_hz": 1e9,
    "cycles": 1200,
    "bandwidth": 64,
    "peak": {"float32": 256, "int8": 1024},
    "composites": [CONV, POOL],
}


def cost(told: Any = None) -> DeviceCost:
    found = device_cost("npu_0", "npu", TOLD if told is None else told)
    assert found is not None
    return found


def profile(told: Any) -> Profile:
    row = Row("npu_0", "npu", False, 1, 10, 10, 1.0, driver=told)
    return Profile("m.so", "a <model> & more", (1e-3,), (row,), (), ())


def test_what_is_told_is_read() -> None:
    found = cost()
    assert (found.cycles, found.seconds) == (1200, 1.2e-6)
    assert found.composites[0].of_roofline == pytest.approx(0.9)
    assert found.composites[0].more == {"stall": 3}


def test_what_was_known_before_stands_in_the_report() -> None:
    counted = ("cycles", "bound")
    told = {
        "cycles": 1200,
        "composites": [{key: each[key] for key in counted} for each in (CONV, POOL)],
    }
    rest = {key: value for key, value in TOLD.items() if key != "cycles"}
    rest["composites"] = [
        {key: value for key, value in each.items() if key not in counted} for each in (CONV, POOL)
    ]
    assert device_cost("npu_0", "npu", told) is None
    assert device_cost("npu_0", "npu", told, rest) == cost()


def test_of_several_handles_the_first_speaks() -> None:
    assert cost([TOLD, {**TOLD, "cycles": 7}]).cycles == 1200


@pytest.mark.parametrize(
    "told",
    [None, [], {}, {"composites": 3}, {**TOLD, "composites": [7]}, {**TOLD, "peak": 5}, "text"],
)
def test_other_statistics_are_no_cycles(told: Any) -> None:
    assert device_cost("a", "b", told) is None


def test_the_table_shows_each_composite() -> None:
    out = io.StringIO()
    write_device_costs([cost()], Console(file=out, width=80))
    text = out.getvalue()
    assert "1,200 cycles, 1.20 us at 1,000 MHz; 2 composites" in text
    assert re.search(r"conv2d conv1 +1,000 +83\.3 % +90 % +matrix +230 k +3\.91 KiB", text)
    assert max(map(len, text.splitlines())) <= 80


def test_json_has_devices_and_all_composites() -> None:
    document = profile_json(profile(TOLD), "zeros", 0)
    assert [each["cycles"] for each in document["composites"]] == [1000, 200]
    assert document["composites"][0] == {"segment": "npu_0", **CONV}
    assert document["devices"][0]["peak"] == {"float32": 256, "int8": 1024}


def test_the_page_is_whole_and_escapes_names() -> None:
    page = roofline_page(profile(TOLD))
    svg = page[page.index("<svg") : page.index("</svg>") + 6]
    chart = ElementTree.fromstring(svg)
    assert len(chart.findall("circle")) == 1  # the pool has no MACs
    assert len(chart.findall("polyline")) == 2
    assert "a &lt;model&gt; &amp; more" in page
    assert "&lt;pool&gt;" in page
    assert "http" not in page


figures = st.integers(0, 10**15)


@given(st.lists(st.tuples(figures, figures, figures), max_size=5), st.integers(0, 10**6), figures)
def test_any_figures_give_a_chart_within_its_frame(
    composites: list[tuple[int, int, int]], bandwidth: int, peak: int
) -> None:
    rows = [{**CONV, "cycles": c, "macs": m, "bytes": b} for c, m, b in composites]
    told = {**TOLD, "composites": rows, "bandwidth": bandwidth, "peak": {"float32": peak}}
    page = roofline_page(profile(told))
    chart = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    for circle in chart.findall("circle"):
        assert 70 <= float(circle.attrib["cx"]) <= 840
        assert 20 <= float(circle.attrib["cy"]) <= 430
