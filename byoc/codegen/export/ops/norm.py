"""Normalisations."""

from __future__ import annotations

import numpy as np

from byoc.codegen.export._call import Call, Emitter


def batch_norm(call: Call) -> tuple[str, ...]:
    """BatchNormalization of inference; the mean and the variance pass unchanged."""
    attrs = call.attrs
    if attrs.training:
        call.decline("it trains")
    rank = call.rank()
    axis = call.axis(attrs.axis, rank)
    order = [0, axis, *(each for each in range(1, rank) if each != axis)] if axis else [0]
    if axis == 0:
        call.decline("it normalises the first axis")
    scale, shift = _gamma_beta(call, bool(attrs.scale), bool(attrs.center))
    result = call.emit(
        "BatchNormalization",
        call.transpose(call[0], order),
        scale,
        shift,
        call[3],
        call[4],
        epsilon=float(attrs.epsilon),
    )
    return call.transpose(result, [int(each) for each in np.argsort(order)]), call[3], call[4]


def _gamma_beta(call: Call, scaled: bool, centred: bool) -> tuple[str, str]:
    """The scale and the bias, or ones and zeros where the op is told to leave them out."""
    scale = call[1] if scaled else call.constant(np.ones(call.static(1)), call.dtype(1), "ones")
    shift = call[2] if centred else call.constant(np.zeros(call.static(2)), call.dtype(2), "zeros")
    return scale, shift


def layer_norm(call: Call) -> str:
    """LayerNormalization over the last axes; other axes, and older opsets, by moments."""
    attrs, rank = call.attrs, call.rank()
    axes = sorted(call.axis(each, rank) for each in attrs.axes)
    scale, shift = _gamma_beta(call, bool(attrs.scale), bool(attrs.center))
    is_last = axes == list(range(rank - len(axes), rank))
    if is_last and call.opset >= 17:
        return call.emit(
            "LayerNormalization", call[0], scale, shift, axis=axes[0], epsilon=float(attrs.epsilon)
        )
    shape = [dim if axis in axes else 1 for axis, dim in enumerate(call.shape())]
    parts = [each if is_last else call.reshape(each, shape) for each in (scale, shift)]
    return _affine(call, _standardised(call, call[0], axes, float(attrs.epsilon)), *parts)


def _standardised(call: Call, data: str, axes: list[int], epsilon: float) -> str:
    """Zero mean and unit variance over `axes`."""
    centred = call.emit("Sub", data, call.reduce("ReduceMean", data, axes))
    variance = call.reduce("ReduceMean", call.emit("Mul", centred, centred), axes)
    deviation = call.emit("Sqrt", call.emit("Add", variance, call.like(epsilon)))
    return call.emit("Div", centred, deviation)


def _affine(call: Call, value: str, scale: str, shift: str) -> str:
    return call.emit("Add", call.emit("Mul", value, scale), shift)


def group_norm(call: Call) -> str:
    """GroupNormalization (opset 21), before that an InstanceNormalization of the groups."""
    attrs, rank = call.attrs, call.rank()
    axes = sorted(call.axis(each, rank) for each in attrs.axes)
    if call.axis(attrs.channel_axis, rank) != 1 or axes != list(range(2, rank)):
        call.decline("its channels are not the second axis")
    scale, shift = _gamma_beta(call, bool(attrs.scale), bool(attrs.center))
    groups, epsilon = int(attrs.num_groups), float(attrs.epsilon)
    if call.opset >= 21:
        return call.emit(
            "GroupNormalization", call[0], scale, shift, num_groups=groups, epsilon=epsilon
        )
    dims = call.shape()
    folded = call.emit("Reshape", call[0], call.vector([0, groups, -1]))
    ones, zeros = (call.constant(np.full([groups], each), call.dtype()) for each in (1, 0))
    even = call.emit("InstanceNormalization", folded, ones, zeros, epsilon=epsilon)
    spread = [dims[1], *[1] * (rank - 2)]
    parts = [call.reshape(each, spread) for each in (scale, shift)]
    return _affine(call, call.reshape(even, dims), *parts)


def instance_norm(call: Call) -> str:
    """InstanceNormalization of channels on the second axis."""
    attrs, rank = call.attrs, call.rank()
    axes = sorted(call.axis(each, rank) for each in attrs.axes)
    if call.axis(attrs.channel_axis, rank) != 1 or axes != list(range(2, rank)):
        call.decline("its channels are not the second axis")
    scale, shift = _gamma_beta(call, bool(attrs.scale), bool(attrs.center))
    return call.emit("InstanceNormalization", call[0], scale, shift, epsilon=float(attrs.epsilon))


def rms_norm(call: Call) -> str:
    """RMSNormalization (opset 23), before that its definition, in float32 for narrower floats."""
    rank = call.rank()
    axes = sorted(call.axis(each, rank) for each in call.attrs.axes)
    epsilon = float(call.attrs.epsilon)
    if call.opset >= 23 and axes == list(range(rank - len(axes), rank)):
        return call.emit("RMSNormalization", call[0], call[1], axis=axes[0], epsilon=epsilon)
    dtype = call.dtype()
    wide = "float32" if dtype in ("float16", "bfloat16") else dtype
    data = call.cast(call[0], wide, dtype)
    mean = call.reduce("ReduceMean", call.emit("Mul", data, data), axes)
    root = call.emit("Sqrt", call.emit("Add", mean, call.constant(epsilon, wide)))
    even = call.cast(call.emit("Div", data, root), dtype, wide)
    shape = [dim if axis in axes else 1 for axis, dim in enumerate(call.shape())]
    is_last = axes == list(range(rank - len(axes), rank))
    return call.emit("Mul", even, call[1] if is_last else call.reshape(call[1], shape))


_BY_MOMENTS = ("ReduceMean", "Sub", "Mul", "Add", "Sqrt", "Div", "Reshape")

EMITTERS: dict[str, Emitter] = {
    "nn.batch_norm": Emitter(batch_norm, ("BatchNormalization", "Transpose")),
    "nn.layer_norm": Emitter(layer_norm, ("LayerNormalization", *_BY_MOMENTS)),
    "nn.group_norm": Emitter(
        group_norm, ("GroupNormalization", "InstanceNormalization", "Reshape", "Mul", "Add")
    ),
    "nn.instance_norm": Emitter(instance_norm, ("InstanceNormalization",)),
    "nn.rms_norm": Emitter(rms_norm, ("RMSNormalization", "Cast", *_BY_MOMENTS)),
}
