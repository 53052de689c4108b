"""Sampling of images."""

from __future__ import annotations

from typing import Any

from byoc.codegen.export._call import Call, Emitter
from byoc.codegen.export.ops.conv import planes, to_layout

_METHODS = {"nearest_neighbor": "nearest", "linear": "linear", "cubic": "cubic"}

_COORDINATES = (
    "half_pixel",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_crop_and_resize",
)

_ROUNDING = {
    # TVM's `round` is to even; ONNX has a word for either side, and they differ from it at halves only.
    "round": "round_prefer_floor",
    "round_prefer_floor": "round_prefer_floor",
    "round_prefer_ceil": "round_prefer_ceil",
    "floor": "floor",
    "ceil": "ceil",
}


def resize(call: Call) -> str:
    """Resize to a size, of all axes."""
    attrs, layout = call.attrs, str(call.attrs.layout)
    inner = planes(layout)
    data, size = to_layout(call, call[0], layout, inner), call.dims_of(1)
    dims = [call.shape()[layout.index(letter)] for letter in inner[:2]]
    method = _METHODS.get(str(attrs.method))
    coordinates = str(attrs.coordinate_transformation_mode)
    if method is None or coordinates not in _COORDINATES[:4]:
        call.decline(f"it samples by {attrs.method} at {coordinates} coordinates")
    given: dict[str, Any] = {"mode": method, "coordinate_transformation_mode": coordinates}
    if method == "nearest":
        given["nearest_mode"] = _nearest(call, coordinates)
    if method == "cubic":
        given["cubic_coeff_a"] = float(attrs.cubic_alpha)
        given["exclude_outside"] = int(attrs.cubic_exclude)
    result = call.emit("Resize", data, None, None, call.vector([*dims, *size]), **given)
    return call.cast(to_layout(call, result, inner, layout), call.out_dtype(), call.dtype())


def _nearest(call: Call, coordinates: str) -> str:
    rounding = str(call.attrs.rounding_method)
    if not rounding:
        rounding = "round" if coordinates == "align_corners" else "floor"
    if rounding not in _ROUNDING:
        call.decline(f"it rounds by {rounding}")
    return _ROUNDING[rounding]


def grid_sample(call: Call) -> str:
    """GridSample; TVM has the coordinates on the second axis, ONNX on the last."""
    attrs, rank = call.attrs, call.rank()
    names = {
        "bilinear": ("bilinear", "linear"),
        "nearest": ("nearest",) * 2,
        "bicubic": ("bicubic", "cubic"),
    }
    method = names[str(attrs.method)][call.opset >= 20]
    if str(attrs.layout) not in ("NCHW", "NCDHW"):
        call.decline(f"its layout is {attrs.layout}")
    if rank == 5:
        call.need(20, "GridSample of volumes")
    grid = call.transpose(call[1], [0, *range(2, rank), 1])
    return call.emit(
        "GridSample",
        call[0],
        grid,
        mode=method,
        padding_mode=str(attrs.padding_mode),
        align_corners=int(attrs.align_corners),
    )


def affine_grid(call: Call) -> str:
    """AffineGrid, its coordinates moved to the second axis."""
    call.need(20, "AffineGrid")
    size = call.dims_of(1)
    whole = call.vector([call.shape()[0], 1, *size])
    grid = call.emit("AffineGrid", call[0], whole, align_corners=int(call.attrs.align_corners))
    return call.transpose(grid, [0, len(size) + 1, *range(1, len(size) + 1)])


EMITTERS: dict[str, Emitter] = {
    "image.resize2d": Emitter(resize, ("Resize", "Transpose", "Cast")),
    "image.resize3d": Emitter(resize, ("Resize", "Transpose", "Cast")),
    "image.grid_sample": Emitter(grid_sample, ("GridSample", "Transpose")),
    "image.affine_grid": Emitter(affine_grid, ("AffineGrid", "Transpose")),
}
