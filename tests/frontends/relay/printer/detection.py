"""Ops that sample and choose regions, in Relay's operands and attributes."""

from __future__ import annotations

import numpy as np

from tests.frontends.relay.printer.site import Site, plain
from tests.frontends.relay.printer.tree import Constant, Expr, Tuple


def affine_grid(site: Site) -> Expr:
    """Relay's corners are aligned."""
    if not plain(getattr(site.call.attrs, "align_corners", True)):
        raise site.refuse("corners that are not aligned")
    return site.relay(site.name, site.operand(0), target_shape=plain(site.call.args[1]))


def regions(site: Site) -> Expr:
    """Regions of an image; Relay's are not moved by half a point."""
    names = ["pooled_size", "spatial_scale", "layout"]
    if site.name == "vision.roi_align":
        names += ["sample_ratio", "mode"]
        if site.attr("aligned"):
            raise site.refuse("it is aligned")
    attrs = {name: site.attr(name) for name in names}
    return site.relay(site.name, site.operand(0), site.operand(1), **attrs)


def get_valid_counts(site: Site) -> Expr:
    """The threshold is an operand, and an attribute as well."""
    threshold = site.attr("score_threshold")
    attrs = {name: site.attr(name) for name in ("id_index", "score_index")}
    operands = [site.operand(0), Constant(np.asarray(threshold, np.float32))]
    return site.relay(site.name, *operands, score_threshold=threshold, **attrs)


def non_max_suppression(site: Site) -> Expr:
    """The limits are operands."""
    if site.attr("soft_nms_sigma"):
        raise site.refuse("soft suppression")
    names = ["force_suppress", "top_k", "coord_start", "score_index", "id_index"]
    names += ["return_indices", "invalid_to_bottom"]
    limits = [
        Constant(np.asarray(site.attr("max_output_size"), np.int32)),
        Constant(np.asarray(site.attr("iou_threshold"), np.float32)),
    ]
    operands = [site.operand(index) for index in range(3)]
    return site.relay(site.name, *operands, *limits, **{name: site.attr(name) for name in names})


def adv_index(site: Site) -> Expr:
    """Data and indices are one tuple."""
    indices = [site.lower(each) for each in site.call.args[1].fields]
    return site.relay("adv_index", Tuple((site.operand(0), *indices)))
