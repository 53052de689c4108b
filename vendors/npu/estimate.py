"""Estimate: what a segment costs on the chip, by the simulator's clock, and what a search may change about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import byoc
from byoc.vendors.npu import kernels
from byoc.vendors.npu import layers as ly
from byoc.vendors.npu.compiler import Options, compiled
from byoc.vendors.npu.errors import MisfitError
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.config import TileConfig
from byoc.vendors.npu.work import products


def estimate(region: byoc.Region, hardware: Hardware, options: Options) -> byoc.CostRecord | None:
    """The cost of one run as it would be compiled, None for a region that is not a whole segment."""
    return cost(region, hardware, None, options) if isinstance(region, byoc.Segment) else None


def space(composite: byoc.Segment, hardware: Hardware) -> Sequence[TileConfig]:
    """The configurations of tiles worth trying for a segment, as a rule of one composite; () for one refused.

    They are those of its main layer: the one of most multiply-accumulates. Not all fit beside what else is in the
    scratchpad; `cost` tells.
    """
    network = _network(composite)
    if isinstance(network, byoc.Refusal):
        return ()
    layer = main(network)
    return () if layer is None else kernels.space(layer, hardware, hardware.scratchpad)


def cost(
    composite: byoc.Segment,
    hardware: Hardware,
    config: TileConfig | None = None,
    options: Options | None = None,
) -> byoc.CostRecord:
    """What `composite` takes when its main layer is cut as `config` says, None leaving that to the compiler.

    It is compiled and timed by the simulator: cycles are exact. The breakdown has the cycles in which the matrix
    unit, the vector unit and each direction of DMA were busy, and in which the compute queue waited. What does not
    fit is not valid, and `words` say what it lacks.
    """
    options = options or Options()
    network = _network(composite)
    if isinstance(network, byoc.Refusal):
        return byoc.CostRecord(0.0, valid=False, words=network.message)
    layer = main(network)
    if config is not None and layer is not None:
        options = replace(options, fixed={layer: config})
    try:
        made = compiled(network, hardware, options)
    except MisfitError as error:
        return byoc.CostRecord(0.0, valid=False, words=str(error))
    busy = ("matrix", "vector", "load", "store", "stall")
    sums = {name: sum(getattr(each, name) for each in made.report.composites) for name in busy}
    resources = {
        "scratchpad": made.report.high_water,
        "tmp": made.program.tmp,
        "constants": made.program.constants,
    }
    return byoc.CostRecord(made.report.seconds, made.report.cycles, sums, resources)


def main(network: ly.Network) -> ly.Kernel | None:
    """The layer of most multiply-accumulates, the first of equals; None where nothing is computed."""
    moving = (ly.Alias, ly.Concat)
    computing = [each for each in network.layers if not isinstance(each, moving)]
    return max(computing, key=lambda layer: sum(macs for _, macs in products(layer)), default=None)


def _network(segment: byoc.Segment) -> ly.Network | byoc.Refusal:
    from byoc.vendors.npu.lower import lower

    return lower(segment)
