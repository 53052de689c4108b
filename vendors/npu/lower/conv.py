"""Convolutions: of one and two dimensions, and transposed ones without overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from byoc.vendors.npu.layers import Conv, Deconv, Epilogue, Layer, Tensor
from byoc.vendors.npu.lower.op import Lowering, Op
from byoc.vendors.npu.lower.products import operands
from byoc.vendors.npu.lower.values import Pending


def conv2d(op: Op) -> Pending:
    """nn.conv2d in NCHW and OIHW."""
    _layouts(op, "NCHW", "OIHW")
    product = operands(op, op.operand(0), op.operand(1), channel_axis=0)
    top, left, bottom, right = op.ints("padding")
    down, across = op.ints("strides")
    high, wide = op.ints("dilation")

    def build(out: Tensor, done: Pending) -> Iterable[Layer]:
        yield Conv(
            product.left,
            product.right,
            out,
            op.builder.composite,
            strides=(down, across),
            padding=(top, left, bottom, right),
            dilation=(high, wide),
            groups=int(op.call.attrs.groups),
            epilogue=done.epilogue(out.shape[1], product.scale),
        )

    return Pending(build, op.shape, axis=1, mult=product.scales)


def conv1d(op: Op) -> Pending:
    """nn.conv1d in NCW and OIW: a convolution of images of one row."""
    _layouts(op, "NCW", "OIW")
    product = operands(op, op.operand(0), op.operand(1), channel_axis=0)
    left, right = op.ints("padding")
    (stride,), (dilation,) = op.ints("strides"), op.ints("dilation")
    x = op.builder.alias(product.left, _image(product.left.shape))
    weight = _row(product.right)

    def build(out: Tensor, done: Pending) -> Iterable[Layer]:
        image = op.builder.tensor(f"{out.name}.image", _image(out.shape), out.dtype, out.quant)
        epilogue = done.epilogue(out.shape[1], product.scale)
        if epilogue.other is not None:
            epilogue = _flat_other(op, epilogue, image.shape)
        yield Conv(
            x,
            weight,
            image,
            op.builder.composite,
            strides=(1, stride),
            padding=(0, left, 0, right),
            dilation=(1, dilation),
            groups=int(op.call.attrs.groups),
            epilogue=epilogue,
        )
        yield op.builder.reshaped(image, out)

    return Pending(build, op.shape, axis=1, mult=product.scales)


def conv2d_transpose(op: Op) -> Pending:
    """nn.conv2d_transpose in NCHW and IOHW, whose kernel is as large as its strides."""
    _layouts(op, "NCHW", "IOHW")
    strides, kernel = op.ints("strides"), op.operand_shape(1)[2:]
    op.demand(
        tuple(kernel) == strides and not any(op.ints("padding")) and op.ints("dilation") == (1, 1),
        f"the kernel is {kernel}, the strides {strides}; the blocks of the result must not overlap",
    )
    op.demand(
        int(op.call.attrs.groups) == 1 and not any(op.ints("output_padding")), "it has groups"
    )
    product = operands(op, op.operand(0), op.operand(1), channel_axis=1)

    def build(out: Tensor, done: Pending) -> Iterable[Layer]:
        epilogue = done.epilogue(out.shape[1], product.scale)
        yield Deconv(
            product.left,
            product.right,
            out,
            op.builder.composite,
            (strides[0], strides[1]),
            epilogue,
        )

    return Pending(build, op.shape, axis=1, mult=product.scales)


def _layouts(op: Op, data: str, kernel: str) -> None:
    given = (op.text("data_layout"), op.text("kernel_layout"), op.text("out_layout"))
    op.demand(given == (data, kernel, data), f"the layouts are {', '.join(given)}")


def _image(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], shape[1], 1, shape[2])


def _row(weight: Tensor) -> Tensor:
    data = np.asarray(weight.data)
    shape = _image(weight.shape)
    return replace(weight, shape=shape, data=data.reshape(shape))


def _flat_other(op: Op, epilogue: Epilogue, shape: tuple[int, ...]) -> Epilogue:
    other = epilogue.other
    return replace(epilogue, other=other and op.builder.alias(other, shape))


LOWERINGS: Final[Mapping[str, Lowering]] = {
    "nn.conv2d": conv2d,
    "nn.conv1d": conv1d,
    "nn.conv2d_transpose": conv2d_transpose,
}
