"""What composites cost, as the compiler cuts them and as a search would."""

from dataclasses import replace

import pytest

import byoc
from byoc.vendors.npu import estimate
from byoc.vendors.npu.compiler import Options
from byoc.vendors.npu.hardware import Hardware, load
from byoc.vendors.npu.kernels.config import GemmConfig
from tests.partition.build import module, weight

CHIP = load("small")


@pytest.fixture(scope="module")
def segment() -> byoc.Segment:
    """A convolution with activation, the npu's as one composite."""
    nodes = [("nn.conv2d", [0, weight(32, 16, 3, 3)], {"padding": (1, 1)}), ("nn.relu", [1])]
    (found,) = byoc.partition_model(module(nodes, inputs=[(1, 16, 14, 14)]), ["npu"]).segments()
    return found


def test_every_configuration_has_a_cost_or_a_reason(segment: byoc.Segment) -> None:
    space = list(estimate.space(segment, CHIP))
    assert len(space) > 5
    assert len(set(space)) == len(space)
    best = estimate.cost(segment, CHIP).cycles
    assert best is not None
    for config in space[:: max(1, len(space) // 12)]:
        record = estimate.cost(segment, CHIP, config)
        assert record.valid or record.words
        if record.valid:
            assert record.cycles
            assert record.resources["scratchpad"] <= CHIP.scratchpad


def test_the_compiler_takes_one_near_the_best(segment: byoc.Segment) -> None:
    space = estimate.space(segment, CHIP)
    records = [estimate.cost(segment, CHIP, each) for each in space[:: max(1, len(space) // 24)]]
    least = min(each.cycles or 0 for each in records if each.valid)
    assert (estimate.cost(segment, CHIP).cycles or 0) <= 1.1 * least


def test_the_configuration_decides(segment: byoc.Segment) -> None:
    tiny = GemmConfig(rows=1, columns=1, channels=8, depth=16)
    slow, fast = estimate.cost(segment, CHIP, tiny), estimate.cost(segment, CHIP)
    assert (slow.cycles or 0) > 2 * (fast.cycles or 0)


def test_what_does_not_fit_says_so(segment: byoc.Segment) -> None:
    record = estimate.cost(segment, replace(CHIP, scratchpad=2048))
    assert not record.valid
    assert "of which there are 2048" in record.words


@pytest.mark.parametrize("hardware", [CHIP, load("large")], ids=["small", "large"])
def test_an_estimate_is_the_cycles_that_the_driver_counts(
    segment: byoc.Segment, hardware: Hardware
) -> None:
    record = estimate.estimate(segment, hardware, Options())
    assert record is not None
    assert record.seconds == pytest.approx((record.cycles or 0) / (hardware.clock * 1e6))
    assert set(record.breakdown) == {"matrix", "vector", "load", "store", "stall"}
