"""Pooling."""

from __future__ import annotations

from typing import Any

from byoc.codegen.export._call import Call, Emitter
from byoc.codegen.export.ops.conv import pads, planes, to_layout


def _pool(op: str) -> Emitter:
    def write(call: Call) -> str:
        attrs, layout = call.attrs, str(call.attrs.layout)
        inner = planes(layout)
        dilations: list[int] | None = call.ints("dilation")
        given: dict[str, Any] = {
            "kernel_shape": call.ints("pool_size"),
            "strides": call.ints("strides"),
        }
        if op == "AveragePool":
            given["count_include_pad"] = int(attrs.count_include_pad) or None
        if dilations and set(dilations) != {1}:
            if op == "AveragePool":
                call.need(19, "AveragePool with dilations")
            given["dilations"] = dilations
        given |= _borders(call, layout, given)
        result = call.emit(op, to_layout(call, call[0], layout, inner), **given)
        return to_layout(call, result, inner, str(attrs.out_layout or layout))

    return Emitter(write, (op, "Transpose"))


def _borders(call: Call, layout: str, window: dict[str, Any]) -> dict[str, Any]:
    """The padding, and how extents are rounded: down, wherever that gives the shape that TVM makes.

    Before opset 22 ONNX counts a last window that lies in the padding alone; TVM, and ONNX since, leave it out.
    """
    spatial = len(window["kernel_shape"])
    borders = pads(call, spatial)
    plain = {"pads": borders}
    if not call.attrs.ceil_mode:
        return plain
    places = [layout.index(letter) for letter in planes(layout)[2:]]
    dims = [(call.shape()[place], call.out_shape()[place]) for place in places]
    if not all(isinstance(dim, int) for pair in dims for dim in pair):
        return plain | {"ceil_mode": 1}
    missing = [
        _missing(extent, out, window, borders[axis] + borders[spatial + axis], axis)
        for axis, (extent, out) in enumerate(dims)
    ]
    if not any(missing):
        return plain
    if not window.get("count_include_pad"):  # the added padding would count
        ends = [border + extra for border, extra in zip(borders[spatial:], missing, strict=True)]
        if all(end < size for end, size in zip(ends, window["kernel_shape"], strict=True)):
            return {"pads": [*borders[:spatial], *ends]}
    return plain | {"ceil_mode": 1}


def _missing(extent: int, out: int, window: dict[str, Any], padding: int, axis: int) -> int:
    """How much padding the last of `out` windows lacks; 0 when rounding down gives them all."""
    size, stride = int(window["kernel_shape"][axis]), int(window["strides"][axis])
    reach = (out - 1) * stride + _dilation(window, axis) * (size - 1) + 1
    return max(reach - extent - padding, 0)


def _dilation(window: dict[str, Any], axis: int) -> int:
    dilations: list[int] | None = window.get("dilations")
    return 1 if dilations is None else dilations[axis]


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
