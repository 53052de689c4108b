"""Plan: where every tensor of a network lies, and how every layer is cut. The steps are in planning/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from byoc.vendors.npu import isa
from byoc.vendors.npu import layers as ly
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.config import TileConfig
from byoc.vendors.npu.places import View
from byoc.vendors.npu.planning.areas import Area, areas
from byoc.vendors.npu.planning.choice import Fronts
from byoc.vendors.npu.planning.live import Life, lives
from byoc.vendors.npu.planning.offsets import offsets
from byoc.vendors.npu.planning.resident import Kept, resident, taken
from byoc.vendors.npu.planning.storage import Buffer, Place, stored
from byoc.vendors.npu.pool import Pool


@dataclass(frozen=True, slots=True)
class Step:
    """A layer with its configuration and the part of the scratchpad for its tiles; `cycles` are an estimate."""

    layer: ly.Kernel
    config: TileConfig
    scratch: int
    scratch_bytes: int
    cycles: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run, in this order, and where every tensor that it touches lies.

    `tmp` are the bytes of workspace in DRAM, `high` those of the scratchpad that are in use at most: tensors that
    are kept there (`kept` of them) and one layer's tiles.
    """

    steps: tuple[Step, ...]
    views: Mapping[ly.Tensor, View]
    tmp: int
    high: int
    kept: int


def plan(
    network: ly.Network,
    hardware: Hardware,
    pool: Pool,
    *,
    keep: bool = True,
    slots: int = 2,
    fixed: Mapping[ly.Kernel, TileConfig] | None = None,
) -> Plan:
    """Plan `network` for `hardware`; constants that are read as tensors go into `pool`.

    Without `keep` every result is spilled to DRAM; with `slots` of 1 nothing is loaded while its predecessor is in
    use. Layers in `fixed` are cut as it says, whatever would be better. Raises MisfitError for a layer that the
    scratchpad has not even room for the smallest tiles of.
    """
    storage = stored(network, pool)
    alive = lives(storage)
    fronts = Fronts(storage, hardware, slots, fixed or {})
    kept = resident(alive, fronts, hardware.scratchpad) if keep else {}
    given = areas(len(storage.layers), kept, alive, fronts, apart=slots > 1)
    spilled, tmp = offsets({each: life for each, life in alive.items() if each not in kept})
    steps = tuple(
        Step(layer, area.choice.config, area.start, area.choice.size, area.choice.cycles)
        for layer, area in zip(storage.layers, given, strict=True)
    )
    views = {each: _placed(place, kept, spilled) for each, place in storage.places.items()}
    return Plan(steps, views, tmp, _high(given, kept, alive), len(kept))


def _placed(place: Place, kept: Kept, spilled: Mapping[Buffer, int]) -> View:
    """The view, once its buffer's place is known."""
    view, buffer = place.view, place.buffer
    if buffer in kept:
        return replace(view, space=isa.Space.SP, offset=view.offset + kept[buffer])
    return replace(view, offset=view.offset + spilled.get(buffer, 0))


def _high(given: list[Area], kept: Kept, alive: Mapping[Buffer, Life]) -> int:
    used = [
        area.choice.size
        + sum(end - start for start, end in taken(kept, alive, range(layer, layer + 1)))
        for layer, area in enumerate(given)
    ]
    return max(used, default=0)
