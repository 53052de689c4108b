"""The text report, as printed at 80 columns."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc.partition.plan import Plan, Refusal
from byoc.pipeline import Partition
from byoc.report import console, write_report
from tests.report import plans
from tests.report.test_json import some_plans

EXPECTED = """\
zoo:small for npu
4 of 8 ops offloaded, 118 M of 158 M MACs, in 1 segment
1 op of unknown cost (symbolic shapes) not in the MACs; bind them with --shape
verified: inlining the segments gives the imported model back

        ops                            MACs
  npu   ##########..........  50.0 %   ###############.....  74.6 %
  host  ##########..........  50.0 %   #####...............  25.3 %

Segments
  segment  ops   MACs   share   weights          in   out
  npu_0      4  118 M  74.6 %  37.0 KiB  1: 588 KiB  2: ?
    conv2d_bias_relu, nn.max_pool2d

On the host: 4 ops. Why, largest first:
  npu pattern  2 ops, 40.0 M MACs: nn.conv2d, add
    conv2d_bias_relu: the result of nn.conv2d (/features/block.1/expand/Conv) is
    also used by add (/features/block.1/Add), which stands outside the match
    (support.yaml:77)
    Conv2, Add2
  npu when  1 op, 40.0 M MACs: nn.conv2d
    the convolution engine holds kernels of at most 7x7 (support.yaml:31)
    Conv2
  npu unsupported-op  2 ops: nn.softmax x2
    npu has no row for nn.softmax
    Soft1, Soft2
  An op that several rules refuse is counted under each.

Notes
  - Loop_3 runs on the host

0.22 s in all (import 0.21 s, match 0.01 s)
Next: --explain Conv2 tells the whole story of that node.
"""


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def printed(partition: Partition, encoding: str = "ascii") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    write_report(partition, console(file))
    file.flush()
    assert isinstance(file.buffer, io.BytesIO)
    return file.buffer.getvalue().decode(encoding)


def test_the_whole_page() -> None:
    assert printed(plans.partition(notes=("Loop_3 runs on the host",))) == EXPECTED


def test_bars_are_blocks_where_the_encoding_has_them() -> None:
    assert "  npu   ██████████░░░░░░░░░░  50.0 %" in printed(plans.partition(), "utf-8")


def test_piped_output_has_no_colour() -> None:
    assert "\x1b" not in printed(plans.partition())


def test_no_color_is_obeyed_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[32m" in printed(plans.partition())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in printed(plans.partition())


def test_nothing_offloaded() -> None:
    page = printed(plans.partition(plans.plan(segments=(), ops=plans.plan().ops[4:])))
    assert "0 of 4 ops offloaded, 0 of 40.0 M MACs, in 0 segments" in page
    assert "Segments\n" not in page


def test_all_offloaded_points_to_the_output() -> None:
    page = printed(plans.partition(plans.plan(ops=plans.plan().ops[:4])))
    assert "On the host" not in page
    assert page.endswith("Next: -o DIR writes the partitioned module and its plan.\n")


def test_several_vendors_are_named_in_the_table() -> None:
    page = printed(plans.partition(plans.plan(vendors=("npu", "dsp"))))
    assert "  npu_0    npu       4  118 M" in page
    assert "  dsp   ....................   0.0 %   ....................   0.0 %" in page


def test_long_lists_are_cut_with_the_largest_kept() -> None:
    homes = [(plans.op(f"c{i}", "add", 1000 * i, segment=f"npu_{i}"),) for i in range(20)]
    refused = [
        plans.op(f"h{i}", "abs", refusals=(Refusal("when", f"rule {i:02}", "", "npu"),))
        for i in range(20)
    ]
    plan = plans.plan(
        segments=tuple(plans.segment(i, ops) for i, ops in enumerate(homes)),
        ops=(*[op for ops in homes for op in ops], *refused),
    )
    page = printed(plans.partition(plan, notes=tuple(f"note {i}" for i in range(9))))
    assert "Segments: the 12 largest of 20\n" in page
    assert "  npu_19 " in page
    assert "  npu_7 " not in page
    assert "  8 more: --format json has them all" in page
    assert "  8 more reasons: --format json has them all" in page
    assert "  3 more: --format json has them all" in page


def test_names_cannot_drive_the_terminal() -> None:
    evil = plans.op("x", "abs", nodes=("a\x1b[31mb",), refusals=(plans.NO_ROW,))
    page = printed(plans.partition(plans.plan(ops=(evil,), segments=())))
    assert "\x1b" not in page
    assert r"a\x1b[31mb" in page


def test_markup_in_words_is_text() -> None:
    refusal = Refusal("when", "takes [bold]one[/bold] :smile: only", "", "npu")
    page = printed(plans.partition(plans.plan(ops=(plans.op("x", "abs", refusals=(refusal,)),))))
    assert "takes [bold]one[/bold] :smile: only" in page


@given(some_plans(), st.booleans())
def test_no_line_is_too_long_or_ends_blank(plan: Plan, verified: bool) -> None:
    page = printed(plans.partition(plan), "utf-8")
    for line in page.splitlines():
        assert line == line.rstrip()
        assert len(line) <= 80
