"""Convolution and its transpose as products."""

from __future__ import annotations

from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.config import Views
from byoc.vendors.npu.kernels.product import Bank, Batch, Product, Weights, kinds, precision
from byoc.vendors.npu.layers import Conv, Deconv
from byoc.vendors.npu.places import View


def conv(layer: Conv, views: Views, hw: Hardware) -> Product:
    """A convolution: one batch, one bank; small groups are merged as far as that saves steps."""
    outputs, channels, high, wide = layer.weight.shape
    merged = merging(layer, hw)
    zero = 0 if layer.weight.quant is None else layer.weight.quant.zero
    assert layer.weight.data is not None, "the weights of a convolution are constant"
    weights = Weights(layer.weight.data, layer.groups, merged, zero)
    x, out, other = views[layer.x], views[layer.out], _other(layer, views)
    strides, padding = layer.strides, layer.padding[:2]
    if (high, wide) == (1, 1) and not any(layer.padding):
        _, _, out_high, out_wide = out.shape
        x = x.slice((0, 0, 0, 0), (*x.shape[:2], out_high, out_wide), (1, 1, *strides))
        strides = (1, 1)
    return Product(
        composite=layer.composite,
        batches=(Batch(x, (Bank(weights, out, other),)),),
        channels=channels * merged,
        outputs=outputs // layer.groups * merged,
        groups=layer.groups // merged,
        out=layer.out,
        epilogue=layer.epilogue,
        other=layer.epilogue.other,
        kernel=(high, wide),
        strides=strides,
        padding=padding,
        dilation=layer.dilation,
        **kinds(layer.x, layer.weight),
    )


def merging(layer: Conv, hw: Hardware) -> int:
    """How many groups are best made one: the fewest steps of the matrix unit, then the fewest instructions."""
    each, channels, _, _ = layer.weight.shape
    each //= layer.groups
    depth = hw.depth(precision(layer.x.dtype))

    def steps(size: int) -> tuple[int, int]:
        wide, deep = -(-size * each // hw.columns), -(-size * channels // depth)
        return layer.groups // size * wide * deep, -size

    sizes = [size for size in range(1, layer.groups + 1) if layer.groups % size == 0]
    return min(sizes, key=steps)


def deconv(layer: Deconv, views: Views, hw: Hardware) -> Product:
    """A transposed convolution without overlap: a bank for each place of the kernel."""
    channels, outputs, high, wide = layer.weight.shape
    x, out, other = views[layer.x], views[layer.out], _other(layer, views)
    assert layer.weight.data is not None, "the weights of a convolution are constant"
    places = [(down, right) for down in range(high) for right in range(wide)]
    banks = []
    for down, right in places:
        data = layer.weight.data[:, :, down, right].T.reshape(outputs, channels, 1, 1)
        there = None if other is None else _every(other, x, down, right, layer.strides)
        banks.append(Bank(Weights(data), _every(out, x, down, right, layer.strides), there))
    return Product(
        composite=layer.composite,
        batches=(Batch(x, tuple(banks)),),
        channels=channels,
        outputs=outputs,
        out=layer.out,
        epilogue=layer.epilogue,
        other=layer.epilogue.other,
        **kinds(layer.x, layer.weight),
    )


def _every(view: View, x: View, down: int, right: int, strides: tuple[int, int]) -> View:
    """The pixels of the output that one place of the kernel makes."""
    shape = (*view.shape[:2], *x.shape[2:])
    return view.slice((0, 0, down, right), shape, (1, 1, *strides))


def _other(layer: Conv | Deconv, views: Views) -> View | None:
    other = layer.epilogue.other
    return None if other is None else views[other].broadcast(layer.out.shape)
