"""Pools and resizing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import relax

from byoc.frontends.relay.operation import Family, Operation
from byoc.frontends.relay.values import Accumulator, Value

FAMILY = Family("Pools and images")

_LAYOUTS = {1: "NCW", 2: "NCHW", 3: "NCDHW"}


def _on_real(op: Operation, make: Callable[[Any], Any], word: str) -> Value:
    """Apply a mean of elements; of an accumulator with one scale, to what it stands for."""
    value = op.args[0]
    if isinstance(value, Accumulator) and value.scale.size == 1:
        real = op.bind(make(value.real), word)
        return Accumulator(real, value.scale, value.zero_point, 0, value.dtype)
    expr = op.expr()
    if not str(expr.ty.dtype).startswith(("float", "bfloat")):
        op.misfit("a mean of integers that no qnn operator made")
    return make(expr)


def _window(op: Operation) -> dict[str, Any]:
    names = ("pool_size", "strides", "dilation", "padding", "ceil_mode", "layout")
    return {name: op[name] for name in names} | {"out_layout": op["out_layout"] or None}


def _pools(rank: int) -> None:
    ones = (1,) * rank
    defaults: dict[str, Any] = {
        "pool_size": ones,
        "strides": ones,
        "dilation": ones,
        "padding": (0,) * rank,
        "layout": _LAYOUTS[rank],
        "out_layout": "",
        "ceil_mode": False,
    }

    @FAMILY.operator(f"nn.max_pool{rank}d", f"`nn.max_pool{rank}d`", **defaults)
    def largest(op: Operation) -> Any:
        return getattr(relax.op.nn, f"max_pool{rank}d")(op.expr(), **_window(op))

    @FAMILY.operator(
        f"nn.avg_pool{rank}d", f"`nn.avg_pool{rank}d`", count_include_pad=False, **defaults
    )
    def mean(op: Operation) -> Value:
        make = getattr(relax.op.nn, f"avg_pool{rank}d")
        extra = {"count_include_pad": op["count_include_pad"]}
        return _on_real(op, lambda data: make(data, **_window(op), **extra), "pool")


def _spatial(op: Operation) -> list[int]:
    layout = op["layout"]
    return [axis for axis, letter in enumerate(layout) if letter not in "NC"]


def _global_pools(rank: int) -> None:
    defaults: dict[str, Any] = {"layout": _LAYOUTS[rank], "out_layout": ""}

    @FAMILY.operator(f"nn.global_avg_pool{rank}d", "`mean`", **defaults)
    def mean(op: Operation) -> Value:
        return _on_real(op, lambda data: relax.op.mean(data, _spatial(op), keepdims=True), "mean")

    @FAMILY.operator(f"nn.global_max_pool{rank}d", "`max`", **defaults)
    def largest(op: Operation) -> Any:
        return relax.op.max(op.expr(), _spatial(op), keepdims=True)


def _adaptive_pools(rank: int) -> None:
    defaults: dict[str, Any] = {"output_size": None, "layout": _LAYOUTS[rank], "out_layout": ""}

    @FAMILY.operator(f"nn.adaptive_avg_pool{rank}d", f"`nn.adaptive_avg_pool{rank}d`", **defaults)
    def mean(op: Operation) -> Value:
        make = getattr(relax.op.nn, f"adaptive_avg_pool{rank}d")
        size = op["output_size"] or None
        return _on_real(op, lambda data: make(data, size, layout=op["layout"]), "pool")

    @FAMILY.operator(f"nn.adaptive_max_pool{rank}d", f"`nn.max_pool{rank}d`", **defaults)
    def largest(op: Operation) -> Any:
        data = op.expr()
        have = [op.static(data)[axis] for axis in _spatial(op)]
        size = op["output_size"]
        asked = list(size) if isinstance(size, tuple) and size else [size or None] * rank
        want = [
            whole if each in (None, ()) else each for each, whole in zip(asked, have, strict=True)
        ]
        if any(each < 1 or whole % each for each, whole in zip(want, have, strict=True)):
            op.misfit("its windows are not all of one size")
        window = [whole // each for each, whole in zip(want, have, strict=True)]
        make = getattr(relax.op.nn, f"max_pool{rank}d")
        return make(data, window, window, (0,) * rank, layout=op["layout"])


for _rank in (1, 2, 3):
    _pools(_rank)
    _global_pools(_rank)
    _adaptive_pools(_rank)


@FAMILY.operator(
    "image.resize2d",
    "`image.resize2d`",
    arguments=(1, 3),
    size=None,
    roi=None,
    layout="NCHW",
    method="linear",
    coordinate_transformation_mode="half_pixel",
    rounding_method="round",
    cubic_alpha=-0.5,
    cubic_exclude=0,
    extrapolation_value=0.0,
    out_dtype="",
)
def resize2d(op: Operation) -> Any:
    """Another size of an image, where the size is an attribute."""
    if len(op.args) > 1:
        op.misfit("its size is computed by the model")
    return relax.op.image.resize2d(
        op.expr(),
        tuple(op["size"]),
        tuple(float(each) for each in op["roi"] or (0.0,) * 4),
        layout=op["layout"],
        method=op["method"],
        coordinate_transformation_mode=op["coordinate_transformation_mode"],
        rounding_method=op["rounding_method"],
        cubic_alpha=float(op["cubic_alpha"]),
        cubic_exclude=op["cubic_exclude"],
        extrapolation_value=float(op["extrapolation_value"]),
        out_dtype=op["out_dtype"] or None,
    )


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
    data, layout = op.expr(), op["layout"]
    methods = {"nearest_neighbor": "nearest_neighbor", "bilinear": "linear", "bicubic": "cubic"}
    if op["method"] not in methods or layout not in ("NCHW", "NHWC"):
        op.misfit(f"method {op['method']!r} of layout {layout!r}")
    dims = op.static(data)
    size = tuple(round(dims[layout.index(axis)] * op[f"scale_{axis.lower()}"]) for axis in "HW")
    return relax.op.image.resize2d(
        data,
        size,
        layout=layout,
        method=methods[op["method"]],
        coordinate_transformation_mode="align_corners" if op["align_corners"] else "asymmetric",
        rounding_method="",
        cubic_alpha=-0.5,
    )
