"""Operators that sample images and volumes, and those around detected boxes."""

from __future__ import annotations

from typing import Any

from tvm import relax

from byoc.frontends.relay.operation import Family, Operation

FAMILY = Family("Sampling and detection")


@FAMILY.operator("image.affine_grid", "`image.affine_grid`", target_shape=None)
def affine_grid(op: Operation) -> Any:
    """Where each point of a result lies in a tensor, by affine maps."""
    return relax.op.image.affine_grid(op.expr(), op.extents("target_shape", 2))


@FAMILY.operator(
    "image.grid_sample",
    "`image.grid_sample`",
    arguments=2,
    method="bilinear",
    layout="NCHW",
    padding_mode="zeros",
    align_corners=True,
)
def grid_sample(op: Operation) -> Any:
    """Elements at the places that a grid names."""
    return relax.op.image.grid_sample(
        op.expr(0),
        op.expr(1),
        method=op["method"],
        layout=op["layout"],
        padding_mode=op["padding_mode"],
        align_corners=op["align_corners"],
    )


_REGIONS: dict[str, Any] = {"pooled_size": None, "spatial_scale": 1.0, "layout": "NCHW"}


@FAMILY.operator(
    "vision.roi_align",
    "`vision.roi_align`",
    arguments=2,
    **_REGIONS,
    sample_ratio=-1,
    mode="avg",
)
def roi_align(op: Operation) -> Any:
    """Regions of an image, each at one size, by interpolation."""
    return relax.op.vision.roi_align(
        op.expr(0),
        op.expr(1),
        op.extents("pooled_size", 2),
        float(op["spatial_scale"]),
        sample_ratio=op["sample_ratio"],
        aligned=False,
        layout=op["layout"],
        mode=op["mode"],
    )


@FAMILY.operator("vision.roi_pool", "`vision.roi_pool`", arguments=2, **_REGIONS)
def roi_pool(op: Operation) -> Any:
    """Regions of an image, each at one size, by maxima."""
    size = op.extents("pooled_size", 2)
    return relax.op.vision.roi_pool(
        op.expr(0), op.expr(1), size, float(op["spatial_scale"]), layout=op["layout"]
    )


@FAMILY.operator(
    "vision.get_valid_counts",
    "`vision.get_valid_counts`",
    arguments=(1, 2),
    score_threshold=0.0,
    id_index=0,
    score_index=1,
)
def get_valid_counts(op: Operation) -> Any:
    """Boxes above a score, first, and how many they are; the score is an attribute or a constant."""
    threshold = op["score_threshold"]
    if len(op.args) == 2:
        threshold = op.number(1, "its threshold")
    return relax.op.vision.get_valid_counts(
        op.expr(0), float(threshold or 0.0), op["id_index"], op["score_index"]
    )


@FAMILY.operator(
    "vision.non_max_suppression",
    "`vision.non_max_suppression`",
    arguments=(3, 5),
    max_output_size=-1,
    iou_threshold=0.5,
    force_suppress=False,
    top_k=-1,
    coord_start=2,
    score_index=1,
    id_index=0,
    return_indices=True,
    invalid_to_bottom=False,
)
def non_max_suppression(op: Operation) -> Any:
    """Boxes without those that overlap a better one; the limits are attributes or constants."""
    most, overlap = op["max_output_size"], op["iou_threshold"]
    if len(op.args) > 3:
        most = op.number(3, "its number of boxes")
    if len(op.args) > 4:
        overlap = op.number(4, "its threshold")
    names = ("force_suppress", "top_k", "coord_start", "score_index", "id_index")
    return relax.op.vision.non_max_suppression(
        *[op.expr(each) for each in range(3)],
        max_output_size=int(most),
        iou_threshold=float(overlap),
        **{name: op[name] for name in names},
        return_indices=op["return_indices"],
        invalid_to_bottom=op["invalid_to_bottom"],
    )
