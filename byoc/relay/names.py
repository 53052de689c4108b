"""Relay's operators and what they are called in Relax: one table for models and for pattern tables.

An operator that is one Relax op with its operands in the same order is a row here and nothing else. What Relay
spells with other operators than Relax (`nn.dense`, `nn.bias_add`, `qnn.*`) is written out in `byoc.relay.forms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Name:
    """One Relay operator as one Relax op.

    `attrs` maps Relay's attributes to Relax's where their names differ; operands of Relax that hold no tensor
    (a shape, bounds) count as attributes of their argument's name.
    """

    relay: str
    relax: str
    attrs: Mapping[str, str] = field(default_factory=dict)


_SAME: Final = """
abs acos acosh add argmax argmin asin asinh atan atanh broadcast_to ceil clip cos cosh cumsum divide equal erf exp
expand_dims floor floor_divide full_like greater greater_equal isfinite isinf isnan left_shift less less_equal log
logical_and logical_not logical_or logical_xor max maximum mean min minimum mod multiply negative not_equal one_hot
ones_like power prod reshape right_shift round rsqrt scatter_elements scatter_nd sigmoid sign sin sinh split sqrt
squeeze stack strided_slice subtract sum take tan tanh tile trunc variance where zeros_like
gather_nd repeat topk sort argsort bitwise_and bitwise_not bitwise_or bitwise_xor meshgrid
nn.adaptive_avg_pool1d nn.adaptive_avg_pool2d nn.adaptive_avg_pool3d nn.avg_pool1d nn.avg_pool2d nn.avg_pool3d
nn.batch_norm nn.conv1d nn.conv1d_transpose nn.conv2d nn.conv2d_transpose nn.conv3d nn.conv3d_transpose nn.dropout
nn.group_norm nn.instance_norm nn.layer_norm nn.log_softmax nn.max_pool1d nn.max_pool2d nn.max_pool3d
nn.pad nn.prelu nn.relu nn.softmax image.grid_sample image.resize2d image.resize3d
vision.roi_align vision.roi_pool
"""

_RENAMED: Final = (
    Name("cast", "astype"),
    Name("clip", "clip", {"a_min": "min", "a_max": "max"}),
    Name("concatenate", "concat"),
    Name("gather", "gather_elements"),
    Name("image.affine_grid", "image.affine_grid", {"target_shape": "size"}),
    Name("nn.leaky_relu", "nn.leakyrelu"),
    Name("qnn.dequantize", "dequantize"),
    Name("qnn.quantize", "quantize"),
    Name("reshape", "reshape", {"newshape": "shape"}),
    Name("broadcast_to", "broadcast_to", {"shape": "shape"}),
    Name("reverse", "flip"),
    Name("scatter_nd", "scatter_nd", {"mode": "reduction"}),
    Name("tile", "tile", {"reps": "repeats"}),
    Name("transpose", "permute_dims"),
)

NAMES: Final[Mapping[str, Name]] = {
    **{name: Name(name, name) for name in _SAME.split()},
    **{each.relay: each for each in _RENAMED},
}
"""Relay's name -> the row, for operators that are one Relax op."""

RELAY_OF: Final[Mapping[str, str]] = {row.relax: row.relay for row in NAMES.values()}
"""Relax's name -> Relay's."""

_UNSPELLED: Final = """
adv_index annotation.stop_fusion arange argwhere collapse_sum_like contrib.adaptive_avg_pool2d
contrib_reverse_reshape copy debug device_copy dyn.broadcast_to dyn.full dyn.image.resize2d dyn.nn.pad
dyn.nn.upsampling dyn.one_hot dyn.reshape dyn.squeeze dyn.strided_slice dyn.tile dyn.topk einsum fast_erf
fast_exp fast_tanh fixed_point_multiply full image.crop_and_resize image.dilation2d
image.resize1d invert_permutation layout_transform matrix_set_diag ndarray_size
nn.batch_to_space_nd nn.bitpack nn.bitserial_conv2d nn.bitserial_dense nn.contrib_conv2d_NCHWc
nn.contrib_conv2d_winograd_without_weight_transform nn.contrib_dense_pack nn.contrib_depthwise_conv2d_NCHWc
nn.correlation nn.cross_entropy nn.deformable_conv2d nn.dilate nn.fast_softmax nn.fifo_buffer
nn.l2_normalize nn.lrn nn.mirror_pad nn.nll_loss nn.space_to_batch_nd nn.sparse_add
nn.sparse_dense nn.sparse_transpose nn.upsampling3d on_device qnn.simulated_dequantize
qnn.simulated_quantize random.normal random.threefry_generate random.uniform
relay.op.annotation.simulated_quantize reshape_like reverse_reshape reverse_sequence searchsorted segment_sum
sequence_mask shape_of slice_like sliding_window sparse_reshape sparse_to_dense threefry_generate threefry_split
trilu trunc_divide trunc_mod unique unravel_index vision.all_class_non_max_suppression vision.get_valid_counts
vision.multibox_prior vision.multibox_transform_loc vision.nms vision.non_max_suppression vision.proposal
vision.yolo_reorg
"""

WITHOUT_FORM: Final = frozenset(_UNSPELLED.split())
"""Operators of Relay that byoc's Relax never spells as one op: a pattern may name them, and matches nothing."""
