"""Orders: in which order of axes a tensor of the program's own is stored.

Tensors that a Map, Concat or Pad joins want one order, so that what is adjacent in one is so in the others: they
form a group. Every layer around a group has a wish: convolutions and pooling that channels (axis 1) stand side by
side, matrix products, softmax and normalisation that their last axis does. An Alias wishes to be a view. The order
against which the fewest bytes of wishes stand is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from byoc.vendors.npu import isa
from byoc.vendors.npu import layers as ly
from byoc.vendors.npu.places import View
from byoc.vendors.npu.planning.aliases import seen
from byoc.vendors.npu.planning.graph import operands, readers

Order = tuple[int, ...]

CHANNEL_LAST: Order = (0, 2, 3, 1)


def orders(layers: Sequence[ly.Layer]) -> dict[ly.Tensor, Order]:
    """The axes, outermost first, of each tensor of `layers` that is to be stored without gaps."""
    read = readers(layers)
    wishes = _wishes(layers)
    found: dict[ly.Tensor, Order] = {}
    for group in _groups(layers):
        order = _chosen(group, wishes, read)
        found.update(dict.fromkeys(group, order))
    return found


def _groups(layers: Sequence[ly.Layer]) -> Iterable[list[ly.Tensor]]:
    """Tensors joined, in the order of their first mention."""
    group: dict[ly.Tensor, list[ly.Tensor]] = {}
    for layer in layers:
        for tensor in (*operands(layer), layer.out):
            group.setdefault(tensor, [tensor])
        for tensor in _joined(layer):
            if group[tensor] is not group[layer.out]:
                _merge(group, tensor, layer.out)
    return {id(each): each for each in group.values()}.values()


def _merge(group: dict[ly.Tensor, list[ly.Tensor]], one: ly.Tensor, other: ly.Tensor) -> None:
    first, second = group[one], group[other]
    first += second
    for tensor in second:
        group[tensor] = first


def _joined(layer: ly.Layer) -> Iterator[ly.Tensor]:
    """The operands of as many dimensions as the result that want to be stored as it is."""
    rank = len(layer.out.shape)
    match layer:
        case ly.Map() | ly.Concat() | ly.Pad():
            yield from (each for each in operands(layer) if len(each.shape) == rank)
        case ly.Conv() | ly.Deconv() | ly.MatMul():
            if layer.epilogue.other is not None and len(layer.epilogue.other.shape) == rank:
                yield layer.epilogue.other
        case ly.Alias(kind="slice"):
            yield layer.x


def _wishes(layers: Sequence[ly.Layer]) -> Mapping[ly.Tensor, list[int]]:
    """The axes that layers want innermost in each tensor."""
    found: dict[ly.Tensor, list[int]] = {}
    for layer in layers:
        for tensor, axis in _inner(layer):
            found.setdefault(tensor, []).append(axis)
    return found


def _inner(layer: ly.Layer) -> Iterator[tuple[ly.Tensor, int]]:
    match layer:
        case ly.Conv() | ly.Deconv() | ly.Pool() | ly.Resize():
            yield layer.x, 1
            yield layer.out, 1
        case ly.MatMul():
            yield layer.a, len(layer.a.shape) - 1
            yield layer.b, len(layer.b.shape) - 1
            yield layer.out, len(layer.out.shape) - 1
        case ly.Softmax() | ly.Norm():
            axis = layer.axis if isinstance(layer, ly.Softmax) else len(layer.x.shape) - 1
            yield layer.x, axis
            yield layer.out, axis
        case ly.Map() if any(
            each is not None and each.size > 1 for each in (layer.mult, layer.bias)
        ):
            yield layer.a, layer.axis
            yield layer.out, layer.axis


def _chosen(
    group: Sequence[ly.Tensor],
    wishes: Mapping[ly.Tensor, list[int]],
    read: Mapping[ly.Tensor, list[ly.Layer]],
) -> Order:
    rank = len(group[0].shape)
    candidates = dict.fromkeys(_candidates(rank, group, wishes, read))
    if len(candidates) == 1:
        return next(iter(candidates))
    return min(candidates, key=lambda order: _against(order, group, wishes, read))


def _candidates(
    rank: int,
    group: Sequence[ly.Tensor],
    wishes: Mapping[ly.Tensor, list[int]],
    read: Mapping[ly.Tensor, list[ly.Layer]],
) -> Iterator[Order]:
    """Row-major, channel-last, and what makes a transposed reading either; the first that is as good is taken."""
    rows = tuple(range(rank))
    usual = [rows, CHANNEL_LAST] if rank == 4 else [rows]
    if any(axis == 1 for each in group for axis in wishes.get(each, ())):
        usual.reverse()
    yield from usual
    for tensor in group:
        for layer in read.get(tensor, ()):
            if isinstance(layer, ly.Alias) and layer.kind == "transpose":
                yield from (tuple(layer.axes[axis] for axis in order) for order in usual)


def _against(
    order: Order,
    group: Sequence[ly.Tensor],
    wishes: Mapping[ly.Tensor, list[int]],
    read: Mapping[ly.Tensor, list[ly.Layer]],
) -> int:
    """Bytes of tensors that are not as layers want them, and of copies that aliases need."""
    total = 0
    for tensor in group:
        view = View.dense(isa.Space.TMP, 0, tensor.shape, tensor.dtype, order=order)
        size = view.elements * tensor.dtype.bytes
        total += size * sum(not _is_inner(view, axis) for axis in wishes.get(tensor, ()))
        total += _copied(tensor, view, read)
    return total


def _is_inner(view: View, axis: int) -> bool:
    return view.shape[axis] == 1 or view.strides[axis] == view.dtype.bytes


def _copied(tensor: ly.Tensor, view: View, read: Mapping[ly.Tensor, list[ly.Layer]]) -> int:
    """Bytes that aliases of `tensor`, stored like `view`, would read and write to be copied."""
    total = 0
    for layer in read.get(tensor, ()):
        if isinstance(layer, ly.Alias):
            alias = seen(layer, view)
            if alias is None:
                total += 2 * view.elements * view.dtype.bytes
            else:
                total += _copied(layer.out, alias, read)
    return total
