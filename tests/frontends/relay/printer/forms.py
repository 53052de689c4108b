"""Ops that Relay spells with other operands, attributes or operators than Relax."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.frontends.relay.printer.site import Site, plain
from tests.frontends.relay.printer.tree import Array, Call, Constant, Expr


def add(site: Site) -> Expr:
    """`nn.bias_add` of a constant vector along one axis where idioms are asked for."""
    bias = site.array(1)
    axis = _bias_axis(site, bias)
    if axis is None or bias is None or not site.idioms:
        return site.relay("add", site.operand(0), site.operand(1))
    return site.relay("nn.bias_add", site.operand(0), Constant(bias.reshape(-1)), axis=axis)


def _bias_axis(site: Site, bias: Array | None) -> int | None:
    """The axis along which a constant is a bias: one of all that it has, or the last where it is a vector."""
    rank = len(site.dims(0))
    if bias is None or not rank or bias.size < 2:
        return None
    if bias.ndim == 1:
        return -1 if bias.size == site.dims(0)[-1] else None
    wide = [axis for axis, dim in enumerate(bias.shape) if dim > 1]
    if bias.ndim != rank or len(wide) != 1 or wide[0] == rank - 1:
        return None
    return wide[0]


def clip(site: Site) -> Expr:
    """Bounds are attributes."""
    low, high = (float(plain(site.call.args[index])) for index in (1, 2))
    return site.relay("clip", site.operand(0), a_min=low, a_max=high)


def matmul(site: Site) -> Expr:
    """`nn.dense` by a constant matrix, `nn.matmul` by any other, `nn.batch_matmul` of matrices in batches."""
    left, right = site.dims(0), site.dims(1)
    dtype = site.attr("out_dtype") or ""
    if len(right) == 2 and len(left) >= 2:
        weight = site.array(1)
        if weight is not None and site.idioms:
            turned = Constant(np.ascontiguousarray(weight.T))
            return site.relay("nn.dense", site.operand(0), turned, units=right[1], out_dtype=dtype)
        return site.relay("nn.matmul", site.operand(0), site.operand(1), out_dtype=dtype)
    if len(left) == len(right) == 3:
        return site.relay(
            "nn.batch_matmul", site.operand(0), site.operand(1), out_dtype=dtype, transpose_b=False
        )
    return _flattened(site, left, right, dtype)


def _flattened(site: Site, left: list[Any], right: list[Any], dtype: str) -> Expr:
    """Batches of more than one axis as one."""
    if len(left) != len(right) or left[:-2] != right[:-2] or len(left) < 4:
        raise site.refuse(f"operands of shapes {left} and {right}")
    flat = [
        site.step("reshape", site.operand(index), newshape=(-1, *dims[-2:]))
        for index, dims in enumerate((left, right))
    ]
    whole = site.step("nn.batch_matmul", *flat, out_dtype=dtype, transpose_b=False)
    return site.relay("reshape", whole, newshape=(*left[:-1], right[-1]))


def convolution(site: Site) -> Expr:
    """Channels and kernel are named, as Relay's frontends do."""
    names = ["strides", "padding", "dilation", "groups", "data_layout", "kernel_layout"]
    if site.name.endswith("transpose"):
        names.append("output_padding")
    attrs = {name: site.attr(name) for name in names}
    layout, weight = attrs["kernel_layout"], site.dims(1)
    kernel = tuple(dim for axis, dim in zip(layout, weight, strict=True) if axis not in ("O", "I"))
    channels = weight[layout.index("O")]
    if site.name.endswith("transpose"):
        channels *= attrs["groups"]
    out_layout = site.attr("out_layout")
    return site.relay(
        site.name,
        site.operand(0),
        site.operand(1),
        **attrs,
        channels=channels,
        kernel_size=kernel,
        out_layout="" if out_layout == attrs["data_layout"] else out_layout,
        out_dtype=site.attr("out_dtype") or "",
    )


def pool(site: Site) -> Expr:
    """A window over the operand."""
    names = ["pool_size", "strides", "dilation", "padding", "layout", "ceil_mode"]
    if "avg" in site.name:
        names.append("count_include_pad")
    return site.relay(
        site.name,
        site.operand(0),
        **{name: site.attr(name) for name in names},
        out_layout=_out_layout(site),
    )


def _out_layout(site: Site) -> str:
    layout: str = site.attr("out_layout")
    return "" if layout == site.attr("layout") else layout


def adaptive_pool(site: Site) -> Expr:
    """A window that fits the size of the result."""
    return site.relay(
        site.name,
        site.operand(0),
        output_size=site.attr("output_size") or (),
        layout=site.attr("layout"),
        out_layout=_out_layout(site),
    )


def batch_norm(site: Site) -> Expr:
    """With the moving statistics alone."""
    if site.attr("training"):
        raise site.refuse("it trains")
    names = ("axis", "epsilon", "center", "scale")
    operands = [site.operand(index) for index in range(5)]
    return site.relay("nn.batch_norm", *operands, **{name: site.attr(name) for name in names})


def layer_norm(site: Site) -> Expr:
    """Over one axis."""
    axes = site.attr("axes")
    if len(axes) != 1:
        raise site.refuse("several axes")
    operands = [site.operand(index) for index in range(3)]
    attrs = {name: site.attr(name) for name in ("epsilon", "center", "scale")}
    return site.relay("nn.layer_norm", *operands, axis=axes[0], **attrs)


def pad(site: Site) -> Expr:
    """Widths in pairs; the margin's value is an operand."""
    modes = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}
    mode = site.attr("pad_mode")
    if mode not in modes:
        raise site.refuse(f"mode {mode}")
    widths = site.attr("pad_width")
    pairs = tuple(zip(widths[::2], widths[1::2], strict=True))
    value = Constant(np.asarray(site.attr("pad_value"), np.float32))
    return site.relay("nn.pad", site.operand(0), value, pad_width=pairs, pad_mode=modes[mode])


def reshape(site: Site) -> Expr:
    """Extents, one of them possibly symbolic."""
    dims = [dim if isinstance(dim, int) else -1 for dim in _shape(site.call.args[1])]
    if dims.count(-1) > 1:
        raise site.refuse("several symbolic extents")
    return site.relay("reshape", site.operand(0), newshape=tuple(dims))


def _shape(expr: Any) -> list[Any]:
    values = getattr(expr, "values", None)
    if values is None:
        return [-1, -1]
    return [dim if not hasattr(dim, "value") else int(dim.value) for dim in values]


def expand_dims(site: Site) -> Expr:
    """Axes in a row are one operator, others one each."""
    rank = len(site.dims(0)) + len(site.attr("axis"))
    axes = sorted(axis % rank for axis in site.attr("axis"))
    value = site.operand(0)
    runs: list[list[int]] = []
    for axis in axes:
        if runs and runs[-1][-1] == axis - 1:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    for run in runs[:-1]:
        value = site.step("expand_dims", value, axis=run[0], num_newaxis=len(run))
    return site.relay("expand_dims", value, axis=runs[-1][0], num_newaxis=len(runs[-1]))


def strided_slice(site: Site) -> Expr:
    """Bounds are attributes."""
    axes, begin, end, *rest = (plain(each) for each in site.call.args[1:])
    strides = rest[0] if rest else (1,) * len(axes)
    return site.relay(
        "strided_slice", site.operand(0), begin=begin, end=end, strides=strides, axes=axes
    )


def _turned_indices(site: Site) -> Expr:
    """Index tuples along the first axis; Relax has them along the last."""
    indices = site.array(1)
    if indices is not None:
        return Constant(np.ascontiguousarray(np.moveaxis(indices, -1, 0)))
    rank = len(site.dims(1))
    return site.step("transpose", site.operand(1), axes=(rank - 1, *range(rank - 1)))


def gather_nd(site: Site) -> Expr:
    """Slices by index tuples."""
    batch = site.attr("batch_dims")
    depth = site.dims(1)[-1]
    return site.relay(
        "gather_nd", site.operand(0), _turned_indices(site), batch_dims=batch, index_rank=depth
    )


def scatter_nd(site: Site) -> Expr:
    """Slices put by index tuples."""
    operands = [site.operand(0), _turned_indices(site), site.operand(2)]
    return site.relay("scatter_nd", *operands, mode=site.attr("reduction"))


def broadcast_to(site: Site) -> Expr:
    """A larger shape."""
    return site.relay("broadcast_to", site.operand(0), shape=plain(site.call.args[1]))


def full(site: Site) -> Expr:
    """One value everywhere."""
    shape, dtype = plain(site.call.args[0]), site.attr("dtype")
    return site.relay("full", site.operand(1), shape=shape, dtype=dtype)


def filled(site: Site) -> Expr:
    """Zeros, ones."""
    return site.relay(site.name, shape=plain(site.call.args[0]), dtype=site.attr("dtype"))


def arange(site: Site) -> Expr:
    """Bounds are operands, and attributes as well."""
    dtype = site.attr("dtype")
    bounds = [Constant(np.asarray(plain(each), dtype)) for each in site.call.args]
    names = ("start", "stop", "step")
    return site.relay("arange", *bounds, **dict(zip(names, bounds, strict=True)), dtype=dtype)


def one_hot(site: Site) -> Expr:
    """Both values are operands."""
    dtype = str(site.call.ty.dtype)
    values = [Constant(np.asarray(plain(each), dtype)) for each in site.call.args[1:]]
    attrs = {"depth": site.attr("depth"), "axis": site.attr("axis"), "dtype": dtype}
    return site.relay("one_hot", site.operand(0), *values, **attrs)


def trilu(site: Site) -> Expr:
    """The diagonal is an operand."""
    diagonal = Constant(np.asarray(plain(site.call.args[1]), np.int32))
    return site.relay("trilu", site.operand(0), diagonal, upper=site.name == "triu")


def mean(site: Site) -> Expr:
    """`nn.global_avg_pool2d` over the extents of an image where idioms are asked for."""
    axis, keepdims = site.attr("axis"), site.attr("keepdims")
    if site.idioms and axis == (2, 3) and keepdims and len(site.dims(0)) == 4:
        return site.relay("nn.global_avg_pool2d", site.operand(0))
    return site.relay("mean", site.operand(0), axis=axis, keepdims=keepdims)


def variance(site: Site) -> Expr:
    """The mean is an operand."""
    axis = site.attr("axis")
    mean = site.step("mean", site.operand(0), axis=axis, keepdims=True)
    return site.relay("variance", site.operand(0), mean, axis=axis, keepdims=site.attr("keepdims"))


def extreme(site: Site) -> Expr:
    """Relay's places are 32 bits wide."""
    axis = site.attr("axis")
    axes = None if axis is None else (axis,)
    place = site.step(site.name, site.operand(0), axis=axes, keepdims=site.attr("keepdims"))
    return site.relay("cast", place, dtype=str(site.call.ty.dtype))


def order(site: Site) -> Expr:
    """Ascending where Relax says descending."""
    attrs = {"axis": site.attr("axis"), "is_ascend": not site.attr("descending")}
    if site.name == "argsort":
        attrs["dtype"] = site.attr("dtype")
    return site.relay(site.name, site.operand(0), **attrs)


def topk(site: Site) -> Expr:
    """The smallest where Relax does not say largest."""
    attrs = {name: site.attr(name) for name in ("k", "axis", "ret_type", "dtype")}
    return site.relay("topk", site.operand(0), **attrs, is_ascend=not site.attr("largest"))


def resize(site: Site) -> Expr:
    """The size is an attribute."""
    names = (
        "roi",
        "layout",
        "method",
        "coordinate_transformation_mode",
        "rounding_method",
        "cubic_alpha",
        "cubic_exclude",
        "extrapolation_value",
    )
    attrs = {name: site.attr(name) for name in names}
    size = plain(site.call.args[1])
    return site.relay(
        site.name,
        site.operand(0),
        size=size,
        **attrs,
        out_dtype=site.attr("out_dtype") or "",
    )


def quantise(site: Site) -> Call:
    """Relay's zero point is 32 bits wide."""
    zero = site.array(2)
    wide: Expr
    if zero is not None:
        wide = Constant(zero.astype(np.int32))
    else:
        wide = site.step("cast", site.operand(2), dtype="int32")
    attrs = {"out_dtype": site.attr("out_dtype"), "axis": site.attr("axis")}
    return site.relay(f"qnn.{site.name}", site.operand(0), site.operand(1), wide, **attrs)
