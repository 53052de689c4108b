"""Relay's operators: their attributes in the order in which they are printed, with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

REQUIRED: Final = object()
"""The default of an attribute that has none."""

_NONE: Final = """
abs acos acosh add asin asinh atan atanh bitwise_and bitwise_not bitwise_or bitwise_xor ceil cos cosh divide equal
erf exp floor floor_divide floor_mod full_like greater greater_equal isfinite isinf isnan left_shift less less_equal
log logical_and logical_not logical_or logical_xor maximum minimum mod multiply negative not_equal ones_like power
right_shift rsqrt sigmoid sign sin sinh sqrt subtract tan tanh trunc where zeros_like nn.relu nn.batch_flatten
"""

_REDUCE: Final = {"axis": None, "keepdims": False, "exclude": False}
_NORM: Final = {"epsilon": 1e-5, "center": True, "scale": True}
_ORDER: Final = {"axis": -1, "is_ascend": True}
_REGIONS: Final = {"pooled_size": REQUIRED, "spatial_scale": REQUIRED}
_RESIZE: Final = {
    "method": "linear",
    "coordinate_transformation_mode": "half_pixel",
    "rounding_method": "round",
    "cubic_alpha": -0.5,
    "cubic_exclude": 0,
    "extrapolation_value": 0.0,
    "out_dtype": "",
}


def _conv(rank: int, data: str, kernel: str, turned: bool) -> dict[str, Any]:
    ones, zeros = (1,) * rank, (0,) * rank
    sized = {"channels": None, "kernel_size": None}
    layouts = {"data_layout": data, "kernel_layout": kernel, "out_layout": ""}
    if not turned:
        first = {"strides": ones, "padding": zeros, "dilation": ones, "groups": 1}
        return {**first, **sized, **layouts, "out_dtype": ""}
    kernel = {"kernel_layout": kernel.replace("OI", "IO")}  # type: ignore[assignment]
    steps = {"strides": ones, "padding": zeros, "output_padding": zeros, "dilation": ones}
    return {**sized, **steps, "groups": 1, **layouts, **kernel, "out_dtype": ""}  # type: ignore[dict-item]


def _pool(rank: int, layout: str) -> dict[str, Any]:
    ones, zeros = (1,) * rank, (0,) * rank
    steps = {"pool_size": REQUIRED, "strides": ones, "dilation": ones, "padding": zeros}
    return {**steps, "layout": layout, "out_layout": "", "ceil_mode": False}


_LAYOUTS: Final = ((1, "NCW", "OIW"), (2, "NCHW", "OIHW"), (3, "NCDHW", "OIDHW"))

SIGNATURES: Final[Mapping[str, Mapping[str, Any]]] = {
    **{name: {} for name in _NONE.split()},
    **{f"nn.conv{rank}d": _conv(rank, data, kernel, False) for rank, data, kernel in _LAYOUTS},
    **{
        f"nn.conv{rank}d_transpose": _conv(rank, data, kernel, True)
        for rank, data, kernel in _LAYOUTS
    },
    **{f"nn.max_pool{rank}d": _pool(rank, data) for rank, data, _ in _LAYOUTS},
    **{
        f"nn.avg_pool{rank}d": {**_pool(rank, data), "count_include_pad": False}
        for rank, data, _ in _LAYOUTS
    },
    **{
        f"nn.adaptive_avg_pool{rank}d": {"output_size": (), "layout": data, "out_layout": ""}
        for rank, data, _ in _LAYOUTS
    },
    **dict.fromkeys(("sum", "max", "min", "prod", "mean"), _REDUCE),
    **{name: {**_REDUCE, "select_last_index": False} for name in ("argmax", "argmin")},
    "nn.global_avg_pool2d": {"layout": "NCHW", "out_layout": ""},
    "variance": {**_REDUCE, "unbiased": False},
    "cumsum": {"axis": None, "dtype": "", "exclusive": False},
    "cumprod": {"axis": None, "dtype": "", "exclusive": False},
    "sort": _ORDER,
    "argsort": {**_ORDER, "dtype": "int32"},
    "topk": {"k": 1, "axis": -1, "is_ascend": False, "ret_type": "both", "dtype": "int32"},
    "cast": {"dtype": REQUIRED},
    "clip": {"a_min": REQUIRED, "a_max": REQUIRED},
    "nn.bias_add": {"axis": 1},
    "nn.dense": {"units": None, "out_dtype": ""},
    "nn.matmul": {"units": None, "out_dtype": "", "transpose_a": False, "transpose_b": False},
    "nn.batch_matmul": {"out_dtype": "", "transpose_a": False, "transpose_b": False},
    "nn.softmax": {"axis": -1},
    "nn.log_softmax": {"axis": -1},
    "nn.leaky_relu": {"alpha": 0.25},
    "nn.prelu": {"axis": 1},
    "nn.dropout": {"rate": 0.5},
    "nn.batch_norm": {"axis": 1, **_NORM},
    "nn.layer_norm": {"axis": -1, **_NORM},
    "nn.group_norm": {"num_groups": 0, "axis": 1, **_NORM},
    "nn.instance_norm": {"axis": 1, **_NORM},
    "nn.pad": {"pad_width": REQUIRED, "pad_mode": "constant"},
    "reshape": {"newshape": REQUIRED, "allowzero": False},
    "transpose": {"axes": None},
    "expand_dims": {"axis": REQUIRED, "num_newaxis": 1},
    "squeeze": {"axis": None},
    "concatenate": {"axis": 0},
    "stack": {"axis": 0},
    "split": {"indices_or_sections": REQUIRED, "axis": 0},
    "strided_slice": {
        "begin": REQUIRED,
        "end": REQUIRED,
        "strides": REQUIRED,
        "slice_mode": "end",
        "axes": None,
    },
    "take": {"batch_dims": 0, "axis": None, "mode": "clip"},
    "gather": {"axis": 0},
    "gather_nd": {"batch_dims": 0, "index_rank": None},
    "scatter_elements": {"axis": 0, "reduction": "update"},
    "scatter_nd": {"mode": "update"},
    "tile": {"reps": REQUIRED},
    "repeat": {"repeats": REQUIRED, "axis": None},
    "reverse": {"axis": REQUIRED},
    "broadcast_to": {"shape": REQUIRED, "dtype": ""},
    "full": {"shape": REQUIRED, "dtype": ""},
    "zeros": {"shape": REQUIRED, "dtype": ""},
    "ones": {"shape": REQUIRED, "dtype": ""},
    "arange": {"start": REQUIRED, "stop": REQUIRED, "step": REQUIRED, "dtype": REQUIRED},
    "one_hot": {"depth": 1, "axis": -1, "dtype": REQUIRED},
    "meshgrid": {"indexing": "ij"},
    "trilu": {"upper": True},
    "image.resize2d": {"size": None, "roi": None, "layout": "NCHW", **_RESIZE},
    "image.resize3d": {"size": None, "roi": None, "layout": "NCDHW", **_RESIZE},
    "image.affine_grid": {"target_shape": REQUIRED},
    "image.grid_sample": {
        "method": "bilinear",
        "layout": "NCHW",
        "padding_mode": "zeros",
        "align_corners": True,
    },
    "vision.roi_align": {**_REGIONS, "sample_ratio": -1, "layout": "NCHW", "mode": "avg"},
    "vision.roi_pool": {**_REGIONS, "layout": "NCHW"},
    "vision.get_valid_counts": {"score_threshold": REQUIRED, "id_index": 0, "score_index": 1},
    "vision.non_max_suppression": {
        "force_suppress": False,
        "top_k": -1,
        "coord_start": 2,
        "score_index": 1,
        "id_index": 0,
        "return_indices": True,
        "invalid_to_bottom": False,
    },
    "adv_index": {},
    "einsum": {"equation": REQUIRED},
    "reverse_sequence": {"seq_axis": 1, "batch_axis": 0},
    "qnn.quantize": {"out_dtype": REQUIRED, "axis": -1},
    "qnn.dequantize": {"out_dtype": "float32", "axis": -1},
}
"""Relay's operators that the printer writes."""
