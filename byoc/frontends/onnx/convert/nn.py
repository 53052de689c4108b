"""Layers: normalisations, softmax, Gemm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tvm import relax

from byoc.frontends.onnx.context import Context, Decline
from byoc.frontends.onnx.convert import stock


def layer_normalization(context: Context) -> Any:
    """LayerNormalization whose scale spans the normalised axes, its first output only."""
    if context.wanted > 1:
        raise Decline("the mean or the deviation is an output")
    data, rank = context.dims(0), context.rank(0)
    axis = context.axis(context.attrs.get("axis", -1), rank)
    if context.dims(1) != data[axis:] or (context.has(2) and context.dims(2) != data[axis:]):
        raise Decline("its scale is broadcast")
    dtype = context.dtype(0)
    if dtype != "float32" and context.attrs.get("stash_type", 1) == 1 and dtype != "float16":
        raise Decline(f"it computes in float32 for {dtype}")
    beta = context.arg(2)
    if beta is None:
        if not all(isinstance(dim, int) for dim in data[axis:]):
            raise Decline("it has no bias and a symbolic extent")
        beta = relax.const(np.zeros([int(dim) for dim in data[axis:]], context.dtype(1)))
    axes = list(range(axis, rank))
    return relax.op.nn.layer_norm(
        context.arg(0), context.arg(1), beta, axes, context.attrs["epsilon"]
    )


def softmax(context: Context) -> Any:
    """Softmax; before opset 13 over all dims from the axis on, which is one axis when the rest is 1."""
    operation = (
        relax.op.nn.log_softmax if context.node.op_type == "LogSoftmax" else relax.op.nn.softmax
    )
    rank = context.rank(0)
    axis = context.axis(context.attrs["axis"], rank)
    if context.version >= 13:
        return operation(context.arg(0), axis=axis)
    rest = [index for index, dim in enumerate(context.dims(0)) if index >= axis and dim != 1]
    if len(rest) <= 1 and rank:
        return operation(context.arg(0), axis=rest[0] if rest else rank - 1)
    return stock.convert(context)


def dropout(context: Context) -> Any:
    """Dropout that computes something is training."""
    raise Decline("it trains, or its mask is an output")


def batch_normalization(context: Context) -> Any:
    """BatchNormalization of inference; `nn.batch_norm` and its first item."""
    if (
        context.attrs.get("training_mode", 0)
        or context.wanted > 1
        or not context.attrs.get("spatial", 1)
    ):
        raise Decline("it trains")
    return stock.convert(context)


def windowed(context: Context) -> Any:
    """Convolutions and pools; what depends on symbolic extents cannot be held against ONNX's inference."""
    attrs = context.attrs
    if attrs.get("output_shape"):
        raise Decline("it states its output's shape")
    symbolic = not all(isinstance(dim, int) for dim in context.dims(0)[2:])
    if symbolic and attrs.get("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER"):
        raise Decline("its padding depends on a symbolic dimension")
    if symbolic and attrs.get("ceil_mode", 0):
        raise Decline("how it rounds a symbolic dimension up is not known")
    return stock.convert(context)


_COORDINATES = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")


def resize(context: Context) -> Any:
    """Resize with constant scales or sizes, where TVM samples at the same points."""
    attrs = context.attrs
    if (
        attrs.get("antialias", 0)
        or attrs.get("axes")
        or attrs.get("keep_aspect_ratio_policy", "stretch") != "stretch"
    ):
        raise Decline("it filters, keeps the aspect ratio, or resizes some axes only")
    if attrs.get("coordinate_transformation_mode", "half_pixel") not in _COORDINATES:
        raise Decline(f"it uses {attrs['coordinate_transformation_mode']} coordinates")
    if attrs.get("mode", "nearest") == "cubic":
        raise Decline("TVM's cubic kernel takes minutes to compile")
    if context.version < 11:
        raise Decline("Resize before opset 11 samples in another way")
    scales = context.array(2)
    for dim, scale in zip(context.dims(0), scales if scales is not None else (), strict=False):
        if isinstance(dim, int) and abs(dim * scale - round(dim * scale)) > 1e-6:
            raise Decline("its scale makes no whole number of points")
    return stock.convert(context)


def upsample(context: Context) -> Any:
    """Upsample (opsets 7 to 9) of images to the nearest point, by whole factors."""
    attribute = context.version < 9
    scales = [
        float(each)
        for each in (context.attrs["scales"] if attribute else context.constant(1, "its scale"))
    ]
    dims = context.dims(0)
    whole = (
        len(scales) == 4 and scales[:2] == [1.0, 1.0] and all(each.is_integer() for each in scales)
    )
    if context.attrs.get("mode", "nearest") != "nearest" or not whole:
        raise Decline("it interpolates, or its scale is no whole number of an image's size")
    size = [
        context.emitter.simplify(dim * int(scale))
        for dim, scale in zip(dims[2:], scales[2:], strict=True)
    ]
    return relax.op.image.resize2d(
        context.arg(0),
        relax.ShapeExpr(size),
        layout="NCHW",
        method="nearest_neighbor",
        coordinate_transformation_mode="asymmetric",
        rounding_method="floor",
    )


def reduction(context: Context) -> Any:
    """A maximum or minimum over axes."""
    if context.dtype(0) == "bool":
        raise Decline("TVM reduces no booleans")
    return stock.convert(context)


def rms_normalization(context: Context) -> Any:
    """RMSNormalization over the last axis."""
    rank = context.rank(0)
    if context.axis(context.attrs.get("axis", -1), rank) != rank - 1:
        raise Decline("TVM's kernel normalises the last axis only")
    return stock.convert(context)


def top_k(context: Context) -> Any:
    """TopK of what TVM sorts."""
    if context.dtype(0) not in ("float32", "float64", "int32", "int64"):
        raise Decline(f"TVM sorts no {context.dtype(0)}")
    return stock.convert(context)


CONVERTERS: dict[str, Callable[[Context], Any]] = {
    "LayerNormalization": layer_normalization,
    "Softmax": softmax,
    "LogSoftmax": softmax,
    "Dropout": dropout,
    "Conv": windowed,
    "ConvTranspose": windowed,
    "MaxPool": windowed,
    "AveragePool": windowed,
    "LpPool": windowed,
    "RMSNormalization": rms_normalization,
    "TopK": top_k,
    "Resize": resize,
    "Upsample": upsample,
    "ReduceMax": reduction,
    "ReduceMin": reduction,
    "BatchNormalization": batch_normalization,
}
