"""The one table of how Relax's ops are spelled in Relay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tests.frontends.relay.printer import detection, forms
from tests.frontends.relay.printer.site import Site
from tests.frontends.relay.printer.tree import Expr

Spell = Callable[[Site], Expr]


def _named(name: str, *attrs: str, **renamed: str) -> Spell:
    """Relay's operator `name` of the same operands; `attrs` are called the same, `renamed` gives Relax's names."""
    pairs = {**{each: each for each in attrs}, **renamed}

    def spell(site: Site) -> Expr:
        operands = [site.operand(index) for index in range(len(site.call.args))]
        return site.relay(
            name, *operands, **{ours: site.attr(theirs) for ours, theirs in pairs.items()}
        )

    return spell


_SAME: Final = """
abs acos acosh asin asinh atan atanh bitwise_and bitwise_not bitwise_or bitwise_xor ceil cos cosh divide equal
erf exp floor floor_divide floor_mod greater greater_equal isfinite isinf isnan left_shift less less_equal
log logical_and logical_not logical_or logical_xor maximum minimum mod multiply negative not_equal ones_like power
right_shift rsqrt sigmoid sign sin sinh sqrt subtract tan tanh trunc where zeros_like full_like nn.relu
"""

_NORM: Final = ("epsilon", "center", "scale")

SPELLINGS: Final[Mapping[str, Spell]] = {
    **{name: _named(name) for name in _SAME.split()},
    "add": forms.add,
    "astype": _named("cast", "dtype"),
    "clip": forms.clip,
    "matmul": forms.matmul,
    **{f"nn.conv{rank}d": forms.convolution for rank in (1, 2, 3)},
    **{f"nn.conv{rank}d_transpose": forms.convolution for rank in (1, 2, 3)},
    **{f"nn.{kind}_pool{rank}d": forms.pool for kind in ("max", "avg") for rank in (1, 2, 3)},
    **{f"nn.adaptive_avg_pool{rank}d": forms.adaptive_pool for rank in (1, 2, 3)},
    "nn.softmax": _named("nn.softmax", "axis"),
    "nn.log_softmax": _named("nn.log_softmax", "axis"),
    "nn.leakyrelu": _named("nn.leaky_relu", "alpha"),
    "nn.prelu": _named("nn.prelu", "axis"),
    "nn.dropout": _named("nn.dropout", "rate"),
    "nn.batch_norm": forms.batch_norm,
    "nn.layer_norm": forms.layer_norm,
    "nn.group_norm": _named("nn.group_norm", "num_groups", *_NORM, axis="channel_axis"),
    "nn.instance_norm": _named("nn.instance_norm", *_NORM, axis="channel_axis"),
    "nn.pad": forms.pad,
    "reshape": forms.reshape,
    "permute_dims": _named("transpose", "axes"),
    "expand_dims": forms.expand_dims,
    "squeeze": _named("squeeze", "axis"),
    "concat": _named("concatenate", "axis"),
    "stack": _named("stack", "axis"),
    "split": _named("split", "indices_or_sections", "axis"),
    "strided_slice": forms.strided_slice,
    "take": _named("take", "axis", "mode"),
    "gather_elements": _named("gather", "axis"),
    "gather_nd": forms.gather_nd,
    "scatter_elements": _named("scatter_elements", "axis", "reduction"),
    "scatter_nd": forms.scatter_nd,
    "tile": _named("tile", reps="repeats"),
    "repeat": _named("repeat", "repeats", "axis"),
    "flip": _named("reverse", "axis"),
    "broadcast_to": forms.broadcast_to,
    "full": forms.full,
    "zeros": forms.filled,
    "ones": forms.filled,
    "arange": forms.arange,
    "one_hot": forms.one_hot,
    "meshgrid": _named("meshgrid", "indexing"),
    "tril": forms.trilu,
    "triu": forms.trilu,
    **{name: _named(name, "axis", "keepdims") for name in ("sum", "max", "min", "prod")},
    "mean": forms.mean,
    "variance": forms.variance,
    "argmax": forms.extreme,
    "argmin": forms.extreme,
    "cumsum": _named("cumsum", "axis", "dtype", "exclusive"),
    "cumprod": _named("cumprod", "axis", "dtype", "exclusive"),
    "sort": forms.order,
    "argsort": forms.order,
    "topk": forms.topk,
    "image.resize2d": forms.resize,
    "image.resize3d": forms.resize,
    "image.grid_sample": _named(
        "image.grid_sample", "method", "layout", "padding_mode", "align_corners"
    ),
    "image.affine_grid": detection.affine_grid,
    "vision.roi_align": detection.regions,
    "vision.roi_pool": detection.regions,
    "vision.get_valid_counts": detection.get_valid_counts,
    "vision.non_max_suppression": detection.non_max_suppression,
    "einsum": _named("einsum", equation="subscripts"),
    "index_tensor": detection.adv_index,
    "reverse_sequence": _named("reverse_sequence", "seq_axis", "batch_axis"),
    "quantize": forms.quantise,
    "dequantize": forms.quantise,
}
"""Relax's op, without `relax.` -> what writes a call of it."""
