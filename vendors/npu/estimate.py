"""Estimate: what a segment costs on the chip, by the same model that the compiler and the simulator have."""

from __future__ import annotations

import byoc
from byoc.vendors.npu.compiler import Options, compiled
from byoc.vendors.npu.errors import MisfitError
from byoc.vendors.npu.hardware import Hardware


def estimate(region: byoc.Region, hardware: Hardware, options: Options) -> byoc.CostRecord | None:
    """The cycles of one run, None for a region that is not a whole segment."""
    from byoc.vendors.npu.lower import lower

    if not isinstance(region, byoc.Segment):
        return None
    network = lower(region)
    if isinstance(network, byoc.Refusal):
        return byoc.CostRecord(0.0, valid=False, words=network.message)
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
