"""Pooling."""

from __future__ import annotations

from typing import Any

from byoc.codegen.export._call import Call, Emitter
from byoc.codegen.export.ops.conv import pads, planes, to_layout


def _pool(op: str) -> Emitter:
    def write(call: Call) -> str:
        attrs, layout = call.attrs, str(call.attrs.layout)
        inner = planes(layout)
        spatial = len(inner) - 2
        dilations: list[int] | None = call.ints("dilation")
        given: dict[str, Any] = {
            "kernel_shape": call.ints("pool_size"),
            "strides": call.ints("strides"),
            "pads": pads(call, spatial),
            "ceil_mode": int(attrs.ceil_mode) or None,
        }
        if op == "AveragePool":
            given["count_include_pad"] = int(attrs.count_include_pad) or None
        if dilations and set(dilations) != {1}:
            if op == "AveragePool":
                call.need(19, "AveragePool with dilations")
            given["dilations"] = dilations
        result = call.emit(op, to_layout(call, call[0], layout, inner), **given)
        return to_layout(call, result, inner, str(attrs.out_layout or layout))

    return Emitter(write, (op, "Transpose"))


def adaptive(call: Call) -> str:
    """The whole plane, or windows that divide it evenly."""
    layout = str(call.attrs.layout)
    inner = planes(layout)
    dims = call.shape()
    extents = [dims[layout.index(letter)] for letter in inner[2:]]
    size = call.ints("output_size") or extents
    size = size * len(extents) if len(size) == 1 else size
    data = to_layout(call, call[0], layout, inner)
    if set(size) == {1}:
        result = call.emit("GlobalAveragePool", data)
    elif all(
        isinstance(dim, int) and dim % each == 0 for dim, each in zip(extents, size, strict=True)
    ):
        window = [dim // each for dim, each in zip(extents, size, strict=True)]
        result = call.emit("AveragePool", data, kernel_shape=window, strides=window)
    else:
        call.decline("its windows are of several sizes, or of a symbolic one")
    return to_layout(call, result, inner, str(call.attrs.out_layout or layout))


EMITTERS: dict[str, Emitter] = {
    **{f"nn.max_pool{rank}d": _pool("MaxPool") for rank in (1, 2, 3)},
    **{f"nn.avg_pool{rank}d": _pool("AveragePool") for rank in (1, 2, 3)},
    **{
        f"nn.adaptive_avg_pool{rank}d": Emitter(
            adaptive, ("GlobalAveragePool", "AveragePool", "Transpose")
        )
        for rank in (1, 2, 3)
    },
}
