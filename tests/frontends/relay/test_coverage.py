"""docs/relay.md has the table of operators as the code has it."""

from byoc.frontends.relay.coverage import coverage_table
from byoc.frontends.relay.ops import OPERATORS
from tests.conftest import ROOT


def test_the_page_has_the_table() -> None:
    page = (ROOT / "docs" / "relay.md").read_text("utf-8")
    assert page.endswith(coverage_table() + "\n"), "write it again: coverage_table()"


def test_the_operators_of_networks_are_there() -> None:
    assert {"nn.conv2d", "nn.dense", "qnn.conv2d", "qnn.requantize", "nn.layer_norm"} <= set(
        OPERATORS
    )
    assert len(OPERATORS) > 150
