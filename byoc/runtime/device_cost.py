"""Device cost: what drivers tell of the cycles that their composites take.

A driver that counts cycles tells them in its statistics (`query("stats")`, `Executor.stats`), as

    {"clock_hz": 1e9, "cycles": 420000, "bandwidth": 64, "peak": {"float32": 256},
     "composites": [{"name": "npu.conv2d", "nodes": ["conv1"], "cycles": 400000, "roofline_cycles": 380000,
                     "bound": "matrix", "macs": 97280000, "bytes": 800000, "dtype": "float32"}]}

of one call. `bandwidth` is bytes a cycle, `peak` multiply-accumulates a cycle by dtype. Other keys are kept as they
are. What is known when the segment is compiled may stand in the blob's report instead, under the same keys: the two
are laid over each other, composites in their order. What does not fit this is the driver's own affair and no error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class CompositeCost:
    """A composite on the device, in one call of its segment.

    `roofline_cycles` is the least that `macs` at the peak rate and `bytes` (each tensor moved once) at the memory's
    bandwidth take, the larger of the two. `bound` says what it waits for most, in the driver's word. `more` is what
    else the driver tells of it.
    """

    name: str
    nodes: tuple[str, ...]
    cycles: int
    roofline_cycles: int
    bound: str
    macs: int
    bytes: int
    dtype: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def of_roofline(self) -> float:
        """How near it is to the roofline, 1 being on it."""
        return self.roofline_cycles / self.cycles if self.cycles else 1.0


@dataclass(frozen=True, slots=True)
class DeviceCost:
    """One call of a segment on the device: `cycles` at `clock_hz`, and its composites."""

    segment: str
    vendor: str
    cycles: int
    clock_hz: float
    bandwidth: float
    peak: Mapping[str, float]
    composites: tuple[CompositeCost, ...]

    @property
    def seconds(self) -> float:
        """The time of one call on the device."""
        return self.cycles / self.clock_hz if self.clock_hz else 0.0


_OWN = ("name", "nodes", "cycles", "roofline_cycles", "bound", "macs", "bytes", "dtype")


def device_cost(
    segment: str, vendor: str, told: Any, report: Mapping[str, Any] | None = None
) -> DeviceCost | None:
    """What a driver's statistics `told` say of cycles; None when they say nothing, or not in the form above.

    Of several handles of a segment the first speaks: they run the same blob. `report` is the blob's.
    """
    if isinstance(told, list) and told:
        told = told[0]
    if not isinstance(told, Mapping) or not isinstance(told.get("composites"), list):
        return None
    try:
        told = _joined(report or {}, told)
        return DeviceCost(
            segment,
            vendor,
            int(told["cycles"]),
            float(told["clock_hz"]),
            float(told["bandwidth"]),
            {str(dtype): float(peak) for dtype, peak in told["peak"].items()},
            tuple(map(_composite, told["composites"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _joined(report: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """What the driver tells over what was known before."""
    known, counted = report.get("composites"), told["composites"]
    if not isinstance(known, list) or len(known) != len(counted):
        return {**report, **told}
    both = [{**one, **other} for one, other in zip(known, counted, strict=True)]
    return {**report, **told, "composites": both}


def _composite(told: Mapping[str, Any]) -> CompositeCost:
    return CompositeCost(
        str(told["name"]),
        tuple(map(str, told["nodes"])),
        int(told["cycles"]),
        int(told["roofline_cycles"]),
        str(told["bound"]),
        int(told["macs"]),
        int(told["bytes"]),
        str(told.get("dtype", "")),
        {key: value for key, value in told.items() if key not in _OWN},
    )
