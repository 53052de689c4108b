"""Sections: what each layer became, in words and names, for the listing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from byoc.vendors.npu import isa
from byoc.vendors.npu import layers as ly
from byoc.vendors.npu.asm import Buffer
from byoc.vendors.npu.asm.forms import word
from byoc.vendors.npu.listing import Section, identifier
from byoc.vendors.npu.places import View
from byoc.vendors.npu.plan import Step
from byoc.vendors.npu.planning.graph import operands


def section(
    step: Step, instructions: Sequence[isa.Instruction], views: Mapping[ly.Tensor, View]
) -> Section:
    """The section of one step of a plan."""
    layer = step.layer
    buffers: list[Buffer] = []
    notes = {}
    for tensor in dict.fromkeys((*operands(layer), layer.out)):
        view = views.get(tensor)
        if view is None:  # weights are packed, and no tensor any more
            continue
        first, end = view.span
        name = identifier(tensor.name, [each.name for each in buffers])
        buffers.append(Buffer(name, view.space, first, end - first, view.index))
        role = "result" if tensor is layer.out else "input"
        notes[name] = f"{role} {shaped(tensor)}"
    return Section(
        composite=layer.composite,
        family=family(layer),
        title=title(layer),
        instructions=tuple(instructions),
        config={name: _plain(value) for name, value in asdict(step.config).items()},
        buffers=tuple(buffers),
        notes=notes,
    )


def family(layer: ly.Kernel) -> str:
    """The template that tells how such a layer works."""
    match layer:
        case ly.Conv() | ly.Deconv() | ly.MatMul():
            return "gemm"
        case ly.Pool():
            return "pool"
        case ly.Softmax():
            return "softmax"
        case ly.Norm():
            return "norm"
        case ly.Map():
            return "elementwise"
    return "move"


def title(layer: ly.Layer | ly.Kernel) -> str:
    """What the layer computes, in a line: `convolution of x float32 1x3x8x8 with 4x3x3x3, ...`."""
    return ", ".join([_what(layer), *_epilogue(layer), f"giving {shaped(layer.out)}"])


def shaped(tensor: ly.Tensor) -> str:
    """Tell dtype and shape, and the meaning of 8 bits: `int8 1x16x8x8 (scale 0.05, zero 3)`."""
    text = f"{_DTYPES[tensor.dtype]} {'x'.join(map(str, tensor.shape)) or 'scalar'}"
    quant = tensor.quant
    return text if quant is None else f"{text} (scale {quant.scale:.6g}, zero {quant.zero})"


_DTYPES = {
    isa.Dtype.F32: "float32",
    isa.Dtype.BF16: "bfloat16",
    isa.Dtype.S8: "int8",
    isa.Dtype.U8: "uint8",
    isa.Dtype.S32: "int32",
}


def _what(layer: ly.Layer | ly.Kernel) -> str:
    match layer:
        case ly.Conv():
            words = f"convolution of {shaped(layer.x)} with {shaped(layer.weight)}"
            words += f", strides {_by(layer.strides)}, padding {_by(layer.padding)}"
            words += "" if layer.dilation == (1, 1) else f", dilation {_by(layer.dilation)}"
            return words + ("" if layer.groups == 1 else f", {layer.groups} groups")
        case ly.Deconv():
            return f"transposed convolution of {shaped(layer.x)} with {shaped(layer.weight)}"
        case ly.MatMul():
            return f"product of {shaped(layer.a)} and {shaped(layer.b)}"
        case ly.Pool():
            what = "largest" if layer.kind is isa.Window.MAX else "average"
            words = f"{what} of windows {_by(layer.window)} of {shaped(layer.x)}"
            return f"{words}, strides {_by(layer.strides)}, padding {_by(layer.padding)}"
        case ly.Map():
            return f"element by element of {shaped(layer.a)}"
        case ly.Softmax():
            return f"softmax over dimension {layer.axis} of {shaped(layer.x)}"
        case ly.Norm():
            return f"layer normalisation of {shaped(layer.x)}"
        case ly.Concat():
            return "concatenation of " + " and ".join(map(shaped, layer.xs))
    return f"{type(layer).__name__.lower()} of {shaped(layer.x)}"


def _epilogue(layer: ly.Layer | ly.Kernel) -> Iterator[str]:
    """What is done to each sum, or element, before it is stored."""
    match layer:
        case ly.Map():
            mult, bias, op, other, act = layer.mult, layer.bias, layer.op, layer.b, layer.act
        case ly.Conv() | ly.Deconv() | ly.MatMul():
            done = layer.epilogue
            mult, bias, op, other, act = done.mult, done.bias, done.op, done.other, done.act
        case _:
            return
    if mult is not None:
        yield "scaled"
    if bias is not None:
        yield "shifted"
    if op is not isa.Binary.NONE and other is not None:
        yield f"{word(op)} {shaped(other)}"
    if act is not isa.Act.NONE:
        yield word(act)


def _by(values: Sequence[int]) -> str:
    return "x".join(map(str, values))


def _plain(value: object) -> object:
    return "yes" if value is True else "no" if value is False else value
