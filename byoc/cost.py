"""Cost: what a vendor expects a region to cost on its device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CostRecord:
    """The expected cost of one run of a region.

    `seconds` is its time on the device. `cycles` is the same in the device's clock, None for a vendor that counts
    none; `breakdown` says what they are spent on (names are the vendor's). `resources` is what the region holds on
    the device, in bytes by the vendor's own names. `valid` false says that it cannot run there, `words` why.
    """

    seconds: float
    cycles: int | None = None
    breakdown: Mapping[str, int] = field(default_factory=dict)
    resources: Mapping[str, int] = field(default_factory=dict)
    valid: bool = True
    words: str = ""
