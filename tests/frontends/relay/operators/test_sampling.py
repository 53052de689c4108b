"""Sampling, regions and boxes against numpy."""

import numpy as np

from tests.frontends.relay.operators.harness import agree, random, refused

IMAGE = np.arange(32, dtype=np.float32).reshape(1, 2, 4, 4)
CORNERS = np.stack(np.meshgrid(np.linspace(-1, 1, 4), np.linspace(-1, 1, 4))).astype(np.float32)


def test_affine_grid_of_the_identity_is_the_corners() -> None:
    theta = np.array([[[1, 0, 0], [0, 1, 0]]], np.float32)
    agree("image.affine_grid(%x, target_shape=[4, 4])", CORNERS[None], x=theta)
    turned = np.array([[[0, 1, 0.5], [1, 0, 0]]], np.float32)
    wanted = np.stack([CORNERS[1] + 0.5, CORNERS[0]])[None]
    agree("image.affine_grid(%x, target_shape=[4, 4])", wanted, x=turned)


def test_grid_sample_aligns_corners_unless_told() -> None:
    grid = CORNERS[None]
    agree("image.grid_sample(%x, %g)", IMAGE, x=IMAGE, g=grid, atol=1e-4)
    half = (CORNERS[None] * 3 / 4).astype(np.float32)
    agree("image.grid_sample(%x, %g, align_corners=False)", IMAGE, x=IMAGE, g=half, atol=1e-4)
    outside = np.full((1, 2, 1, 1), 2.0, np.float32)
    agree("image.grid_sample(%x, %g)", np.zeros((1, 2, 1, 1), np.float32), x=IMAGE, g=outside)
    border = IMAGE[:, :, 3:, 3:]
    agree('image.grid_sample(%x, %g, padding_mode="border")', border, x=IMAGE, g=outside)
    near = (CORNERS[None] * 0.9).astype(np.float32)
    agree('image.grid_sample(%x, %g, method="nearest")', IMAGE, x=IMAGE, g=near)


def test_resize3d_and_upsampling3d() -> None:
    volume = random(1, 2, 2, 3, 2)
    near = 'method="nearest_neighbor", coordinate_transformation_mode="asymmetric"'
    wanted = volume.repeat(2, 2).repeat(2, 3).repeat(2, 4)
    agree(f'image.resize3d(%x, size=[4, 6, 4], {near}, rounding_method="floor")', wanted, x=volume)
    scales = "scale_d=2f, scale_h=2f, scale_w=2f"
    agree(
        f'nn.upsampling3d(%x, {scales}, coordinate_transformation_mode="asymmetric")',
        wanted,
        x=volume,
    )
    last = np.moveaxis(wanted, 1, -1)
    agree(
        f'nn.upsampling3d(%x, {scales}, layout="NDHWC", coordinate_transformation_mode="asymmetric")',
        last,
        x=np.ascontiguousarray(np.moveaxis(volume, 1, -1)),
    )
    row = np.array([0.0, 1.0, 2.0, 3.0], np.float32).reshape(1, 1, 1, 1, 4)
    linear = np.array([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3], np.float32)
    agree("image.resize3d(%x, size=[1, 1, 8])", linear.reshape(1, 1, 1, 1, 8), x=row)
    refused("image.resize3d(%x, size=[4, 6])", "size is", x=volume)


def test_roi_pool_takes_maxima() -> None:
    rois = np.array([[0, 0, 0, 3, 3], [0, 2, 0, 3, 1]], np.float32)
    blocks = IMAGE.reshape(1, 2, 2, 2, 2, 2).max((3, 5))[0]
    corner = IMAGE[0, :, 0:2, 2:4]
    attrs = "pooled_size=[2, 2], spatial_scale=1f"
    agree(f"vision.roi_pool(%x, %r, {attrs})", np.stack([blocks, corner]), x=IMAGE, r=rois)
    double = np.array([[0, 0, 0, 6, 6]], np.float32)
    attrs = "pooled_size=[2, 2], spatial_scale=0.5f"
    agree(f"vision.roi_pool(%x, %r, {attrs})", blocks[None], x=IMAGE, r=double)


def test_roi_align_takes_means_of_samples() -> None:
    # One sample in the middle of each bin of 2 x 2 points: between the four of them.
    rois = np.array([[0, 0, 0, 2, 2]], np.float32)
    attrs = "pooled_size=[1, 1], spatial_scale=1f, sample_ratio=1"
    agree(f"vision.roi_align(%x, %r, {attrs})", IMAGE[:, :, 1:2, 1:2], x=IMAGE, r=rois)
    attrs = 'pooled_size=[1, 1], spatial_scale=1f, sample_ratio=2, mode="avg"'
    agree(f"vision.roi_align(%x, %r, {attrs})", IMAGE[:, :, 1:2, 1:2], x=IMAGE, r=rois)


BOXES = np.array(
    [
        [
            [0, 0.8, 0, 0, 10, 10],
            [0, 0.9, 1, 1, 11, 11],
            [1, 0.7, 0, 0, 10, 10],
            [0, 0.1, 20, 20, 30, 30],
        ]
    ],
    np.float32,
)
"""Class, score and corners."""


def test_get_valid_counts_keeps_scores_above() -> None:
    kept = np.full_like(BOXES, -1)
    kept[0, :3] = BOXES[0, :3]
    places = np.array([[0, 1, 2, -1]], np.int32)
    wanted = (np.array([3], np.int32), kept, places)
    agree("vision.get_valid_counts(%x, 0.5f)", *wanted, x=BOXES)
    agree("vision.get_valid_counts(%x, score_threshold=0.5f)", *wanted, x=BOXES)


def test_non_max_suppression_keeps_the_best_of_a_class() -> None:
    count, places = np.array([4], np.int32), np.array([[0, 1, 2, 3]], np.int32)
    given = {"x": BOXES, "n": count, "i": places}
    wanted = np.array([[1, 2, 3, -1]], np.int32), np.array([[3]], np.int32)
    agree("vision.non_max_suppression(%x, %n, %i, -1, 0.5f)", *wanted, **given)
    agree("vision.non_max_suppression(%x, %n, %i, iou_threshold=0.5f)", *wanted, **given)
    fewer = np.array([[1, 3, -1, -1]], np.int32), np.array([[2]], np.int32)
    agree("vision.non_max_suppression(%x, %n, %i, -1, 0.5f, force_suppress=True)", *fewer, **given)
    one = np.array([[1, -1, -1, -1]], np.int32), np.array([[1]], np.int32)
    agree("vision.non_max_suppression(%x, %n, %i, 1, 0.5f)", *one, **given)
