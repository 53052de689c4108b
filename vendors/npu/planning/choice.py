"""Choice: which configuration of tiles a layer gets in how many bytes of the scratchpad.

A layer's front are the configurations that nothing smaller beats, by the kernels' own estimates. It depends on
where operands lie, and is made once for all layers that are alike, numbers apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Final

from byoc.vendors.npu import isa, kernels
from byoc.vendors.npu import layers as ly
from byoc.vendors.npu.errors import MisfitError
from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.config import TileConfig
from byoc.vendors.npu.places import View, aligned
from byoc.vendors.npu.planning.graph import operands
from byoc.vendors.npu.planning.storage import Buffer, Storage

_UNBOUNDED: Final = 1 << 40

CLOSE: Final = 1.005
"""A configuration that takes this much longer than the best is as good, if it is smaller."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A configuration, the bytes of scratchpad that it needs, and the cycles that it is estimated to take."""

    config: TileConfig
    size: int
    cycles: int


@dataclass(slots=True)
class Fronts:
    """The choices that each layer has, smallest first and every one faster than those before it.

    A layer in `fixed` has the configuration that stands there, and no choice.
    """

    storage: Storage
    hardware: Hardware
    slots: int
    fixed: Mapping[ly.Kernel, TileConfig] = field(default_factory=dict)
    found: dict[tuple[int, frozenset[ly.Tensor]], list[Choice]] = field(default_factory=dict)
    alike: dict[Hashable, list[Choice]] = field(default_factory=dict)

    def of(self, layer: int, kept: Mapping[Buffer, int]) -> list[Choice]:
        """The front of the layer at that index where the buffers `kept` lie in the scratchpad."""
        one = self.storage.layers[layer]
        tensors = dict.fromkeys((*operands(one), one.out))
        inside = frozenset(each for each in tensors if self.storage.places[each].buffer in kept)
        key = (layer, inside)
        if key not in self.found:
            self.found[key] = self._made(one, inside)
        return self.found[key]

    def _made(self, layer: ly.Kernel, inside: frozenset[ly.Tensor]) -> list[Choice]:
        places = self.storage.places
        views = {
            each: replace(places[each].view, space=isa.Space.SP)
            if each in inside
            else places[each].view
            for each in (*operands(layer), layer.out)
        }
        key = layer if layer in self.fixed else _likeness(layer, views)
        if key not in self.alike:
            self.alike[key] = self._front(layer, views)
        return self.alike[key]

    def _front(self, layer: ly.Kernel, views: Mapping[ly.Tensor, View]) -> list[Choice]:
        given = self._choices(layer, views, self.hardware.scratchpad)
        if not given:
            raise self._misfit(layer, views)
        return _front(given)

    def _misfit(self, layer: ly.Kernel, views: Mapping[ly.Tensor, View]) -> MisfitError:
        """What the smallest tiles of a layer need that the chip has not."""
        hw = self.hardware
        fixed = self.fixed.get(layer)
        configs = kernels.space(layer, hw, _UNBOUNDED) if fixed is None else [fixed]
        costs = [kernels.estimate(layer, each, hw, views) for each in configs]
        if not costs:
            return MisfitError(1, 0, "configurations of tiles", layer.composite)
        room, rows = (
            min(getattr(each, name) for each in costs) for name in ("scratchpad", "accumulators")
        )
        if room > hw.scratchpad:
            return MisfitError(room, hw.scratchpad, "bytes of scratchpad", layer.composite)
        return MisfitError(rows, hw.accumulators, "rows of accumulators", layer.composite)

    def _choices(
        self, layer: ly.Kernel, views: Mapping[ly.Tensor, View], size: int
    ) -> list[Choice]:
        found = []
        is_fixed = layer in self.fixed
        configs = [self.fixed[layer]] if is_fixed else kernels.space(layer, self.hardware, size)
        for config in configs:
            if is_fixed or config.slots <= self.slots:
                cost = kernels.estimate(layer, config, self.hardware, views)
                if cost.valid and cost.scratchpad <= size:
                    found.append(Choice(config, aligned(cost.scratchpad), cost.cycles))
        return found


def _likeness(given: Any, views: Mapping[ly.Tensor, View]) -> Hashable:
    """Equal for layers that cost the same under every configuration: numbers and places do not count, shapes do."""
    if isinstance(given, ly.Tensor):
        view = views.get(given)
        placed = view and (view.space, view.strides)
        return given.shape, given.dtype, given.quant is None, given.data is None, placed
    if is_dataclass(given):
        named = [each.name for each in fields(given) if each.name != "composite"]
        return type(given), *(_likeness(getattr(given, name), views) for name in named)
    shape: Hashable = getattr(given, "shape", given)
    return shape  # of an array, which gives a value for each channel


def _front(choices: Sequence[Choice]) -> list[Choice]:
    front: list[Choice] = []
    for choice in sorted(choices, key=lambda each: (each.size, each.cycles)):
        if not front or choice.cycles < front[-1].cycles:
            front.append(choice)
    return front


def best(front: Sequence[Choice], size: int) -> Choice | None:
    """The fastest of at most `size` bytes, or a smaller one that is close to it; None if all are larger."""
    fitting = [each for each in front if each.size <= size]
    if not fitting:
        return None
    return next(each for each in fitting if each.cycles <= fitting[-1].cycles * CLOSE)
