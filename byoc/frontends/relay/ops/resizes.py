"""Resizes: images and volumes of another size, by a size or by factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tvm import relax

from byoc.frontends.relay.operation import Family, Operation

FAMILY = Family("Resizes")

_MODES: dict[str, Any] = {
    "coordinate_transformation_mode": "half_pixel",
    "rounding_method": "round",
    "cubic_alpha": -0.5,
    "cubic_exclude": 0,
    "extrapolation_value": 0.0,
    "out_dtype": "",
}


@FAMILY.operator(
    "image.resize2d",
    "`image.resize2d`",
    arguments=(1, 3),
    size=None,
    roi=None,
    layout="NCHW",
    method="linear",
    **_MODES,
)
def resize2d(op: Operation) -> Any:
    """Another size of an image, where the size is an attribute or a constant."""
    size, roi = op["size"], op["roi"] or (0.0,) * 4
    if len(op.args) > 1:
        size = tuple(op.integers(1, "its size"))
    if len(op.args) > 2 and op.array(2, "its region").size == 4:
        roi = tuple(float(each) for each in op.array(2, "its region").reshape(-1))
    return _resized(op, op.expr(0), size, roi, op["coordinate_transformation_mode"])


@FAMILY.operator(
    "image.resize",
    "`image.resize2d`",
    size=None,
    layout="NCHW",
    method="bilinear",
    coordinate_transformation_mode="half_pixel",
    rounding_method="",
    bicubic_alpha=-0.5,
    bicubic_exclude=0,
    align_corners=None,
    out_dtype="",
)
def resize(op: Operation) -> Any:
    """What TVM before 0.8 called `image.resize2d`; 0.6 had `align_corners`, true unless it is written."""
    mode = op["coordinate_transformation_mode"]
    if op["align_corners"] is not None:
        mode = "align_corners" if op["align_corners"] else "asymmetric"
    return _resized(op, op.expr(), op["size"], (0.0,) * 4, mode)


_METHODS = {
    "nearest_neighbor": "nearest_neighbor",
    "linear": "linear",
    "bilinear": "linear",
    "cubic": "cubic",
    "bicubic": "cubic",
}


def _resized(op: Operation, data: Any, size: Any, roi: tuple[float, ...], mode: str) -> Any:
    layout = op["layout"]
    if (
        not isinstance(size, tuple)
        or len(size) != 2
        or min(size) < 1
        or max(size) >= 2**31
        or len(roi) != 4
    ):
        op.misfit(f"size {size} and region {roi}")
    if layout not in ("NCHW", "NHWC") or op["method"] not in _METHODS:
        op.misfit(f"method {op['method']!r} of layout {layout!r}")
    op.ranked(data, 4)
    data, attrs = _of_dtype(op, data), op.attrs
    made = relax.op.image.resize2d(
        data,
        size,
        tuple(float(each) for each in roi),
        layout=layout,
        method=_METHODS[op["method"]],
        coordinate_transformation_mode=mode,
        rounding_method=_rounding(op["method"], mode, op["rounding_method"]),
        cubic_alpha=float(attrs.get("cubic_alpha", attrs.get("bicubic_alpha"))),
        cubic_exclude=int(attrs.get("cubic_exclude", attrs.get("bicubic_exclude"))),
        extrapolation_value=float(attrs.get("extrapolation_value", 0.0)),
    )
    wanted = op["out_dtype"]
    if wanted in ("", str(data.ty.dtype)):
        return made
    return relax.op.astype(op.bind(made, "resized"), wanted)


def _of_dtype(op: Operation, data: Any) -> Any:
    """Integers that become floats do so before: their interpolation is not rounded."""
    wanted, have = op["out_dtype"], str(data.ty.dtype)
    if wanted.startswith("float") and not have.startswith("float"):
        return op.bind(relax.op.astype(data, wanted), "wide")
    return data


def _rounding(method: str, mode: str, rounding: str) -> str:
    """Relay's `round` of a coordinate takes halves away from zero, Relax's to the even one.

    The coordinates are none below -0.5, and -0.5 is the first point in either way.
    """
    if method != "nearest_neighbor":
        return rounding
    if rounding == "round" or (rounding == "" and mode == "align_corners"):
        return "round_prefer_ceil"
    return rounding


@FAMILY.operator(
    "nn.upsampling",
    "`image.resize2d`",
    scale_h=1.0,
    scale_w=1.0,
    layout="NCHW",
    method="nearest_neighbor",
    align_corners=False,
)
def upsampling(op: Operation) -> Any:
    """An image larger by two factors."""
    data, size = _enlarged(op, "NCHW", _METHODS)
    mode = "align_corners" if op["align_corners"] else "asymmetric"
    return relax.op.image.resize2d(
        data,
        size,
        layout=op["layout"],
        method=_METHODS[op["method"]],
        coordinate_transformation_mode=mode,
        rounding_method=_rounding(op["method"], mode, ""),
        cubic_alpha=-0.5,
    )


def _enlarged(
    op: Operation, letters: str, methods: Mapping[str, str]
) -> tuple[Any, tuple[int, ...]]:
    """The tensor, and its size in space times the factors `scale_d`, `scale_h`, `scale_w`."""
    data, layout, method = op.expr(), op["layout"], op["method"]
    if method not in methods or layout not in (letters, f"N{letters[2:]}C"):
        op.misfit(f"method {method!r} of layout {layout!r}")
    op.ranked(data, len(letters))
    dims = op.static(data)
    axes = letters[2:]
    size = tuple(round(dims[layout.index(axis)] * op[f"scale_{axis.lower()}"]) for axis in axes)
    if not all(1 <= each < 2**31 for each in size):
        op.misfit(f"size {size}")
    return data, size


@FAMILY.operator(
    "image.resize3d",
    "`image.resize3d`",
    size=None,
    roi=None,
    layout="NCDHW",
    method="linear",
    **_MODES,
)
def resize3d(op: Operation) -> Any:
    """Another size of a volume."""
    mode = op["coordinate_transformation_mode"]
    return relax.op.image.resize3d(
        op.expr(),
        op.extents("size", 3),
        tuple(float(each) for each in op["roi"] or (0.0,) * 6),
        layout=op["layout"],
        method=op["method"],
        coordinate_transformation_mode=mode,
        rounding_method=_rounding(op["method"], mode, op["rounding_method"]),
        cubic_alpha=float(op["cubic_alpha"]),
        cubic_exclude=op["cubic_exclude"],
        extrapolation_value=float(op["extrapolation_value"]),
        out_dtype=op["out_dtype"] or None,
    )


_VOLUME_METHODS = {"nearest_neighbor": "nearest_neighbor", "trilinear": "linear"}


@FAMILY.operator(
    "nn.upsampling3d",
    "`image.resize3d`",
    scale_d=1.0,
    scale_h=1.0,
    scale_w=1.0,
    layout="NCDHW",
    method="nearest_neighbor",
    coordinate_transformation_mode="half_pixel",
)
def upsampling3d(op: Operation) -> Any:
    """A volume larger by three factors."""
    data, size = _enlarged(op, "NCDHW", _VOLUME_METHODS)
    mode = op["coordinate_transformation_mode"]
    return relax.op.image.resize3d(
        data,
        size,
        layout=op["layout"],
        method=_VOLUME_METHODS[op["method"]],
        coordinate_transformation_mode=mode,
        rounding_method=_rounding(op["method"], mode, ""),
    )
