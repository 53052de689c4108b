"""Graph: who makes and who reads a tensor of a Network."""

from __future__ import annotations

from collections.abc import Iterable

from byoc.vendors.npu import layers as ly


def operands(layer: ly.Layer | ly.Kernel) -> tuple[ly.Tensor, ...]:
    """What the layer reads and a view must tell where; not the weights, which kernels pack themselves."""
    match layer:
        case ly.Conv() | ly.Deconv():
            return (layer.x, *_other(layer.epilogue))
        case ly.MatMul():
            b = () if layer.b.data is not None else (layer.b,)
            return (layer.a, *b, *_other(layer.epilogue))
        case ly.Map():
            return (layer.a,) if layer.b is None else (layer.a, layer.b)
        case ly.Concat():
            return layer.xs
        case _:
            return (layer.x,)


def _other(epilogue: ly.Epilogue) -> tuple[ly.Tensor, ...]:
    return () if epilogue.other is None else (epilogue.other,)


def producers(layers: Iterable[ly.Layer]) -> dict[ly.Tensor, ly.Layer]:
    """The layer that makes each tensor; inputs and constants have none."""
    return {layer.out: layer for layer in layers}


def readers(layers: Iterable[ly.Layer]) -> dict[ly.Tensor, list[ly.Layer]]:
    """The layers that read each tensor, in their order."""
    found: dict[ly.Tensor, list[ly.Layer]] = {}
    for layer in layers:
        for tensor in dict.fromkeys(operands(layer)):
            found.setdefault(tensor, []).append(layer)
    return found


def needed(network: ly.Network) -> tuple[ly.Layer, ...]:
    """The layers on which an output depends, in their order."""
    wanted = set(network.outputs)
    kept = []
    for layer in reversed(network.layers):
        if layer.out in wanted:
            wanted.update(operands(layer))
            kept.append(layer)
    return tuple(reversed(kept))
