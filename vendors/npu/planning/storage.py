"""Storage: which tensors share a buffer, and where in it each stands.

Wishes come first, later layers before earlier ones: an output wants to stand in the caller's tensor, a part of a
Concat in its slice of the result. A tensor gets its wish if nothing is known of it yet and some layer makes it; if
that is an Alias, what it reads is put where the result then is right. Everything that has no wish gets a buffer of
its own. What remains are aliases read from what is placed: a view where strides allow, otherwise a Copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from byoc.vendors.npu import isa
from byoc.vendors.npu import layers as ly
from byoc.vendors.npu.places import View, aligned
from byoc.vendors.npu.planning.aliases import origin, seen
from byoc.vendors.npu.planning.graph import needed, operands, producers
from byoc.vendors.npu.planning.orders import Order, orders
from byoc.vendors.npu.pool import Pool


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """Bytes that belong together: the program's own (TMP, or SP if kept), an input, an output or constants."""

    space: isa.Space
    index: int
    size: int

    @property
    def own(self) -> bool:
        """Whether the planner chooses its place."""
        return self.space is isa.Space.TMP


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor's buffer, and its view, counted from the buffer's first byte."""

    buffer: Buffer
    view: View


@dataclass(frozen=True, slots=True)
class Storage:
    """The layers that run, copies among them and aliases gone, and the place of every tensor they touch."""

    layers: tuple[ly.Kernel, ...]
    places: Mapping[ly.Tensor, Place]


def stored(network: ly.Network, pool: Pool) -> Storage:
    """Place every tensor of `network`; constants that are read as tensors go into `pool`."""
    layers = needed(network)
    work = _Placing(pool, orders(layers), producers(layers))
    work.inputs(network.inputs)
    work.outputs(network.outputs)
    for layer in reversed(layers):
        work.result(layer)
    for layer in layers:
        work.step(layer)
    last = layers[-1].composite if layers else 0
    for tensor in tuple(work.late):
        work.rest(tensor, last)
    return Storage(tuple(work.steps), work.places)


@dataclass(slots=True)
class _Placing:
    """What is known while places are given out."""

    pool: Pool
    orders: Mapping[ly.Tensor, Order]
    producers: Mapping[ly.Tensor, ly.Layer]
    places: dict[ly.Tensor, Place] = field(default_factory=dict)
    steps: list[ly.Kernel] = field(default_factory=list)
    parts: dict[tuple[ly.Tensor, int], Place] = field(default_factory=dict)
    """Parts of Concats that have to be copied to their place: by result and position."""
    late: dict[ly.Tensor, list[Place]] = field(default_factory=dict)
    """Where outputs have to be copied once they are made."""

    def inputs(self, tensors: Sequence[ly.Tensor]) -> None:
        """Inputs stand where the caller has them, row-major."""
        for index, tensor in enumerate(tensors):
            view = View.dense(isa.Space.IN, 0, tensor.shape, tensor.dtype, index=index)
            self.places[tensor] = Place(Buffer(isa.Space.IN, index, view.span[1]), view)

    def outputs(self, tensors: Sequence[ly.Tensor]) -> None:
        """Outputs are made where the caller wants them, if they can be."""
        for index, tensor in enumerate(tensors):
            view = View.dense(isa.Space.OUT, 0, tensor.shape, tensor.dtype, index=index)
            place = Place(Buffer(isa.Space.OUT, index, view.span[1]), view)
            if not self.wish(tensor, place):
                self.late.setdefault(tensor, []).append(place)

    def wish(self, tensor: ly.Tensor, place: Place) -> bool:
        """Put `tensor` at `place` if it is free to be put; whether it is there now."""
        producer = self.producers.get(tensor)
        if tensor in self.places or producer is None:
            return False
        if isinstance(producer, ly.Alias):
            view = origin(producer, place.view)
            if view is None or not self.wish(producer.x, replace(place, view=view)):
                return False
        self.places[tensor] = place
        if isinstance(producer, ly.Concat):
            self._parts(producer, place)
        return True

    def _parts(self, concat: ly.Concat, place: Place) -> None:
        """Let the parts be made in their slices; those that cannot be are copied when the Concat is due."""
        starts = [0] * len(concat.out.shape)
        for position, part in enumerate(concat.xs):
            there = replace(place, view=place.view.slice(starts, part.shape))
            starts[concat.axis] += part.shape[concat.axis]
            alike = part.dtype is concat.out.dtype and part.quant == concat.out.quant
            if not (alike and self.wish(part, there)):
                self.parts[concat.out, position] = there

    def result(self, layer: ly.Layer) -> None:
        """Give a result without a wish a buffer of its own, unless it may become a view of what is read."""
        if layer.out not in self.places and not isinstance(layer, ly.Alias):
            self.wish(layer.out, self._fresh(layer.out, self.orders[layer.out]))

    def _fresh(self, tensor: ly.Tensor, order: Order) -> Place:
        view = View.dense(isa.Space.TMP, 0, tensor.shape, tensor.dtype, order=order)
        return Place(Buffer(isa.Space.TMP, 0, aligned(view.span[1])), view)

    def step(self, layer: ly.Layer) -> None:
        """Place what `layer` reads, as far as that is not known, and note what is to be run of it."""
        for tensor in operands(layer):
            if tensor not in self.places:
                self._constant(tensor)
        if isinstance(layer, ly.Alias):
            self._alias(layer)
        elif isinstance(layer, ly.Concat):
            self._concat(layer)
        else:
            self.steps.append(layer)
        self.rest(layer.out, layer.composite)

    def rest(self, tensor: ly.Tensor, composite: int) -> None:
        """Copy an output that is there now to where else it is wanted."""
        for place in self.late.pop(tensor, ()):
            self.copy(tensor, place, composite)

    def _constant(self, tensor: ly.Tensor) -> None:
        order = self.orders.get(tensor, tuple(range(len(tensor.shape))))
        view = View.dense(isa.Space.CONST, 0, tensor.shape, tensor.dtype, order=order)
        assert tensor.data is not None
        offset = self.pool.add(tensor.data.transpose(order).tobytes())
        buffer = Buffer(isa.Space.CONST, 0, view.span[1])
        self.places[tensor] = Place(buffer, replace(view, offset=offset))

    def _alias(self, layer: ly.Alias) -> None:
        if layer.out in self.places:
            return
        source = self.places[layer.x]
        view = seen(layer, source.view)
        if view is not None:
            self.places[layer.out] = replace(source, view=view)
            return
        place = self._fresh(layer.out, self.orders[layer.out])
        if place.view.reshape(layer.x.shape) is None:
            place = self._fresh(layer.out, tuple(range(len(layer.out.shape))))
        self.places[layer.out] = place
        back = place.view.reshape(layer.x.shape)
        assert back is not None
        self.copy(layer.x, replace(place, view=back), layer.composite)

    def _concat(self, layer: ly.Concat) -> None:
        for position, part in enumerate(layer.xs):
            place = self.parts.get((layer.out, position))
            if place is not None:
                self.copy(part, place, layer.composite, layer.out.quant)

    def copy(
        self, tensor: ly.Tensor, place: Place, composite: int, quant: ly.Quant | None = None
    ) -> None:
        """Have `tensor` copied to `place`, converted where that has another dtype or `quant`."""
        if tensor not in self.places:
            self._constant(tensor)
        if quant is None and place.view.dtype is tensor.dtype:
            quant = tensor.quant
        target = ly.Tensor(f"{tensor.name} (copy)", tensor.shape, place.view.dtype, quant)
        self.places[target] = place
        alike = target.dtype is tensor.dtype and target.quant == tensor.quant
        self.steps.append((ly.Copy if alike else ly.Map)(tensor, target, composite))
